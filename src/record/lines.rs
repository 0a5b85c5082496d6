//! The lines of the output besides the `panic` line ([`Report`]), each a serde type.
//!
//! Runs on: the writer thread, threads of a supervisor (`DeathLine`), and readers. Must not: do I/O.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Basis, Evidence, Fate, Handler, Head, Image, Location, Losses, PanicId, Place, ProbeLosses, Receipt,
    Report, SoftError, TestRef,
};

/// Written once, when the agent starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProcessLine {
    /// The fields of every line; the kind is [`LineKind::Process`](super::LineKind::Process), the level always `info`.
    #[serde(flatten)]
    pub head: Head,
    /// For people.
    pub message: String,
    /// Path of the executable.
    pub exe: Option<String>,
    /// The executable as an image, with its build-id.
    pub image: Option<Image>,
    /// Version of this crate.
    pub agent_version: String,
    /// `unwind` or `abort`: how the agent was compiled, and so the program.
    pub panic_strategy: String,
    /// Whose panic hook was set before the agent's: `std` or `other`; `null` when it cannot be told.
    #[serde(default)]
    pub previous_hook: Option<String>,
    /// Process-wide labels at the start.
    pub labels: BTreeMap<String, String>,
    /// Abilities of this build on this platform: `tables`, `symbols`, `detach_state`, ….
    pub can: Vec<String>,
    /// What the agent cannot do here, and why.
    pub soft_errors: Vec<SoftError>,
}

/// Later knowledge of a panic. The last one of an id stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VerdictLine {
    /// The fields of every line; the kind is [`LineKind::Verdict`](super::LineKind::Verdict), the id that of
    /// the panic that this speaks of.
    #[serde(flatten)]
    pub head: Head<PanicId>,
    /// Fingerprint of the panic.
    pub fingerprint: String,
    /// First line of the panic's message, at most 200 bytes; `null` when the payload is not a text.
    pub message: Option<String>,
    /// Name of the panicking thread; `null` when it has none.
    pub thread: Option<String>,
    /// How it ended, as far as known.
    pub fate: Fate,
    /// Who received the error, as far as known.
    pub receipt: Receipt,
    /// On what `fate` rests.
    pub basis: Basis,
    /// Whether nothing in the program stopped it; `null` when it cannot be told.
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
    /// The test that it belongs to; `None` outside of audited test harnesses.
    #[serde(default)]
    pub test: Option<TestRef>,
}

/// Something about the process that its owner should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FindingLine {
    /// The fields of every line; the kind is [`LineKind::Finding`](super::LineKind::Finding).
    #[serde(flatten)]
    pub head: Head,
    /// A stable short word: `hook_replaced`, `raise_without_hook`, `unbalanced`, `exit_while_unwinding`,
    /// `group_dropped`, `worker_gave_up`.
    pub code: String,
    /// One sentence for people.
    pub message: String,
    /// The panic concerned; `null` when none is.
    pub panic: Option<PanicId>,
    /// Where it happened, innermost first; empty when no stack was taken.
    pub places: Vec<Place>,
    /// The test that it belongs to; `None` outside of audited test harnesses, and when it belongs to none.
    #[serde(default)]
    pub test: Option<TestRef>,
}

/// Panics of one fingerprint that were counted instead of written; see [`Folding`](crate::Folding).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RepeatsLine {
    /// The fields of every line; the kind is [`LineKind::Repeats`](super::LineKind::Repeats), the level that
    /// of the worst of the panics.
    #[serde(flatten)]
    pub head: Head,
    /// First line of the last panic's message, at most 200 bytes; `null` when its payload is not a text.
    pub message: Option<String>,
    /// Fingerprint of the panics.
    pub fingerprint: String,
    /// Panics since the last such line.
    pub count: u64,
    /// The same since the last `panic` line of this fingerprint.
    pub total: u64,
    /// A panic of the same fingerprint that has a `panic` line.
    pub first: PanicId,
    /// The last of the panics.
    pub last: PanicId,
    /// When the last one was raised: RFC 3339, UTC, nanoseconds.
    pub last_ts: String,
    /// Milliseconds since the Unix epoch.
    pub last_ts_ms: i64,
    /// Name of the last one's thread; `null` when it has none.
    pub thread: Option<String>,
    /// Where the last one was raised; `null` when it has no location.
    pub location: Option<Location>,
    /// How many of the panics met each fate, as far as it was known at once.
    pub fates: BTreeMap<String, u64>,
}

