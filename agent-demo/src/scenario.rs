//! A scenario: a small program and what must come of it.
//!
//! Runs on: built in constants. Must not: run anything.

use crate::expect::SIGABRT;
use crate::{Delivery, Exit, Expectation, ExpectedPanic, Profile};

/// One way to panic.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Name on the command line.
    pub name: &'static str,
    /// What happens, in one sentence.
    pub summary: &'static str,
    /// The situation it stands for; several scenarios may share one.
    pub situation: &'static str,
    /// Runs before the agent is installed.
    pub before_agent: Option<fn()>,
    /// The program.
    pub run: fn(),
    /// Scenario that differs in one detail and comes out differently.
    pub twin: Option<&'static str>,
    std_hook_speaks: bool,
    exit: Exit,
    panics: &'static [ExpectedPanic],
    delivery: Delivery,
    ends_in_order: bool,
    debug_assertions_only: bool,
    under_abort: Option<Exit>,
    panics_under_abort: Option<&'static [ExpectedPanic]>,
    hookless: &'static [ExpectedPanic],
    findings: &'static [&'static str],
}

impl Scenario {
    /// A scenario that ends with status 0 and without any panic, until the other methods say otherwise.
    pub(crate) const fn new(
        name: &'static str,
        summary: &'static str,
        situation: &'static str,
        run: fn(),
    ) -> Self {
        Self {
            name,
            summary,
            situation,
            before_agent: None,
            run,
            twin: None,
            std_hook_speaks: true,
            exit: Exit::Code(0),
            panics: &[],
            delivery: Delivery::Certain,
            ends_in_order: true,
            debug_assertions_only: false,
            under_abort: None,
            panics_under_abort: None,
            hookless: &[],
            findings: &[],
        }
    }

    /// Exits with this status.
    pub(crate) const fn exits(mut self, code: i32) -> Self {
        self.exit = Exit::Code(code);
        self
    }

    /// Dies of SIGABRT.
    pub(crate) const fn aborts(self) -> Self {
        self.dies_of(SIGABRT)
    }

    /// Dies of this signal.
    pub(crate) const fn dies_of(mut self, signal: i32) -> Self {
        self.exit = Exit::Signal(signal);
        self.ends_in_order = false;
        self
    }

    /// Has these panics.
    pub(crate) const fn panics(mut self, panics: &'static [ExpectedPanic]) -> Self {
        self.panics = panics;
        self
    }

    /// Has these panics that call no hook of the agent's.
    pub(crate) const fn without_hook(mut self, panics: &'static [ExpectedPanic]) -> Self {
        self.hookless = panics;
        self
    }

    /// Makes the agent say these things about the process.
    pub(crate) const fn finds(mut self, codes: &'static [&'static str]) -> Self {
        self.findings = codes;
        self
    }

    /// Sets hooks of its own, or panics before the agent is there: what std's hook prints is not what the
    /// agent sees.
    pub(crate) const fn beside_std_hook(mut self) -> Self {
        self.std_hook_speaks = false;
        self
    }

    /// Whether what std's hook prints is what the agent must see.
    pub const fn prints_what_is_expected(&self) -> bool {
        self.std_hook_speaks
    }

    /// Differs from this scenario in one detail.
    pub(crate) const fn twin(mut self, name: &'static str) -> Self {
        self.twin = Some(name);
        self
    }

    /// Runs this before the agent is installed.
    pub(crate) const fn before_agent(mut self, run: fn()) -> Self {
        self.before_agent = Some(run);
        self
    }

    /// Reports may be missing, or only counted.
    pub(crate) const fn delivery(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }

    /// The process ends with a status, and yet no exit handler runs.
    #[cfg_attr(windows, allow(dead_code, reason = "of scenarios that Windows lacks"))]
    pub(crate) const fn skips_exit_handlers(mut self) -> Self {
        self.ends_in_order = false;
        self
    }

    /// Panics after the agent's exit handler, which has said the totals.
    #[cfg_attr(
        not(all(target_os = "linux", target_env = "gnu")),
        allow(dead_code, reason = "of scenarios that other platforms lack")
    )]
    pub(crate) const fn after_the_end(mut self) -> Self {
        self.ends_in_order = false;
        self
    }

    /// Panics only where debug assertions are compiled in; elsewhere it ends with status 0.
    pub(crate) const fn debug_assertions_only(mut self) -> Self {
        self.debug_assertions_only = true;
        self
    }

    /// Ends like this with `panic = "abort"`, where the rule (SIGABRT at the first panic) does not decide.
    pub(crate) const fn under_abort(mut self, exit: Exit) -> Self {
        self.under_abort = Some(exit);
        self
    }

    /// Has these panics with `panic = "abort"`, where it has others, or none, without.
    #[cfg_attr(
        not(all(target_os = "linux", target_env = "gnu")),
        allow(dead_code, reason = "of scenarios that other platforms lack")
    )]
    pub(crate) const fn panics_under_abort(mut self, panics: &'static [ExpectedPanic]) -> Self {
        self.panics_under_abort = Some(panics);
        self
    }

    /// What must come of it in a program of this profile.
    pub fn expectation(&self, profile: Profile) -> Expectation {
        let silent = self.debug_assertions_only && profile != Profile::Debug;
        let panics = match (profile, self.panics_under_abort) {
            _ if silent => &[],
            (Profile::Abort, Some(panics)) => panics,
            _ => self.panics,
        };
        let exit = match profile {
            _ if silent => Exit::Code(0),
            Profile::Abort => match self.under_abort {
                Some(exit) => exit,
                None if panics.is_empty() => self.exit,
                None => Exit::Signal(SIGABRT),
            },
            _ => self.exit,
        };
        let ends_in_order = match exit {
            Exit::Code(_) => self.ends_in_order || silent,
            Exit::Signal(_) => false,
        };
        let (hookless, findings) = match profile {
            Profile::Abort => (&[][..], &[][..]),
            _ => (self.hookless, self.findings),
        };
        Expectation {
            exit,
            panics: panics.to_vec(),
            delivery: self.delivery,
            ends_in_order,
            hookless: hookless.to_vec(),
            findings,
        }
    }
}
