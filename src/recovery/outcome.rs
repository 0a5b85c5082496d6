//! What a recovery did, on every platform the same.
//!
//! Runs on: any thread. Must not: do anything.

use std::path::PathBuf;

/// What [`recover`](crate::recover) found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovered {
    /// Dead processes whose spools were emptied and removed.
    pub processes: u64,
    /// `panic` lines that were written for them.
    pub panics: u64,
    /// Records whose line was in the log already.
    pub known: u64,
    /// Records that were not whole: the process died while a thread wrote them, before its hook returned.
    pub torn: u64,
    /// Spools whose processes live, or that somebody else is recovering.
    pub in_use: u64,
    /// Spools that could not be read or emptied, with the reason. They are left where they are.
    pub left: Vec<(PathBuf, String)>,
}
