//! The line that a supervisor writes when a process has ended and the process itself could not say so.
//!
//! Runs on: threads of a supervisor, and readers. Must not: do I/O.

use serde::{Deserialize, Serialize};

use super::{Fate, Head, PanicId};

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