/// Written when reports were lost since the last such line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LossesLine {
    /// The fields of every line; the kind is [`LineKind::Losses`](super::LineKind::Losses), the level
    /// `error`, or `warn` when only the probes lost something.
    #[serde(flatten)]
    pub head: Head,
    /// For people.
    pub message: String,
    /// Totals since the start of the process.
    pub losses: Losses,
    /// What the probes could not follow; `null` without probes.
    pub probes: Option<ProbeLosses>,
    /// Places that lost most reports, most first; at most a few dozen.
    pub sites: Vec<LossSite>,
}

/// A place of the program whose reports were lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LossSite {
    /// `file:line:column` of the `panic!`.
    pub location: String,
    /// Reports lost there since the start of the process.
    pub lost: u64,
}

/// Written when the process ends in order, and again when a panic was written after that; the last one counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EndLine {
    /// The fields of every line; the kind is [`LineKind::End`](super::LineKind::End), the level always `info`.
    #[serde(flatten)]
    pub head: Head,
    /// For people.
    pub message: String,
    /// Panics that were written or counted as lost before this line.
    pub panics: u64,
    /// `panic` lines written since the start.
    pub written: u64,
    /// Totals of what was lost.
    pub losses: Losses,
    /// What the probes could not follow; `null` without probes.
    pub probes: Option<ProbeLosses>,
    /// The panic that ended the process by a [reaction](crate::act::Reaction); `null` when none did.
    #[serde(default)]
    pub ended_by: Option<EndedBy>,
}

/// Why a reaction ended the process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EndedBy {
    /// The panic that called for it.
    pub panic: PanicId,
    /// What became of it: `silent`, `uncaught`, `task_died`, `swallowed` or `any`.
    pub event: String,
    /// What was done: `exit:STATUS` or `abort`.
    pub action: String,
}

/// How a process died, as its parent saw it; written by `panic-agent run --supervise`.
///
/// [`recovery::death`](crate::recovery::death) makes one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeathLine {
    /// The fields of every line; the kind is [`LineKind::Death`](super::LineKind::Death), the level always `fatal`, the `pid`
    /// that of the dead process. The id is its instance, or zeros for a process without an agent.
    #[serde(flatten)]
    pub head: Head,
    /// For people.
    pub message: String,
    /// A stable short word: `signal`, `abort`, `stack_overflow`, `allocation_failed`, `out_of_memory`, `immediate_exit`.
    pub cause: String,
    /// On what `cause` rests: `wait_status`, `stderr`, `memory_events` or `no_end_line`.
    pub basis: String,
    /// Exit status; `null` when a signal ended the process.
    pub status: Option<i32>,
    /// Name of the signal that ended it, `SIGSEGV`; `null` when it exited.
    pub signal: Option<String>,
    /// Whether the kernel says that it wrote a core file.
    pub core_dumped: bool,
    /// The command, with its arguments.
    pub command: Vec<String>,
    /// How long it ran, in milliseconds.
    pub ran_ms: u64,
    /// What it used, with the children that it waited for; `null` when the kernel does not tell.
    pub usage: Option<DeathUsage>,
    /// The last panics of the process, oldest first, at most five.
    pub panics: Vec<LastPanic>,
    /// The last bytes of its standard error, redacted; `null` when they were not kept.
    pub stderr: Option<String>,
    /// How often the supervisor had started it, this time included.
    pub starts: u64,
    /// In how many milliseconds it is started again; `null` when it is not.
    pub restart_in_ms: Option<u64>,
}

/// Resources that a process used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeathUsage {
    /// Processor time in user mode, milliseconds.
    pub user_ms: u64,
    /// Processor time in the kernel, milliseconds.
    pub system_ms: u64,
    /// The most resident memory at any time, KiB.
    pub max_resident_kib: u64,
}

impl DeathUsage {
    /// Times in milliseconds, memory in KiB.
    pub fn new(user_ms: u64, system_ms: u64, max_resident_kib: u64) -> Self {
        Self { user_ms, system_ms, max_resident_kib }
    }
}

/// A panic that came before the death.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LastPanic {
    /// Its id.
    pub panic: PanicId,
    /// First line of its message, at most 200 bytes; `null` when the payload is not a text.
    pub message: Option<String>,
    /// How it ended, by its last line.
    pub fate: Fate,
}

impl LastPanic {
    /// A panic with the first line of its message.
    pub fn new(panic: PanicId, message: Option<String>, fate: Fate) -> Self {
        Self { panic, message, fate }
    }
}

impl Report {
    /// First line of the message, or a stand-in for a payload that is not a text.
    pub fn summary(&self) -> &str {
        match &self.message {
            Some(message) => message.lines().next().unwrap_or_default(),
            None => "(payload is not a text)",
        }
    }
}
