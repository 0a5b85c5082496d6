//! The twin of `detach_glibc` and `detach_musl` where nothing answers this without side effects.
//!
//! Runs on: every thread. Must not: do anything.

use crate::record::DetachState;

/// There is no answer.
pub(crate) const TELLS_DETACH_STATE: bool = false;

/// There is nothing to look up.
pub(crate) fn prepare() {}

/// Never known.
pub(crate) fn detach_state() -> DetachState {
    DetachState::Unknown
}
