//! Groups of tasks that stop together: what they have in common, on threads and on a runtime.
//!
//! Runs on: threads and tasks of the program. Must not: lose an outcome, or take one for another: panics, errors and
//! cancellations stay apart.

mod outcome;
mod state;
mod threads;

pub use outcome::{Full, GroupError, TaskError};
#[cfg(feature = "tokio")]
pub(super) use state::Shared;
pub use threads::TaskGroup;
