//! Whether a thread is detached, asked of musl, which keeps it in the attributes of the thread.
//!
//! Runs on: every thread. Must not: allocate, lock, panic.

use core::ffi::c_int;
use core::mem::MaybeUninit;

use super::is_first_thread;
use crate::record::DetachState;

unsafe extern "C" {
    fn pthread_attr_getdetachstate(attributes: *const libc::pthread_attr_t, state: *mut c_int) -> c_int;
}

/// Whether [`detach_state`] has an answer on this system.
pub(crate) const TELLS_DETACH_STATE: bool = true;

/// There is nothing to look up.
pub(crate) fn prepare() {}

/// Whether somebody can still join this thread.
///
/// Always unknown on the first thread: nobody can join it, yet it is not detached either. (Of that thread musl would also
/// measure the stack, with system calls.)
///
/// # Cost
/// A few nanoseconds, no system call.
pub(crate) fn detach_state() -> DetachState {
    if is_first_thread() {
        return DetachState::Unknown;
    }
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::zeroed();
    // SAFETY: takes nothing and cannot fail.
    let this = unsafe { libc::pthread_self() };
    // SAFETY: `attributes` is writable, and a thread exists while it asks about itself. musl copies fields of its own
    // descriptor; it neither waits nor allocates.
    if unsafe { libc::pthread_getattr_np(this, attributes.as_mut_ptr()) } != 0 {
        return DetachState::Unknown;
    }
    let mut state = -1;
    // SAFETY: the attributes were written by the call above; zeroes would be valid ones, too.
    if unsafe { pthread_attr_getdetachstate(attributes.as_ptr(), &raw mut state) } != 0 {
        return DetachState::Unknown;
    }
    match state {
        libc::PTHREAD_CREATE_JOINABLE => DetachState::Joinable,
        libc::PTHREAD_CREATE_DETACHED => DetachState::Detached,
        _ => DetachState::Unknown,
    }
}
