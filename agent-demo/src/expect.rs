//! What must come of a scenario: the end of the process and one entry per panic.
//!
//! Runs on: the thread that checks. Must not: know how the agent finds its answers.

use core::fmt;

use panic_agent::record::{AbortReason, Basis, Fate, HandlerKind, Receipt, StopKind};
use serde::Serialize;

use crate::verdict::{Hops, Link};
use crate::{Names, Profile, Verdict};

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// It exited with this status.
    Code(i32),
    /// This signal killed it.
    Signal(i32),
}

/// What std says when it stops an unwinding at a frame that must not unwind.
pub(crate) const CANNOT_UNWIND: &str = "panic in a function that cannot unwind";
/// The signal of `abort`.
pub(crate) const SIGABRT: i32 = 6;

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "status {code}"),
            Self::Signal(SIGABRT) => f.write_str("SIGABRT"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
        }
    }
}

/// The message of a panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// It contains this text.
    Contains(&'static str),
    /// It is empty.
    Empty,
    /// It is `null`: the payload is not a text.
    Null,
}

impl Message {
    /// Whether a message of a line is the one that is meant.
    pub fn matches(self, found: Option<&str>) -> bool {
        match (self, found) {
            (Self::Contains(text), Some(found)) => found.contains(text),
            (Self::Empty, Some(found)) => found.is_empty(),
            (Self::Null, None) => true,
            _ => false,
        }
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contains(text) => write!(f, "`{text}`"),
            Self::Empty => f.write_str("(empty message)"),
            Self::Null => f.write_str("(no message)"),
        }
    }
}

/// The thread of a panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThreadName {
    /// It has this name.
    Named(&'static str),
    /// Its name begins like this.
    Prefix(&'static str),
    /// It has no name.
    Unnamed,
    /// A thread that Rust did not create: whether it has a name is the system's affair.
    Foreign,
}

impl ThreadName {
    /// Whether the thread of a line is the one that is meant.
    pub fn matches(self, found: Option<&str>) -> bool {
        match self {
            Self::Named(name) => found == Some(name),
            Self::Prefix(prefix) => found.is_some_and(|found| found.starts_with(prefix)),
            Self::Unnamed => found.is_none(),
            Self::Foreign => true,
        }
    }
}

impl fmt::Display for ThreadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => write!(f, "thread `{name}`"),
            Self::Prefix(prefix) => write!(f, "a thread `{prefix}…`"),
            Self::Unnamed => f.write_str("a thread without a name"),
            Self::Foreign => f.write_str("a foreign thread"),
        }
    }
}

/// What a `panic` line says of the end of its unwinding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// What stops it.
    pub stop: StopKind,
    /// Who owns the catch.
    pub handler: Option<HandlerKind>,
    /// Why the process aborts.
    pub abort_reason: Option<AbortReason>,
    /// How it ends.
    pub fate: Fate,
}

impl Outcome {
    /// Stopped by a catch of this kind.
    pub const fn caught_by(handler: HandlerKind) -> Self {
        let fate = match handler {
            HandlerKind::User | HandlerKind::Futures => Fate::Caught,
            HandlerKind::ThreadRoot => Fate::ThreadDied,
            HandlerKind::MainRoot => Fate::MainDied,
            HandlerKind::Unknown => Fate::Caught,
            HandlerKind::Foreign => Fate::Unknown,
            _ => Fate::RuntimeCaught,
        };
        Self { stop: StopKind::Catch, handler: Some(handler), abort_reason: None, fate }
    }

    /// The process aborts of it.
    pub const fn aborted(reason: AbortReason) -> Self {
        let stop = match reason {
            AbortReason::NoHandler => StopKind::None,
            _ => StopKind::Abort,
        };
        Self { stop, handler: None, abort_reason: Some(reason), fate: Fate::Aborted }
    }

    /// The process aborts, by decision of a runtime or a hook that no line can announce.
    pub const ABORTED_UNANNOUNCED: Self =
        Self { stop: StopKind::Abort, handler: None, abort_reason: None, fate: Fate::Aborted };

