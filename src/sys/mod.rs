//! The operating system: every call that is not in std, one noun per file.
//!
//! Runs on: every thread. Must not: decide anything; each function is one call with its errors named.

#[allow(unsafe_code)]
pub(crate) mod clock; // the two clocks of a record
#[allow(unsafe_code)]
pub(crate) mod fork; // the child handler of `pthread_atfork`
#[allow(unsafe_code)]
pub(crate) mod futex; // waiting for a word to change
#[allow(unsafe_code)]
pub(crate) mod mmap; // memory for the slots
#[allow(unsafe_code)]
pub(crate) mod thread; // the current thread, as the system sees it
