//! What a recovery did, on every platform the same.
//!
//! Runs on: any thread. Must not: do anything.

use std::path::PathBuf;

/// What [`recover`](super::recover()) found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovered {
    /// Dead processes whose spools were emptied and removed.
    pub processes: u64,
    /// `panic` lines written for them.
    pub panics: u64,
    /// Records whose line was already in the log.
    pub known: u64,
    /// Incomplete records: the process died while a thread wrote them, before its hook returned.
    pub torn: u64,
    /// Spools of processes that are alive, or that another process is recovering.
    pub in_use: u64,
    /// Spools that could not be read or emptied, with the reason. They stay where they are.
    pub left: Vec<(PathBuf, String)>,
}
