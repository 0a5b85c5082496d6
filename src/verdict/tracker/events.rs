//! What the lives are told, and what they say.
//!
//! Runs on: the writer thread. Must not: hold anything that is not a plain value.

use super::{Relation, Stop};
use crate::record::{AbortReason, DetachState, StopKind};
use crate::verdict::life::Outcome;

/// A panic as its record tells it.
#[derive(Clone, Debug)]
pub(crate) struct Raise {
    /// Number of the panic in this process.
    pub(crate) sequence: u64,
    /// OS thread id.
    pub(crate) tid: u32,
    /// When it was raised, by the monotonic clock.
    pub(crate) mono_ns: u64,
    /// The panic of the same thread that was still unwinding, as far as the hook could tell; 0 for none.
    pub(crate) nested_in: u64,
    /// Whether the stack shows that no other earlier panic of the thread is unwinding on it.
    pub(crate) nothing_else_unwinds: bool,
    /// Whether it may have been raised by a destructor while an earlier panic of the thread was unwinding, and no table tells.
    pub(crate) perhaps_nested: bool,
    /// core's own "cannot unwind" panic.
    pub(crate) cannot_unwind: bool,
    /// core's own "in a destructor during cleanup" panic.
    pub(crate) in_cleanup: bool,
    /// Whether the stack runs through std's one-time initialization; `None` when no name tells.
    pub(crate) in_once: Option<bool>,
    /// Whether `thread::scope` raised it; `None` when no name tells.
    pub(crate) by_scope: Option<bool>,
    /// The message, if the payload is a text.
    pub(crate) message: Option<String>,
    /// What stops it, from the tables.
    pub(crate) stop: StopKind,
    /// Where it stops.
    pub(crate) at: Stop,
    /// Why it aborts.
    pub(crate) abort_reason: Option<AbortReason>,
    /// Whether somebody could join the thread.
    pub(crate) detached: DetachState,
}

/// The unwinder was entered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Throw {
    /// The probes' number of the panic.
    pub(crate) serial: u64,
    /// The probes' number of the thread.
    pub(crate) thread: u64,
    /// OS thread id.
    pub(crate) tid: u32,
    /// Whether the payload's reads and drops will be seen.
    pub(crate) traced: bool,
    /// Which payloads it may be mistaken for once it is moved: its vtable; 0 for none.
    pub(crate) kind: u64,
    /// Whether this is a repeated throw whose stack was recorded.
    pub(crate) recorded_again: bool,
}

/// What the stack of a panic tells its life.
#[derive(Clone, Debug)]
pub(crate) struct OfStack {
    /// Where the panic stops.
    pub(crate) stop: Stop,
    /// Whether the stack runs through std's one-time initialization; `None` when no name tells.
    pub(crate) in_once: Option<bool>,
    /// Whether the stack runs through a destructor; `None` when no name tells.
    pub(crate) in_destructor: Option<bool>,
    /// Whether `thread::scope` is what panics; `None` when no name tells.
    pub(crate) by_scope: Option<bool>,
}

/// A verdict that differs from what was said before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// Number of the panic.
    pub(crate) sequence: u64,
    /// Number of the first panic of its chain; its own when it stands alone.
    pub(crate) incident: u64,
    /// How it is linked to that chain.
    pub(crate) relation: Option<Relation>,
    /// The verdict.
    pub(crate) outcome: Outcome,
}
