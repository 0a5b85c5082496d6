//! Places and threads that a verdict names.
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
}

/// A thread from which the panicking one descends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Ancestor {
    /// OS thread id.
    pub os_id: u32,
    /// Name as the system knows it (15 bytes); `null` when the thread is gone.
    pub name: Option<String>,
}
