//! The lines about the process itself, `process`, `finding`, `losses` and `end`, and the `verdict` line.
//!
//! Runs on: the writer thread. Must not: fail; what is missing becomes `null` and a soft error.

use super::build::Builder;
use super::known_hooks::known_hook;
use super::redact::Redact;
use crate::config::RedactField;
use crate::harness::Said;
use crate::hook::PreviousHook;
use crate::platform::{self, Prediction as Predicted};
use crate::record::finding::Finding;
use crate::record::{
    EndLine, EndedBy, Evidence, FindingLine, Level, LineKind, LossSite, Losses, LossesLine, PanicId,
    ProbeLosses, ProcessLine, RepeatsLine, SoftError, TestLine, VerdictLine,
};
use crate::sys::thread::TELLS_DETACH_STATE;
use crate::verdict::verdict_text::About;
use crate::verdict::{Change, Strategy, level_of};

/// What this build can do and what it lacks, as the `process` line says it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Abilities {
    pub(crate) can: Vec<String>,
    /// Whose panic hook was there before the agent's.
    pub(crate) previous_hook: Option<PreviousHook>,
    /// Whether that hook is called for each panic.
    pub(crate) calls_previous: bool,
    pub(crate) soft_errors: Vec<SoftError>,
}

impl Abilities {
    /// What the platform and the options decide. Whoever wires the agent adds what else it can.
    pub(crate) fn of_this_build(symbols: bool) -> Self {
        let mut abilities = Self::default();
        match platform::current().prediction {
            Predicted::Tables => abilities.can("tables"),
            Predicted::Names if symbols => abilities.can("names"),
            Predicted::Names => abilities.cannot(
                "prediction",
                "unsupported_platform",
                "no unwind tables are read on this platform, and without symbols there are no names to predict from",
            ),
        }
        if TELLS_DETACH_STATE {
            abilities.can("detach_state");
        }
        if symbols {
            abilities.can("symbols");
        } else {
            abilities.cannot("frames.function", "symbols_off", "symbols are off by configuration");
        }
        abilities
    }

    /// Adds everything that another one says.
    pub(crate) fn add(&mut self, other: Self) {
        self.can.extend(other.can);
        self.previous_hook = self.previous_hook.or(other.previous_hook);
        self.calls_previous |= other.calls_previous;
        self.soft_errors.extend(other.soft_errors);
    }

    /// Adds an ability.
    pub(crate) fn can(&mut self, ability: &str) {
        self.can.push(ability.to_owned());
    }

    /// Adds something that every report of this process lacks.
    pub(crate) fn cannot(&mut self, field: &str, code: &str, detail: &str) {
        self.soft_errors.push(SoftError::new(field, code, detail));
    }
}

/// The `process` line; `own_ip` is an address in the executable.
pub(crate) fn process_line(
    builder: &mut Builder,
    mut abilities: Abilities,
    strategy: Strategy,
    own_ip: u64,
) -> ProcessLine {
    let exe = std::env::current_exe().ok().map(|path| builder.redact.path(&path.to_string_lossy()));
    if exe.is_none() {
        abilities.cannot("exe", "no_exe", "the path of the executable cannot be read");
    }
    if builder.service.host.is_none() {
        abilities.cannot("host", "no_host", "the host name cannot be read");
    }
    let mut image = builder.surroundings.image_of(own_ip, None).map(|at| (*at.image).clone());
    match &mut image {
        Some(image) => builder.redact.images(core::slice::from_mut(image)),
        None => abilities.cannot("image", "no_image", "the loaded images cannot be listed"),
    }
    let labels = builder.surroundings.process_labels(None).unwrap_or_default();
    let labels = labels
        .iter()
        .map(|(key, value)| (key.clone(), builder.redact.text(RedactField::Label(key), value)))
        .collect();
    if builder.redact.take_failed() {
        abilities.soft_errors.push(Redact::failure("labels"));
    }
    let agent_version = env!("CARGO_PKG_VERSION").to_owned();
    let Abilities { can, previous_hook, calls_previous, soft_errors } = abilities;
    let (previous_hook, twice) = previous_hook.map_or((None, None), |previous| named(previous, builder));
    let twice = twice.filter(|_| calls_previous).map(|twice| format!("; {twice}")).unwrap_or_default();
    let watched = exe.as_deref().unwrap_or("this process");
    ProcessLine {
        head: builder.head(LineKind::Process, Level::Info),
        message: format!("panic-agent {agent_version} watches {watched}{twice}"),
        exe,
        image,
        agent_version,
        panic_strategy: strategy.word().to_owned(),
        previous_hook: previous_hook.map(str::to_owned),
        labels,
        can,
        soft_errors,
    }
}

