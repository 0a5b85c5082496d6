//! The boundary to another language, where a panic would abort the process.
//!
//! Runs on: threads of the program, foreign ones included. Must not: let anything unwind out of here.

use std::panic::Location;

use super::Caught;
use super::catch::guard;
use crate::probe::Catcher;

/// Runs the body of a function that C calls. If it panics, `on_panic` chooses what to return.
///
/// Without it, a panic that reaches an `extern "C"` function aborts the process. The panic is reported before it is caught
/// here. If `on_panic` also panics, that panic is reported and the process aborts, because there is no value to return.
///
/// # Examples
/// ```
/// extern "C" fn average(sum: u32, count: u32) -> i64 {
///     panic_agent::ffi::catch(|| i64::from(sum / count), |_caught| -1)
/// }
/// assert_eq!(average(6, 3), 2);
/// assert_eq!(average(6, 0), -1);
/// ```
/// [`extern_c!`] writes a whole function this way.
#[track_caller]
pub fn catch<T>(body: impl FnOnce() -> T, on_panic: impl FnOnce(Caught) -> T) -> T {
    match guard(Catcher::Ffi, Location::caller(), body) {
        Ok(value) => value,
        Err(caught) => {
            let told = guard(Catcher::Ffi, Location::caller(), || on_panic(caught.handed_over_here()));
            told.unwrap_or_else(|caught| {
                caught.read();
                let _in_time = crate::flush(crate::agent::patience());
                std::process::abort()
            })
        }
    }
}

/// See [`extern_c!`](crate::ffi::extern_c!).
#[doc(hidden)]
#[macro_export]
macro_rules! __extern_c {
    ($(#[$attribute:meta])* $visibility:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)?
        $body:block else $(|$caught:ident|)? $on_panic:block) => {
        $(#[$attribute])*
        #[unsafe(no_mangle)]
        $visibility extern "C" fn $name($($argument: $type),*) $(-> $result)? {
            $crate::ffi::catch(move || $body, |_caught| {
                $(let $caught = _caught;)?
                $on_panic
            })
        }
    };
}

#[doc(inline)]
/// Defines an `extern "C"` function that returns an error value, instead of aborting, when its body panics.
///
/// The block after `else` computes the value that a panic returns. It can take the error: `else |caught| ..`. The function is
/// exported under its own name.
///
/// # Examples
/// ```
/// panic_agent::ffi::extern_c! {
///     /// The quotient, or -1.
///     pub fn quotient(a: i32, b: i32) -> i32 { a / b } else { -1 }
/// }
/// assert_eq!(quotient(6, 3), 2);
/// assert_eq!(quotient(6, 0), -1);
///
/// panic_agent::ffi::extern_c! {
///     fn remainder(a: i32, b: i32) -> i32 { a % b } else |caught| {
///         eprintln!("remainder: {caught}");
///         i32::MIN
///     }
/// }
/// assert_eq!(remainder(6, 0), i32::MIN);
/// ```
pub use crate::__extern_c as extern_c;
