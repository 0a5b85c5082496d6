//! Places and threads that verdicts and findings name.
//!
//! Runs on: the writer thread and readers. Must not: do I/O.

use serde::{Deserialize, Serialize};

/// A place in the program: the nearest frame that belongs to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Place {
    /// Function, demangled; `null` without symbols.
    pub function: Option<String>,
    /// Source file.
    pub file: Option<String>,
    /// Line, from 1.
    pub line: Option<u32>,
    /// OS id of the thread that was there.
    pub os_thread: Option<u32>,
    /// Where not every name is known: addresses of the stack, innermost first, as `image+0x…` like
    /// [`Frame::address`](super::Frame::address), from which [`Symbolizer`](crate::recovery::Symbolizer) names the place.
    /// Left out of the line when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stack: Vec<String>,
}

/// A thread from which the panicking one descends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Ancestor {
    /// OS thread id.
    pub os_id: u32,
    /// Name as the system knows it (15 bytes); `null` when the thread is gone.
    pub name: Option<String>,
    /// Where it spawned the next thread of the list: the panicking one, or the ancestor before it. `null` unless
    /// the agent was told to look, and when the start was not seen.
    pub spawned_at: Option<SpawnPlace>,
}

/// Where a thread was spawned: the frame of the program nearest to the start of the thread, outside of std and of
/// the runtime that started it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SpawnPlace {
    /// Function, demangled; `null` without symbols.
    pub function: Option<String>,
    /// Source file.
    pub file: Option<String>,
    /// Line, from 1.
    pub line: Option<u32>,
    /// Where not every name is known: addresses of the stack, as in [`Place::stack`]. Left out of the line when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stack: Vec<String>,
}

/// Who ends the process, and from where: made on the thread that calls `exit`, read on the writer thread.
#[derive(Debug)]
pub(crate) struct ExitPlace {
    /// OS id of the thread.
    pub(crate) tid: u32,
    /// When: nanoseconds of the monotonic clock.
    pub(crate) mono_ns: u64,
    /// Its stack, innermost first.
    pub(crate) ips: Vec<u64>,
    /// The panic that it unwinds: the low bits of its number, 0 for none; `None` when the stack does not tell.
    pub(crate) inside: Option<u32>,
}
