//! Groups of threads that stop together, cancellation, and futures whose panics come back as errors.
//!
//! [`TaskGroup`] runs its tasks on threads. Its namesake in `panic_agent::tokio` runs them on a runtime and shares the types
//! of this module: [`CancelToken`], [`Stop`], [`TaskError`], [`GroupError`] and [`Full`]. [`FutureExt`] works with every
//! runtime.
//!
//! Runs on: threads and tasks of the program. Must not: hold anything but names of its neighbours.

pub use super::cancel::{CancelToken, Cancelled, Stop};
pub use super::future::{CatchPanic, FutureExt, Labelled};
pub use super::group::{Full, GroupError, TaskError, TaskGroup};
