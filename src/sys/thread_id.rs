//! Whether this is the thread that the process began with.
//!
//! Runs on: every thread. Must not: allocate, panic.

/// Whether this is the main thread of the process, whatever runs on it.
pub(crate) fn is_main_thread() -> bool {
    // SAFETY: has no preconditions.
    let process = unsafe { libc::getpid() };
    // SAFETY: has no preconditions.
    let thread = unsafe { libc::gettid() };
    process == thread
}
