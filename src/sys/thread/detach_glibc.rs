//! Whether a thread is detached, asked of glibc.
//!
//! Runs on: every thread (`detach_state`), the thread that installs the agent (`prepare`). Must not: allocate, lock, panic.

use core::ffi::{c_int, c_void};
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use super::is_first_thread;
use crate::record::DetachState;

/// Whether [`detach_state`] has an answer on this system.
pub(crate) const TELLS_DETACH_STATE: bool = true;

/// `pthread_join` of the C library itself.
///
/// Not the one that this program is linked to: a sanitizer, or a library that was loaded before, may have put its own
/// there, which ends the process when a thread asks for itself.
static JOIN: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

/// Looks up what [`detach_state`] asks. Until then it gives no answer.
///
/// May take the loader's lock; not for a panicking thread.
#[cfg(not(target_feature = "crt-static"))]
pub(crate) fn prepare() {
    // In glibc before 2.34 it is in a library of its own.
    for library in [c"libc.so.6", c"libpthread.so.0"] {
        // SAFETY: the name ends with a zero byte, and nothing is loaded: it is there already, or null is the answer.
        let library = unsafe { libc::dlopen(library.as_ptr(), libc::RTLD_NOW | libc::RTLD_NOLOAD) };
        if library.is_null() {
            continue;
        }
        // SAFETY: `library` was opened above and is never closed; the name ends with a zero byte.
        let join = unsafe { libc::dlsym(library, c"pthread_join".as_ptr()) };
        if !join.is_null() {
            // Release, paired with the Acquire in `detach_state`; that it is an address is all there is to see.
            return JOIN.store(join, Ordering::Release);
        }
    }
}

/// The twin for a static executable, whose only `pthread_join` is that of the C library.
#[cfg(target_feature = "crt-static")]
pub(crate) fn prepare() {
    JOIN.store(libc::pthread_join as *mut c_void, Ordering::Release);
}

/// Whether somebody can still join this thread.
///
/// Always unknown on the first thread: nobody can join it, yet it is not detached either. Unknown before [`prepare`].
///
/// # Cost
/// A few nanoseconds, no system call.
pub(crate) fn detach_state() -> DetachState {
    type Join = unsafe extern "C" fn(libc::pthread_t, *mut *mut c_void) -> c_int;
    let join = JOIN.load(Ordering::Acquire);
    if join.is_null() || is_first_thread() {
        return DetachState::Unknown;
    }
    // SAFETY: `prepare` stored the address of the C library's `pthread_join`, which has this type.
    let join = unsafe { core::mem::transmute::<*mut c_void, Join>(join) };
    // SAFETY: takes nothing and cannot fail.
    let this = unsafe { libc::pthread_self() };
    // SAFETY: glibc looks at the thread's own descriptor first: a detached thread cannot be joined
    // (EINVAL), and a thread cannot join itself (EDEADLK). Both answers come before any waiting.
    match unsafe { join(this, ptr::null_mut()) } {
        libc::EDEADLK => DetachState::Joinable,
        libc::EINVAL => DetachState::Detached,
        _ => DetachState::Unknown,
    }
}
