//! The verdict that a panic deserves, and what of it can be known in a given build.
//!
//! Runs on: built in constants; compared on the thread that checks. Must not: know how the agent finds its
//! answers. What cannot be known is `unknown` or `null`; a wrong verdict is worse than none.

use panic_agent::record::{AbortReason, Basis, Fate, HandlerKind, Receipt};

use crate::{Names, Outcome, Profile};

/// What the agent sees of a panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probes {
    /// It has probes: landings, reads and drops are seen.
    On,
    /// It has none: only hooks are seen. Predictions are read from tables.
    Off,
    /// It has none, and predictions are read from names, on platforms without such tables.
    Names,
}

impl Probes {
    /// What an agent sees that was asked to have probes or not, by what its `process` line says that it can; as asked
    /// where it wrote none.
    pub fn told(self, can: Option<&[String]>) -> Self {
        let Some(can) = can else { return self };
        let has = |ability: &str| can.iter().any(|can| can == ability);
        match self {
            _ if has("names") => Self::Names,
            Self::On if !has("probe_raise") => Self::Off,
            asked => asked,
        }
    }
}

/// What decides how much can be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The build.
    pub profile: Profile,
    /// The probes.
    pub probes: Probes,
}

/// The chain that a panic belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The word for how it belongs to it.
    pub relation: &'static str,
    /// The first panic of the chain: index in the scenario's list.
    pub first: usize,
}

/// All that the last word on a panic says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// How it ended.
    pub fate: Fate,
    /// On what that rests.
    pub basis: Basis,
    /// Who received the payload; `None` where the scenario forgot to say, which a test finds.
    pub receipt: Option<Receipt>,
    /// Where it was read, or dropped unread by the program: `file::function`, as far as needed.
    pub place: Option<&'static str>,
    /// Whether nobody found out.
    pub silent: Option<bool>,
    /// Whether it was received and dropped unread.
    pub swallowed: Option<bool>,
    /// Why the process aborts.
    pub abort_reason: Option<AbortReason>,
    /// The chain it belongs to, unless it is the first.
    pub link: Option<Link>,
    /// How often the payload was thrown again.
    pub hops: Hops,
    /// Who stopped it at last.
    pub landing: Option<HandlerKind>,
    /// Whether later hook calls alone show this end, so that it needs no probes.
    pub hooks_tell: bool,
    /// Whether nobody can ever see the error, and a later panic casts doubt on that: it was told by then.
    pub doubted: bool,
}

/// How often a payload was thrown again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hops {
    /// As often.
    Exactly(u32),
    /// At least as often: a library decides.
    AtLeast(u32),
}

impl Hops {
    /// Whether this number is meant.
    pub fn accepts(self, hops: u32) -> bool {
        match self {
            Self::Exactly(wanted) => hops == wanted,
            Self::AtLeast(least) => hops >= least,
        }
    }
}

/// Whether nothing in the program stops a panic with this fate; `None` when that cannot be told.
pub fn uncaught(fate: Fate) -> Option<bool> {
    match fate {
        Fate::Unknown => None,
        known => Some(known.is_uncaught()),
    }
}

/// Whether the process ends with a panic of this fate.
const fn ends_process(fate: Fate) -> bool {
    matches!(fate, Fate::MainDied | Fate::Aborted | Fate::Interrupted)
}

impl Verdict {
    /// What a panic deserves that ends like this. What ends the process is received by nobody, and not
    /// silently; of the others the scenario says who received them.
    pub(crate) const fn of(outcome: Outcome) -> Self {
        let ends = ends_process(outcome.fate);
        Self {
            fate: outcome.fate,
            basis: if matches!(outcome.fate, Fate::Aborted) { Basis::Predicted } else { Basis::Confirmed },
            receipt: if ends { Some(Receipt::Discarded) } else { None },
            place: None,
            silent: if ends { Some(false) } else { None },
            swallowed: if ends { Some(false) } else { None },
            abort_reason: outcome.abort_reason,
            link: None,
            hops: Hops::Exactly(0),
            landing: outcome.handler,
            hooks_tell: false,
            doubted: false,
        }
    }

    /// What of it can be known in this setting. `predicted` is what the tables say; `in_order` is whether
    /// the agent sees the process end.
    pub fn known_in(self, setting: Setting, predicted: Outcome, in_order: bool) -> Self {
        let known = match (setting.profile, setting.probes) {
            (Profile::Abort, _) => Self::of(Outcome::aborted(AbortReason::StrategyAbort)),
            (_, Probes::On) => self,
            (_, Probes::Off | Probes::Names) => self.by_hooks(predicted, in_order),
        };
        if setting.profile.names() == Names::None { known.without_names() } else { known }
    }

    /// The same, where later hook calls correct a prediction.
    pub(crate) fn told_by_hooks(self) -> Self {
        Self { hooks_tell: true, basis: Basis::Confirmed, ..self }
    }

    /// Without probes: what the tables say, and what later hook calls add.
    fn by_hooks(self, predicted: Outcome, in_order: bool) -> Self {
        let told = self.hooks_tell;
        let base = if told { self } else { Self::of(predicted) };
        let open = if in_order { Receipt::Unknown } else { Receipt::Pending };
        // Those two rest on what the probes saw of the payload or of the threads.
        let link = self.link.filter(|link| !matches!(link.relation, "unwrap" | "scope"));
        Self {
            basis: if told { self.basis } else { Basis::Predicted },
            receipt: Some(base.receipt.unwrap_or(open)),
            link,
            hops: Hops::Exactly(0),
            ..base
        }
    }

    /// Without symbols: the roots of threads and of `main` are known by the tables, other handlers are not;
    /// and so it is with who drops a payload.
    fn without_names(self) -> Self {
        // No name shows that the first one died in a one-time initialization.
        let link = self.link.filter(|link| link.relation != "poisoned_init");
        Self { link, ..self }.with_unnamed_end()
    }

    fn with_unnamed_end(self) -> Self {
        let rooted = matches!(self.fate, Fate::ThreadDied) || ends_process(self.fate);
        if rooted {
            return Self { place: None, ..self };
        }
        let (receipt, silent, swallowed) = match self.receipt {
            // That the payload was read is seen without any name.
            Some(Receipt::Read) => (Some(Receipt::Read), self.silent, self.swallowed),
            Some(Receipt::Pending) => (Some(Receipt::Pending), self.silent, self.swallowed),
            _ => (Some(Receipt::Unknown), None, None),
        };
        Self {
            fate: if self.landing == Some(HandlerKind::Foreign) { Fate::Unknown } else { Fate::Caught },
            receipt,
            silent,
            swallowed,
            place: None,
            landing: self.landing.map(|_| HandlerKind::Unknown),
            ..self
        }
    }
}
