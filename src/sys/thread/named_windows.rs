//! Number of a thread, as Windows knows it.
//!
//! Runs on: every thread. Must not: allocate, lock, panic. To ask Windows for the name of a thread allocates, so a thread that
//! std did not make has none here.

use super::OS_NAME_BYTES;

/// Numbers are the system's.
pub(crate) const OF_SYSTEM: bool = true;

#[link(name = "kernel32")]
unsafe extern "system" {
    fn GetCurrentThreadId() -> u32;
}

/// Numbers of threads and of processes are of one series, so no thread has that of its process.
pub(super) fn ask_tid() -> u32 {
    // SAFETY: takes nothing and cannot fail.
    unsafe { GetCurrentThreadId() }
}

pub(crate) fn os_name(_: &mut [u8; OS_NAME_BYTES]) -> Option<&str> {
    None
}
