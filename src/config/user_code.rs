//! Runs code that is not ours.
//!
//! Runs on: the writer thread. Must not: let a panic through.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Calls a user's function; `None` when it panicked.
///
/// The value that the function worked on may be left half-changed by its own code; the agent's own state
/// is not reachable from it.
pub(crate) fn guarded<T>(call: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(value) => Some(value),
        Err(payload) => {
            // Its destructor is not ours either, and may panic again. A few leaked bytes are the lesser evil.
            core::mem::forget(payload);
            None
        }
    }
}
