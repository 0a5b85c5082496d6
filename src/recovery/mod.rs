//! Recovery: writes the lines that dead processes left in their spools.
//!
//! An agent that starts with the same log does this by itself. [`recover`] is for logs whose program does not start again.
//!
//! Runs on: the thread that asks, or a thread of its own at the start of the agent. Must not: touch the spool of a process that
//! lives, or remove one before its lines are on disk.

use std::path::PathBuf;

/// Spools that dead processes left.
#[cfg(panic_agent_spool)]
#[path = "."]
mod from_spools {
    #[cfg(any(test, feature = "__testing"))]
    pub(crate) mod fuzzing;
    mod log_tail;
    mod orphans;
    #[cfg(all(test, not(miri)))]
    mod orphans_tests;
    mod past;
    pub(crate) mod reader;
    mod recover;
    pub(crate) mod report;

    use super::Recovered;

    pub(crate) use log_tail::LogTail;
    pub(crate) use orphans::{DeadSpool, Search, find, log_of};
    pub(crate) use reader::{Contents, LandingNote};
    pub(crate) use recover::Recovery;
    pub use recover::recover;
}
mod death;
#[cfg(not(panic_agent_spool))]
#[path = "recover_absent.rs"]
mod from_spools;
/// Lines of stripped programs, and the files that have their names.
#[cfg(all(feature = "symbols", panic_agent_spool))]
#[path = "."]
mod of_stripped {
    mod places;
    mod recorded;
    mod settle_again;
    mod symbolizer;

    pub use symbolizer::Symbolizer;
}

pub use death::{append, death};
pub use from_spools::recover;
pub(crate) use from_spools::*;
#[cfg(all(feature = "symbols", panic_agent_spool))]
pub use of_stripped::Symbolizer;

/// What [`recover`] found and did.
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
