//! `futex(2)`.
//!
//! Runs on: see `futex`. Must not: allocate, lock, panic.

use core::sync::atomic::AtomicU32;
use core::time::Duration;

/// Every outcome (woken, changed, interrupted, timed out) means the same to the caller, who looks at the word again.
pub(super) fn wait(word: &AtomicU32, expected: u32, timeout: Option<Duration>) {
    let time = timeout.map(|timeout| libc::timespec {
        // Waits are of seconds; what does not fit waits for decades.
        tv_sec: i32::try_from(timeout.as_secs()).unwrap_or(i32::MAX).into(),
        // Always fits: below 1,000,000,000.
        tv_nsec: timeout.subsec_nanos() as _,
    });
    let time = time.as_ref().map_or(core::ptr::null(), |time| time as *const libc::timespec);
    let operation = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: the word is a live, aligned `u32`, and `time` is null or points to a `timespec` on this stack.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, expected, time) };
}

pub(super) fn wake(word: &AtomicU32, count: i32) {
    let operation = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: the word is a live, aligned `u32`; waking reads nothing else.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, count) };
}
