//! Makes system calls on files fail on demand, so that tests can see what comes of it. Nothing of it is left in a
//! program.
//!
//! Runs on: every thread that works on files. Must not: allocate or lock, so that a call may stand anywhere.
//!
//! A plan names a kind of call and says which one of them fails, counted from 1: for all calls of the process,
//! or for those of one thread, so that tests of one process do not disturb each other.

// Under its own name the twin of programs.
#[cfg_attr(any(test, feature = "__testing"), path = "armed.rs")]
mod plan;

pub(crate) use plan::*;

/// Calls that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "not every build makes every call")]
pub(crate) enum Call {
    Open,
    Write,
    Read,
    Stat,
    Rename,
    Unlink,
    Lock,
    List,
    Ftruncate,
    Mmap,
    Link,
    Sync,
}