    /// Something catches it, and the tables cannot tell what becomes of it then.
    pub const fn caught_then_unknown(handler: HandlerKind) -> Self {
        Self { stop: StopKind::Catch, handler: Some(handler), abort_reason: None, fate: Fate::Unknown }
    }

    /// The fate that follows from what stops it, whatever is known by now.
    pub(crate) fn predicted_fate(self) -> Fate {
        match (self.stop, self.handler) {
            (StopKind::Catch, Some(handler)) => Self::caught_by(handler).fate,
            (StopKind::Abort | StopKind::None, _) => Fate::Aborted,
            _ => Fate::Unknown,
        }
    }

    /// Whether `found` is this outcome, or as much of it as can be known where nothing tells what was inlined: that
    /// something which is no root stops it.
    fn matches_without_inlining(self, found: Self) -> bool {
        let needs_symbols =
            !matches!(self.handler, None | Some(HandlerKind::ThreadRoot | HandlerKind::MainRoot));
        // std's own catch around the result of a thread looks like any other.
        let needs_symbols = needs_symbols || self.abort_reason == Some(AbortReason::ThreadResultDrop);
        let honest = found.handler == Some(HandlerKind::Unknown)
            && found.stop == StopKind::Catch
            && matches!(found.fate, Fate::Caught | Fate::Unknown);
        // A frame that must not unwind, and no name says of which kind.
        let unnamed =
            matches!(self.abort_reason, Some(AbortReason::DropDuringUnwind | AbortReason::TlsDestructor))
                && found == Self { abort_reason: None, ..self };
        self == found || needs_symbols && honest || unnamed
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", word(&self.stop))?;
        if let Some(handler) = self.handler {
            write!(f, " by {}", word(&handler))?;
        }
        if let Some(reason) = self.abort_reason {
            write!(f, " for {}", word(&reason))?;
        }
        write!(f, ", fate {}", word(&self.fate))
    }
}

/// The word of an enumeration as it stands in the lines.
pub fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        other => format!("{other:?}"),
    }
}

/// One panic that must be reported.
#[derive(Clone, Copy, Debug)]
pub struct ExpectedPanic {
    /// Its message.
    pub message: Message,
    /// Its thread.
    pub thread: ThreadName,
    /// What its line may say. More than one where the tables alone do not decide and both answers are honest.
    pub outcomes: &'static [Outcome],
    /// How many such panics there are.
    pub count: usize,
    /// The last word on it, with probes and with symbols.
    pub verdict: Verdict,
}

impl ExpectedPanic {
    /// The program received the payload and dropped it there without a look.
    pub(crate) const fn dropped_at(mut self, place: &'static str) -> Self {
        self.verdict.receipt = Some(Receipt::Received);
        self.verdict.place = Some(place);
        self.verdict.silent = Some(false);
        self.verdict.swallowed = Some(true);
        self
    }

    /// Somebody examined the payload there.
    pub(crate) const fn read_at(mut self, place: &'static str) -> Self {
        self.verdict.receipt = Some(Receipt::Read);
        self.verdict.place = Some(place);
        self.verdict.silent = Some(false);
        self.verdict.swallowed = Some(false);
        self
    }

    /// A runtime dropped the payload: nobody can ever see it.
    pub(crate) const fn discarded(mut self) -> Self {
        self.verdict.receipt = Some(Receipt::Discarded);
        self.verdict.silent = Some(true);
        self.verdict.swallowed = Some(false);
        self
    }

    /// Somebody still holds the payload when the process ends.
    pub(crate) const fn kept_to_the_end(mut self) -> Self {
        self.verdict.receipt = Some(Receipt::Pending);
        self.verdict.silent = Some(true);
        self.verdict.swallowed = Some(false);
        self
    }

    /// The payload cannot be traced: who receives it is not known.
    pub(crate) const fn untraced(mut self) -> Self {
        self.verdict.receipt = Some(Receipt::Unknown);
        self.verdict.silent = None;
        self.verdict.swallowed = None;
        self
    }

    /// A later panic spoke up for it.
    pub(crate) const fn carried_on(mut self) -> Self {
        self.verdict.silent = Some(false);
        self.verdict.swallowed = Some(false);
        self
    }

