//! Asks glibc's loader for a function of the preloaded library.
//!
//! Runs on: the thread that installs an agent, and threads that set labels. Must not: be used on a panicking thread.

use core::ffi::{CStr, c_void};

/// What the function of this name returns; null where there is none. It must be the preloaded library's, which takes nothing
/// and returns a pointer.
pub(super) fn call(name: &CStr) -> *const c_void {
    // SAFETY: the name is a C string and the pseudo-handle is one that dlsym documents.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    if found.is_null() {
        return core::ptr::null();
    }
    // SAFETY: the name belongs to the preloaded library, whose function it is.
    let ask = unsafe { core::mem::transmute::<*mut c_void, extern "C" fn() -> *const c_void>(found) };
    ask()
}
