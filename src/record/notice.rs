//! What a wrapper has to say that is no panic.
//!
//! Runs on: the thread inside the wrapper, and the writer thread. Must not: own anything.

/// What a wrapper has to say that is no panic.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// A task group was dropped without `wait`; the number counts tasks whose outcome nobody will see.
    GroupDropped = 0,
    /// A worker panicked more often than it may be started again; the number counts its panics.
    GaveUp,
    /// The program has installed an agent of its own, which reports from now on.
    #[cfg_attr(not(feature = "preload"), allow(dead_code, reason = "said by a preloaded agent"))]
    HandedOver,
    /// `exit` was called by a hook of a program that is observed from outside, before the raise.
    #[cfg_attr(not(feature = "preload"), allow(dead_code, reason = "said by a preloaded agent"))]
    EndedInHook,
}