    /// Whether nobody found out cannot be told.
    pub(crate) const fn perhaps_silent(mut self) -> Self {
        self.verdict.silent = None;
        self
    }

    /// Nobody can ever see its error, and a later panic that may speak of it casts doubt on that.
    pub(crate) const fn doubted(mut self) -> Self {
        self.verdict.silent = None;
        self.verdict.doubted = true;
        self
    }

    /// It belongs to the chain of the scenario's panic number `first`.
    pub(crate) const fn linked(mut self, relation: &'static str, first: usize) -> Self {
        self.verdict.link = Some(Link { relation, first });
        self
    }

    /// Its payload was thrown again, so often, and ended like this at last.
    pub(crate) const fn thrown_again(mut self, hops: Hops, last: &'static [Outcome]) -> Self {
        self.verdict = Verdict { hops, ..Verdict::of(last[0]) };
        self
    }

    /// It ends otherwise than the tables said, as later hook calls show.
    pub(crate) const fn turns_out(mut self, last: &'static [Outcome]) -> Self {
        self.verdict = Verdict { hooks_tell: true, basis: Basis::Confirmed, ..Verdict::of(last[0]) };
        self
    }

    /// A foreign frame stops it and throws it on: where it lands then was predicted by nobody.
    #[cfg(feature = "cpp")]
    pub(crate) const fn passed_on(mut self) -> Self {
        self.verdict.landing = None;
        self
    }

    /// It ends otherwise than the tables said, and the process is gone before anybody can say so.
    pub(crate) const fn turns_out_unseen(mut self, last: &'static [Outcome]) -> Self {
        self.verdict = Verdict::of(last[0]);
        self
    }

    /// Its frames are left while it unwinds, and it never lands.
    #[cfg_attr(windows, allow(dead_code, reason = "of scenarios that Windows lacks"))]
    pub(crate) const fn left_behind(mut self) -> Self {
        let last = Outcome { fate: Fate::Unknown, handler: None, abort_reason: None, ..self.outcomes[0] };
        self.verdict = Verdict { basis: Basis::Predicted, ..Verdict::of(last) };
        self.untraced()
    }

    /// The process ends while it is unwinding.
    pub(crate) const fn cut_short(mut self) -> Self {
        let last = Outcome { fate: Fate::Interrupted, handler: None, ..self.outcomes[0] };
        self.verdict = Verdict::of(last);
        self
    }

    /// Whether a line with this outcome is right in a program of this profile.
    pub fn accepts(&self, found: Outcome, profile: Profile) -> bool {
        match profile {
            Profile::Abort => {
                // Foreign exceptions meet a boundary even where no panic can unwind.
                let at_boundary = self.outcomes == [Outcome::aborted(AbortReason::NounwindBoundary)]
                    && self.message == Message::Contains(CANNOT_UNWIND)
                    && self.outcomes.contains(&found);
                at_boundary || found == Outcome::aborted(AbortReason::StrategyAbort)
            }
            _ if profile.names() == Names::Inlined => self.outcomes.contains(&found),
            _ => self.outcomes.iter().any(|outcome| outcome.matches_without_inlining(found)),
        }
    }
}

/// Whether each panic must have reached the file when the process is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// All of them.
    Certain,
    /// All of them, as lines or as counted losses.
    WrittenOrCounted,
    /// Some may be missing: the process dies in a way that the tables did not announce, right after the
    /// report was queued.
    AtRisk,
}

/// What must come of a scenario in one profile.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// How the process ends.
    pub exit: Exit,
    /// The panics, in no particular order.
    pub panics: Vec<ExpectedPanic>,
    /// Whether all of them must be in the file.
    pub delivery: Delivery,
    /// Whether an `end` line must close the file.
    pub ends_in_order: bool,
    /// Panics that call no hook of the agent's; only the raise probe sees them.
    pub hookless: Vec<ExpectedPanic>,
    /// Codes of the findings that the probes make possible.
    pub findings: &'static [&'static str],
}

impl Expectation {
    /// Number of panics.
    pub fn total(&self) -> usize {
        self.panics.iter().map(|panic| panic.count).sum()
    }
}
