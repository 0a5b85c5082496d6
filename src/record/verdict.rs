//! What a `panic` line and a `verdict` line say alike: what became of the panic, as far as it was known
//! then, and what that rests on.
//!
//! Runs on: the writer thread and readers. Must not: do I/O.

use serde::{Deserialize, Serialize};

use super::{Basis, Fate, Handler, Head, Line, PanicId, Place, Receipt, Report, TestRef, VerdictLine};

/// What a line says of the end of a panic. The last one of a panic stands.
///
/// # Examples
/// ```
/// use panic_agent::Line;
///
/// fn is_unseen(line: &Line) -> bool {
///     line.verdict().is_some_and(|verdict| verdict.silent == Some(true))
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict<'a> {
    /// The fields that the line begins with.
    pub head: &'a Head<PanicId>,
    /// Message of the panic: whole in a `panic` line, its start in a `verdict` line; `None` for a payload that is not a text.
    pub message: Option<&'a str>,
    /// Name of the panicking thread; `None` when it has none.
    pub thread: Option<&'a str>,
    /// How it ended.
    pub fate: Fate,
    /// Whether anybody received the error.
    pub receipt: Receipt,
    /// On what `fate` rests.
    pub basis: Basis,
    /// Whether nothing in the program stopped it; `None` when it cannot be told.
    pub uncaught: Option<bool>,
    /// Whether the process goes on and nobody finds out; `None` when it cannot be told (yet).
    pub silent: Option<bool>,
    /// Whether it was received and dropped unread; `None` when it cannot be told (yet).
    pub swallowed: Option<bool>,
    /// Why the process aborts, or why something is unknown.
    pub reason: Option<&'a str>,
    /// How it is linked to the first panic of its chain; `None` when it is the first.
    pub relation: Option<&'a str>,
    /// Who stopped it, once it has landed.
    pub landing: Option<&'a Handler>,
    /// Where the payload was read, or dropped unread by the program.
    pub received_at: Option<&'a Place>,
    /// How often the payload was thrown again after it had landed.
    pub hops: u32,
    /// What this rests on; `None` where `landing`, `received_at` and `reason` say it all.
    pub evidence: Option<&'a Evidence>,
    /// The test that it belongs to; `None` outside of audited test harnesses.
    pub test: Option<&'a TestRef>,
}

macro_rules! verdict_of {
    ($($line:ident),*) => {
        $(impl $line {
            /// What the line says of the end of the panic.
            pub fn verdict(&self) -> Verdict<'_> {
                Verdict {
                    head: &self.head,
                    message: self.message.as_deref(),
                    thread: self.thread.as_deref(),
                    fate: self.fate,
                    receipt: self.receipt,
                    basis: self.basis,
                    uncaught: self.uncaught,
                    silent: self.silent,
                    swallowed: self.swallowed,
                    reason: self.reason.as_deref(),
                    relation: self.relation.as_deref(),
                    landing: self.landing.as_ref(),
                    received_at: self.received_at.as_ref(),
                    hops: self.hops,
                    evidence: self.evidence.as_ref(),
                    test: self.test.as_ref(),
                }
            }
        })*
    };
}

verdict_of!(Report, VerdictLine);

impl Line {
    /// What the line says of the end of a panic; `None` for a line of another kind.
    pub fn verdict(&self) -> Option<Verdict<'_>> {
        match self {
            Self::Panic(report) => Some(report.verdict()),
            Self::Verdict(verdict) => Some(verdict.verdict()),
            _ => None,
        }
    }
}

/// What was seen of a panic after its hook, the rule by which that makes its verdict, and what could not be seen.
///
/// At most eight things seen. A line has none where `landing`, `received_at` and `reason` say it all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Evidence {
    /// Which rule made `silent` what it is. A stable short word.
    pub rule: String,
    /// What was seen, in the order in which the agent learned of it.
    pub seen: Vec<Seen>,
    /// What could not be seen of this panic: words of `reason`. Left out of the line when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unseen: Vec<String>,
}

/// Something that was seen of a panic. What is not known is left out of the line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Seen {
    /// A stable short word.
    pub what: String,
    /// Microseconds after the panic was raised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub us: Option<u64>,
    /// OS id of the thread that it was seen on; `None` for the panicking thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os_thread: Option<u32>,
    /// Function of the program that dropped what held the error, at most 200 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// Its file, at most 200 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line in it, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}
