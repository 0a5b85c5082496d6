//! The border to another language, where a panic would end the process.
//!
//! Runs on: threads of the program, foreign ones included. Must not: let anything unwind out of here.

use std::panic::Location;

use super::Caught;
use super::catch::{Console, guard};
use crate::probe::Catcher;

/// Runs the body of a function that C calls; when it panics, `on_panic` says what to return.
///
/// Without it a panic that reaches an `extern "C"` function aborts the process. It is reported before it is stopped
/// here. When `on_panic` panics, too, that panic is reported, and the process aborts: there is no value to return.
///
/// # Examples
/// ```
/// extern "C" fn average(sum: u32, count: u32) -> i64 {
///     panic_agent::ffi(|| i64::from(sum / count), |_caught| -1)
/// }
/// assert_eq!(average(6, 3), 2);
/// assert_eq!(average(6, 0), -1);
/// ```
/// [`extern_c!`](crate::extern_c!) writes this down for a whole function.
#[track_caller]
pub fn ffi<T>(body: impl FnOnce() -> T, on_panic: impl FnOnce(Caught) -> T) -> T {
    match guard(Catcher::Ffi, Console::AsUsual, Location::caller(), body) {
        Ok(value) => value,
        Err(caught) => {
            let told = guard(Catcher::Ffi, Console::AsUsual, Location::caller(), || {
                on_panic(caught.handed_over_here())
            });
            told.unwrap_or_else(|caught| {
                caught.read();
                let _in_time = crate::flush(crate::agent::patience());
                std::process::abort()
            })
        }
    }
}

/// Writes an `extern "C"` function that returns an error value instead of aborting when its body panics.
///
/// The value after `else` is what a panic returns; it may look at the error: `else |caught| ..`. The function is
/// exported under its own name.
///
/// # Examples
/// ```
/// panic_agent::extern_c! {
///     /// The quotient, or -1.
///     pub fn quotient(a: i32, b: i32) -> i32 { a / b } else { -1 }
/// }
/// assert_eq!(quotient(6, 3), 2);
/// assert_eq!(quotient(6, 0), -1);
///
/// panic_agent::extern_c! {
///     fn remainder(a: i32, b: i32) -> i32 { a % b } else |caught| {
///         eprintln!("remainder: {caught}");
///         i32::MIN
///     }
/// }
/// assert_eq!(remainder(6, 0), i32::MIN);
/// ```
#[macro_export]
macro_rules! extern_c {
    ($(#[$attribute:meta])* $visibility:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)?
        $body:block else |$caught:ident| $on_panic:block) => {
        $(#[$attribute])*
        #[unsafe(no_mangle)]
        $visibility extern "C" fn $name($($argument: $type),*) $(-> $result)? {
            $crate::ffi(move || $body, |$caught| $on_panic)
        }
    };
    ($(#[$attribute:meta])* $visibility:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)?
        $body:block else $on_panic:block) => {
        $(#[$attribute])*
        #[unsafe(no_mangle)]
        $visibility extern "C" fn $name($($argument: $type),*) $(-> $result)? {
            $crate::ffi(move || $body, |_caught| $on_panic)
        }
    };
}
