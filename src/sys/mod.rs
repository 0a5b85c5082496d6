//! The operating system: every call that is not in std, one noun per file.
//!
//! Which calls there are is decided here, once for each group, and a group that a platform lacks has a twin: `unix`, `windows`
//! or `elsewhere`, `tables` or `no_tables`.
//!
//! Runs on: every thread. Must not: decide anything; each function is one call with its errors named.

#[allow(unsafe_code)]
pub(crate) mod at_exit; // functions to run at the end of the process
#[allow(unsafe_code)]
pub(crate) mod closure; // the code behind a panic hook
pub(crate) mod faults; // failures on demand, for tests
pub(crate) mod file_lock; // advisory locks
#[allow(unsafe_code)]
pub(crate) mod fork; // the child handler of `pthread_atfork`
pub(crate) mod fork_lock; // locks that a forked child does not inherit
#[allow(unsafe_code)]
pub(crate) mod futex; // waiting for a word to change
#[allow(unsafe_code)]
pub(crate) mod mmap; // memory for the slots
#[allow(unsafe_code)]
pub(crate) mod own_file; // files that know themselves again
#[allow(unsafe_code)]
pub(crate) mod preloaded; // the agent that was loaded before the program
#[cfg(panic_agent_spool)]
#[allow(unsafe_code)]
pub(crate) mod spool_file; // files that are memory, and their locks
#[cfg_attr(unix, path = "unix/mod.rs")]
#[cfg_attr(windows, path = "windows/mod.rs")]
#[cfg_attr(not(any(unix, windows)), path = "elsewhere.rs")]
#[allow(unsafe_code)]
pub(crate) mod system; // what Unix has and other systems lack, or have in their own way
#[cfg_attr(not(panic_agent_tables), path = "no_tables.rs")]
#[allow(unsafe_code)]
mod tables; // what belongs to reading unwind tables
#[allow(unsafe_code)]
pub(crate) mod thread; // the current thread, as the system sees it

#[cfg(any(unix, feature = "audit"))]
pub(crate) use system::symbol;
#[cfg(unix)]
pub(crate) use system::user;
pub(crate) use system::{clock, descriptor, signal_mask};
pub(crate) use tables::*;
