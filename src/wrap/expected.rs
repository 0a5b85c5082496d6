//! A scope in which panics are meant to happen.
//!
//! Runs on: the program's threads. Must not: catch anything.

use crate::capture::labels::{EXPECTED, label};

/// Runs `f` and returns its value; panics meanwhile are expected, for this reason.
///
/// For tests that let something panic on purpose. Nothing is caught and every panic is recorded as always, with the
/// label `panic_agent.expected = reason`. An audit of the tests counts such panics and finds no fault with them.
/// The scope covers this thread, and in an audited test harness the threads that are started inside; elsewhere with
/// [`inherit_labels`](crate::AgentBuilder::inherit_labels). It does not reach into pools that exist already. For a
/// future: [`FutureExt::labelled`](crate::FutureExt::labelled).
///
/// Without an agent `f` just runs.
///
/// # Panics
/// As `f` does.
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
/// That of [`label`](crate::label()).
pub fn expect_panic<R>(reason: &str, f: impl FnOnce() -> R) -> R {
    let _expected = label(EXPECTED, reason);
    f()
}
