//! A finished report, which is the `panic` line, and what it consists of.
//!
//! Runs on: the writer thread and readers. Must not: do I/O.

use core::fmt;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    AbortReason, Ancestor, Basis, Breadcrumb, EhAction, Evidence, Fate, Frame, HandlerKind, Head, Image,
    PanicId, Place, PredictionSource, Receipt, StopKind, TestRef,
};

/// Everything that is known of one panic when its line is written.
///
/// Field by field the normative page is `docs/record-schema.md`. The order here is the order in the line:
/// flat scalars first, the frames last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// The fields of every line; the kind is [`LineKind::Panic`](super::LineKind::Panic), the id that of the
    /// panic in every line about it.
    #[serde(flatten)]
    pub head: Head<PanicId>,
    /// 16 hex digits; equal for panics with the same cause. See `docs/record-schema.md`.
    pub fingerprint: String,
    /// The message; `null` when the payload is of a type that is not known.
    pub message: Option<String>,
    /// Name of the thread; `null` when it has none.
    pub thread: Option<String>,
    /// How it ends, as far as known.
    pub fate: Fate,
    /// Who received the error, as far as known.
    pub receipt: Receipt,
    /// On what `fate` rests.
    pub basis: Basis,
    /// Whether nothing in the program stops it; `null` when it cannot be told. It can be `false` while the
    /// fate is unknown: something catches the panic, but its owner cannot be named.
    pub uncaught: Option<bool>,
    /// Whether the process goes on without anyone learning of the panic; `None` if not known (yet).
    pub silent: Option<bool>,
    /// Whether it was received and dropped unread; `null` when it cannot be told (yet).
    pub swallowed: Option<bool>,
    /// Why the process aborts, or why something is unknown.
    pub reason: Option<String>,
    /// First panic of the chain this one belongs to; its own id when it stands alone.
    pub incident: PanicId,
    /// How it is linked to that first panic; `null` when it is the first.
    pub relation: Option<String>,
    /// Who stopped it, once it has landed.
    pub landing: Option<Handler>,
    /// Where the payload was read, or dropped unread by the program.
    pub received_at: Option<Place>,
    /// How often the payload was thrown again after it had landed.
    pub hops: u32,
    /// What this rests on; `None` where `landing`, `received_at` and `reason` say it all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// Threads from which the panicking one descends, parent first; empty when the probes did not see it start.
    pub lineage: Arc<[Ancestor]>,
    /// The test that it belongs to; `None` outside of audited test harnesses.
    #[serde(default)]
    pub test: Option<TestRef>,
    /// Whether the agent's panic hook was called for it; `None` where the agent has no hook in the program.
    pub hook: Option<bool>,
    /// Whether another process recovered this line after the panicking process had died.
    #[serde(default)]
    pub recovered: bool,
    /// Monotonic clock in nanoseconds.
    pub mono_ns: u64,
    /// True length of the message in bytes; larger than the text when it was cut.
    pub message_len: Option<u32>,
    /// Type of the payload: `&str`, `String`, a registered name, or `null`.
    pub payload_type: Option<String>,
    /// More about the thread.
    pub thread_facts: ThreadFacts,
    /// Where `panic!` stands.
    pub location: Option<Location>,
    /// Whether the request that the thread worked for was over: answered, or its client gone.
    #[serde(default)]
    pub late: bool,
    /// Labels in force, innermost value of each key.
    pub labels: BTreeMap<String, String>,
    /// What the thread left with [`breadcrumb!`](crate::breadcrumb!) and from loggers, oldest first.
    #[serde(default)]
    pub breadcrumbs: Vec<Breadcrumb>,
    /// Which frame will stop the unwinding.
    pub prediction: Prediction,
    /// About the stack as a whole.
    pub stack: StackSummary,
    /// What this report lacks.
    pub soft_errors: Vec<SoftError>,
    /// Images that appear in `frames`.
    pub images: Arc<[Image]>,
    /// Logical frames, innermost first.
    pub frames: Arc<[Frame]>,
    /// What its stack is called in this file, where each stack is written once
    /// ([`Stacks::Once`](crate::sink::Stacks)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack_id: Option<String>,
}