/// The word for a hook that was set before the agent's, and what is there twice because of it.
fn named(previous: PreviousHook, builder: &mut Builder) -> (Option<&'static str>, Option<&'static str>) {
    let PreviousHook::Other { code } = previous else { return (Some("std"), None) };
    let function = builder.stacks.symbolizer.function_at(code, &mut *builder.surroundings);
    let known = function.and_then(|function| known_hook(&function));
    (Some(known.map_or("other", |known| known.word)), known.and_then(|known| known.twice))
}

/// Totals of everything that was lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lost {
    pub(crate) reports: Losses,
    /// `None` without probes.
    pub(crate) probes: Option<ProbeLosses>,
}

impl Lost {
    /// Whether a line should say so. Counts never shrink.
    pub(crate) fn grew_since(self, before: Self) -> bool {
        let probes = self.probes.unwrap_or_default().grew_since(before.probes.unwrap_or_default());
        // What was folded has lines of its own.
        probes || self.reports != Losses { folded: self.reports.folded, ..before.reports }
    }
}

/// The `losses` line.
pub(crate) fn losses_line(
    builder: &mut Builder,
    Lost { reports: losses, probes }: Lost,
    sites: Vec<LossSite>,
) -> LossesLine {
    LossesLine {
        head: builder
            .head(LineKind::Losses, if losses == Losses::default() { Level::Warn } else { Level::Error }),
        message: match probes.map_or(0, |probes| probes.events_lost) {
            0 => format!("{} panics of this process have no line", losses.total()),
            events => format!(
                "{} panics of this process have no line, {events} events of the probes were lost",
                losses.total()
            ),
        },
        losses,
        probes,
        sites,
    }
}

/// The line of panics that were folded, with a head of its own.
pub(crate) fn repeats_line(builder: &mut Builder, line: RepeatsLine) -> RepeatsLine {
    RepeatsLine { head: builder.head(LineKind::Repeats, line.head.level), ..line }
}

/// The `end` line; `panics` of the process have their line before it or are counted as lost.
pub(crate) fn end_line(
    builder: &mut Builder,
    panics: u64,
    written: u64,
    Lost { reports: losses, probes }: Lost,
    ended_by: Option<EndedBy>,
) -> EndLine {
    EndLine {
        head: builder.head(LineKind::End, Level::Info),
        message: format!("{panics} panics, {written} written, {} lost", losses.total()),
        panics,
        written,
        losses,
        probes,
        ended_by,
    }
}

/// The line of what the harness said; its end has none.
pub(crate) fn test_line(builder: &mut Builder, said: Said) -> Option<TestLine> {
    said.into_line(builder.head(LineKind::Test, Level::Info))
}

/// The line of a finding.
pub(crate) fn finding_line(builder: &mut Builder, finding: Finding) -> FindingLine {
    let Finding { level, code, message, panic, places, test } = finding;
    let places = places.into_iter().map(|place| builder.redact.place(place)).collect();
    FindingLine {
        head: builder.head(LineKind::Finding, level),
        code: code.to_owned(),
        message,
        panic: panic.map(|sequence| PanicId::new(builder.service.instance, sequence)),
        places,
        test,
    }
}

/// The line of a verdict.
pub(crate) fn verdict_line(
    builder: &mut Builder,
    change: &Change,
    about: About,
    evidence: Option<Evidence>,
) -> VerdictLine {
    let outcome = &change.outcome;
    let instance = builder.service.instance;
    let id = PanicId::new(instance, change.sequence);
    let stamp = builder.clock.now();
    let head = builder.service.head(LineKind::Verdict, id, stamp, about.pid, level_of(outcome.fate));
    let reason = about.reason(change);
    let About { fingerprint, message, thread, test, .. } = about;
    VerdictLine {
        head,
        fingerprint,
        message,
        thread,
        fate: outcome.fate,
        receipt: outcome.receipt,
        basis: outcome.basis,
        uncaught: outcome.uncaught,
        silent: outcome.silent,
        swallowed: outcome.swallowed,
        reason,
        incident: PanicId::new(instance, change.incident),
        relation: change.relation.map(|relation| relation.word().to_owned()),
        landing: outcome.landing.as_deref().cloned(),
        received_at: outcome.received_at.clone(),
        hops: outcome.hops,
        evidence,
        test,
    }
}
