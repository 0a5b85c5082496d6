//! Every foreign item and every call into the operating system.
//!
//! Runs on: every thread. Must not: decide anything; callers judge what they are given.

#[cfg(panic_agent_tables)]
#[allow(unsafe_code)]
pub(crate) mod phdr;
#[cfg(not(panic_agent_tables))]
#[allow(unsafe_code)]
pub(crate) mod portable_unwinder;
#[cfg(panic_agent_tables)]
#[allow(unsafe_code)]
pub(crate) mod registers;
#[cfg(panic_agent_tables)]
#[allow(unsafe_code)]
pub(crate) mod stack_bound;
#[cfg(panic_agent_tables)]
#[allow(unsafe_code)]
pub(crate) mod system_unwinder;
#[cfg(panic_agent_tables)]
#[allow(unsafe_code)]
pub(crate) mod thread_id;