/// Facts about the panicking thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ThreadFacts {
    /// OS thread id.
    pub os_id: Option<u32>,
    /// std's `ThreadId` as a number.
    pub std_id: Option<u64>,
    /// Whether this is the thread that runs Rust's `main`.
    pub main: bool,
    /// Whether the thread was created outside Rust, or is past the end of its Rust life.
    pub foreign: bool,
    /// Whether somebody can still join the thread.
    pub detached: DetachState,
}

/// Whether a `JoinHandle` existed when the panic was raised.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DetachState {
    /// Cannot be told on this platform.
    Unknown = 0,
    /// A handle existed.
    Joinable = 1,
    /// The handle had been dropped; only a `thread::scope` can still observe the thread.
    Detached = 2,
}

super::read_back!(DetachState: Joinable, Detached; otherwise Unknown);

/// Where `panic!` stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Location {
    /// Source file, as the compiler recorded it.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
}

/// Which frame will stop the unwinding, as it was told before that began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Prediction {
    /// What happens there.
    pub stop: StopKind,
    /// Why the process aborts there.
    pub abort_reason: Option<AbortReason>,
    /// Physical frame that stops it, counted like [`Frame::index`]; may lie beyond the recorded frames.
    pub frame: Option<u32>,
    /// The table's word for that frame.
    pub action: Option<EhAction>,
    /// Who catches; `null` unless `stop` is `catch`.
    pub handler: Option<Handler>,
    /// Why something is unknown.
    pub reason: Option<String>,
    /// What it was read from; `null` when nothing is predicted, and when nothing had to be read: the program aborts on panic,
    /// or core says itself that it will abort.
    #[serde(default)]
    pub source: Option<PredictionSource>,
}

impl Prediction {
    /// Of which nothing else is known.
    pub(crate) fn of(stop: StopKind) -> Self {
        Self {
            stop,
            abort_reason: None,
            frame: None,
            action: None,
            handler: None,
            reason: None,
            source: None,
        }
    }
}

/// The catch that stops a panic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Handler {
    /// Who owns it.
    pub kind: HandlerKind,
    /// Function with the `catch_unwind` call.
    pub function: Option<String>,
    /// File of the `catch_unwind` call.
    pub file: Option<String>,
    /// Line of the `catch_unwind` call.
    pub line: Option<u32>,
}

/// The stack as a whole. Counts are physical frames unless stated otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StackSummary {
    /// What walked it: `tables`, `system` or `none`.
    pub source: String,
    /// Why the walk ended: `bottom`, `stopper_found`, `no_unwind_info`, `broken`, `too_deep`,
    /// `unknown_image` or `not_walked`.
    pub end: String,
    /// Frames walked; a lower bound unless `end` is `bottom`.
    pub physical: u32,
    /// Frames of the agent and of the panic machinery, trimmed from the inner end.
    pub trimmed_inner: u32,
    /// Frames that were walked and not recorded (frame limit).
    pub not_recorded: u32,
    /// Logical frames cut from the outer end to keep the line under its maximum size.
    pub cut_for_size: u32,
}

/// One thing a report lacks: what, and why. A report with soft errors is a success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SoftError {
    /// What is missing: a field of the schema, such as `frames.function`.
    pub field: String,
    /// A stable short word, such as `no_symbols`.
    pub code: String,
    /// One sentence for people: lower case, no full stop, with the value concerned.
    pub detail: String,
}

impl SoftError {
    pub(crate) fn new(field: &str, code: &str, detail: impl fmt::Display) -> Self {
        Self { field: field.to_owned(), code: code.to_owned(), detail: detail.to_string() }
    }
}

impl fmt::Display for SoftError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.detail)
    }
}
