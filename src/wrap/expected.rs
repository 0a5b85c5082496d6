//! A scope in which panics are meant to happen.
//!
//! Runs on: the program's threads. Must not: catch anything.

use crate::capture::labels::{EXPECTED, label};

/// Runs `f` and returns its value. Panics during the call are marked as expected, with this reason.
///
/// For tests that panic on purpose. Nothing is caught, and every panic is recorded as usual, with the label
/// `panic_agent.expected = reason`. An audit counts such panics and does not report them.
/// The scope covers this thread and, in an audited test harness, the threads that are spawned inside; elsewhere with
/// [`inherit_labels`](crate::AgentBuilder::inherit_labels). It does not reach into pools that exist already. For a
/// future: [`FutureExt::labelled`](crate::task::FutureExt::labelled).
///
/// Without an agent it only calls `f`.
///
/// # Panics
/// If `f` panics.
///
/// # Examples
/// ```
/// let result = panic_agent::expect_panic("a worker that dies must not take the pool along", || {
///     std::thread::spawn(|| panic!("on purpose")).join()
/// });
/// assert!(result.is_err());
/// ```
///
/// # Cost
/// The same as [`label`](crate::label()).
pub fn expect_panic<R>(reason: &str, f: impl FnOnce() -> R) -> R {
    let _expected = label(EXPECTED, reason);
    f()
}
