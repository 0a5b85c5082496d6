//! The operating system: every call that is not in std, one noun per file.
//!
//! Runs on: every thread. Must not: decide anything; each function is one call with its errors named.

#[allow(unsafe_code)]
pub(crate) mod at_exit; // functions to run at the end of the process
#[allow(unsafe_code)]
pub(crate) mod clock; // the two clocks of a record
#[allow(unsafe_code)]
pub(crate) mod descriptor; // numbers of open files
pub(crate) mod faults; // failures on demand, for tests
#[allow(unsafe_code)]
pub(crate) mod file_lock; // advisory locks
#[allow(unsafe_code)]
pub(crate) mod fork; // the child handler of `pthread_atfork`
pub(crate) mod fork_lock; // locks that a forked child does not inherit
#[allow(unsafe_code)]
pub(crate) mod futex; // waiting for a word to change
#[cfg(panic_agent_tables)]
#[allow(unsafe_code)]
pub(crate) mod loader; // forks and looks at the loader's list
#[allow(unsafe_code)]
pub(crate) mod mmap; // memory for the slots
#[allow(unsafe_code)]
pub(crate) mod own_file; // files that know themselves again
#[cfg(panic_agent_tables)]
#[allow(unsafe_code)]
pub(crate) mod phdr; // the loaded images
#[cfg(not(panic_agent_tables))]
#[allow(unsafe_code)]
pub(crate) mod portable_unwinder; // the unwinder, where there are no tables to read
#[allow(unsafe_code)]
pub(crate) mod preloaded; // the agent that was loaded before the program
#[cfg(panic_agent_tables)]
#[allow(unsafe_code)]
pub(crate) mod registers; // where a walk begins
#[allow(unsafe_code)]
pub(crate) mod signal_mask;
#[allow(unsafe_code)]
#[cfg(panic_agent_tables)]
pub(crate) mod signal_stack; // room on the stack of a signal handler
#[cfg(panic_agent_spool)]
#[allow(unsafe_code)]
pub(crate) mod spool_file; // files that are memory, and their locks
#[cfg(panic_agent_tables)]
#[allow(unsafe_code)]
pub(crate) mod stack_bound; // where a stack ends
#[cfg(feature = "audit")]
#[allow(unsafe_code)]
pub(crate) mod symbol; // names that images export
#[cfg(panic_agent_tables)]
#[allow(unsafe_code)]
pub(crate) mod system_unwinder; // the unwinder that panics use
#[allow(unsafe_code)]
pub(crate) mod thread; // the current thread, as the system sees it
#[cfg(unix)]
#[allow(unsafe_code)]
pub(crate) mod user; // whose rights the process has
