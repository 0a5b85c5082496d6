//! The twin of `loader_glibc` where no library is loaded before the program.
//!
//! Runs on: nothing. Must not: be asked for anything that is there.

use core::ffi::{CStr, c_void};

/// Nobody has such a function.
pub(super) fn call(_: &CStr) -> *const c_void {
    core::ptr::null()
}
