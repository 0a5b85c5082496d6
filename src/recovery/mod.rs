//! What dead processes left: finding their spools, reading them out of bytes that may be anything, and writing the lines that
//! are missing.
//!
//! Runs on: the thread that asks, or a thread of its own at the start of the agent. Must not: touch the spool of a process that
//! lives, or remove one before its lines are on disk.

#[cfg(all(panic_agent_spool, any(test, feature = "testing")))]
pub(crate) mod fuzzing;
#[cfg(panic_agent_spool)]
mod log_tail;
#[cfg(panic_agent_spool)]
mod orphans;
#[cfg(all(panic_agent_spool, test, not(panic_agent_loom), not(miri)))]
mod orphans_tests;
mod outcome;
#[cfg(panic_agent_spool)]
pub(crate) mod reader;
#[cfg(panic_agent_spool)]
mod recover;
#[cfg(not(panic_agent_spool))]
#[path = "recover_absent.rs"]
mod recover;
#[cfg(panic_agent_spool)]
pub(crate) mod report;

#[cfg(panic_agent_spool)]
pub(crate) use log_tail::LogTail;
#[cfg(panic_agent_spool)]
pub(crate) use orphans::{DeadSpool, Search, find, log_of};
pub use outcome::Recovered;
#[cfg(panic_agent_spool)]
pub(crate) use reader::{Contents, LandingNote};
pub(crate) use recover::Recovery;
pub use recover::recover;
