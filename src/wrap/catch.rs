//! `catch`, and what all wrappers have in common with it.
//!
//! Runs on: any thread of the program. Must not: cost more than a few nanoseconds when nothing panics.

use std::panic::{AssertUnwindSafe, Location, catch_unwind};

use super::Caught;
use crate::hook::ensure_hook;
use crate::hook::recent_panics::Enclosing;
use crate::probe::Catcher;

/// Runs `f` and returns a panic as an error that knows its origin.
///
/// The panic is reported like any other, before it is caught here. This function only decides where it stops and what you
/// get. `f` need not be [`UnwindSafe`](std::panic::UnwindSafe): as with a thread, what `f` shares with the
/// rest of the program may be left half changed.
///
/// Without an agent the error has message, location and id. To know the location, the first wrapper that such a process uses
/// sets a panic hook that records it and calls the previous hook.
///
/// A [`Caught`] that is dropped unread is reported as swallowed.
///
/// # Errors
/// The panic, if `f` panics.
///
/// # Examples
/// ```
/// let caught = panic_agent::catch(|| -> u32 { "seven".parse().expect("a number") }).unwrap_err();
/// assert!(caught.message().unwrap().starts_with("a number: "));
/// assert_eq!(caught.location().unwrap().file, file!());
///
/// assert_eq!(panic_agent::catch(|| 7).unwrap(), 7);
/// ```
///
/// # Cost
/// A few nanoseconds over `catch_unwind` when nothing panics.
#[track_caller]
pub fn catch<T>(f: impl FnOnce() -> T) -> Result<T, Caught> {
    guard(Catcher::Catch, Location::caller(), f).map_err(Caught::handed_over_here)
}

/// Like [`catch`], but the panic prints nothing on the console. It is still reported.
///
/// For panics that you expect. Every panic on this thread is silent until `f` returns, unless it is predicted to end the
/// process.
///
/// # Errors
/// The panic, if `f` panics.
///
/// # Examples
/// ```
/// let caught = panic_agent::catch_silent(|| panic!("expected")).unwrap_err();
/// assert_eq!(caught.message(), Some("expected"));
/// ```
#[track_caller]
pub fn catch_silent<T>(f: impl FnOnce() -> T) -> Result<T, Caught> {
    within(Enclosing::enter(true), Catcher::Catch, Location::caller(), f).map_err(Caught::handed_over_here)
}

/// Runs `f` inside a wrapper that was set up at `call`. The error still belongs to the wrapper.
#[inline]
pub(super) fn guard<T>(by: Catcher, call: &Location<'_>, f: impl FnOnce() -> T) -> Result<T, Caught> {
    within(Enclosing::enter(false), by, call, f)
}

#[inline]
fn within<T>(
    enclosing: Enclosing,
    by: Catcher,
    call: &Location<'_>,
    f: impl FnOnce() -> T,
) -> Result<T, Caught> {
    ensure_hook();
    // What is shared with `f` is the caller's affair, as the wrappers' documentation says.
    catch_unwind(AssertUnwindSafe(f)).map_err(|payload| Caught::new(payload, &enclosing, by, call))
}
