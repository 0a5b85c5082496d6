//! What may become of a panic.
//!
//! Runs on: any thread. Must not: do I/O.

use core::fmt;

use crate::record::{Basis, Fate, Receipt, Verdict};

/// What became of a panic. All but [`Any`](Self::Any) are told when they are *confirmed*: observed, not predicted.
///
/// One panic may be several of these. None of them is ever told of a panic that a `catch_unwind` of the program stopped and
/// whose error somebody read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Event {
    /// The process goes on, and nobody can ever see the error: `silent` is true. Not told while a handle that may yet be
    /// joined holds the error.
    Silent,
    /// A thread died of it, whoever joins that thread: `fate` is `thread_died`.
    Uncaught,
    /// A runtime caught it, and nobody awaits the task or job: `fate` is `runtime_caught`, `receipt` is `discarded`.
    TaskDied,
    /// The program received the error and dropped it unread: `swallowed` is true.
    Swallowed,
    /// A panic, whatever becomes of it. Told at once.
    Any,
}

impl Event {
    /// All of them, in the order in which they are told.
    pub(crate) const ALL: [Self; 5] =
        [Self::Any, Self::Uncaught, Self::TaskDied, Self::Swallowed, Self::Silent];

    /// The word in lines, variables and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Uncaught => "uncaught",
            Self::TaskDied => "task_died",
            Self::Swallowed => "swallowed",
            Self::Any => "any",
        }
    }

    pub(super) fn bit(self) -> u8 {
        1 << self as u8
    }

    /// The events that a line tells, confirmed or predicted, as bits. [`Any`](Self::Any) is not among them.
    pub(super) fn told(verdict: &Verdict<'_>) -> u8 {
        let is = |event: Self, yes: bool| if yes { event.bit() } else { 0 };
        let died = verdict.fate == Fate::RuntimeCaught && verdict.receipt == Receipt::Discarded;
        is(Self::Silent, verdict.silent == Some(true))
            | is(Self::Uncaught, verdict.fate == Fate::ThreadDied)
            | is(Self::TaskDied, died)
            | is(Self::Swallowed, verdict.swallowed == Some(true))
    }

    /// Those of them that were observed.
    pub(super) fn confirmed(verdict: &Verdict<'_>) -> u8 {
        if verdict.basis == Basis::Predicted { 0 } else { Self::told(verdict) }
    }

    /// What happened, for people.
    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Self::Silent => "a panic that nobody can ever see",
            Self::Uncaught => "a thread died of a panic",
            Self::TaskDied => "a task that nobody awaits died of a panic",
            Self::Swallowed => "the error of a panic was dropped unread",
            Self::Any => "a panic",
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
