//! The twin of `named_linux` for systems whose numbers of threads and `prctl` are not known. std knows the names of its own
//! threads everywhere.
//!
//! Runs on: every thread. Must not: allocate, lock, panic.

use core::sync::atomic::{AtomicU32, Ordering};

use super::OS_NAME_BYTES;

/// Numbers are counted here: what happens on one thread must not be taken for what happens on another.
pub(crate) const OF_SYSTEM: bool = false;

/// Asked once a thread. Relaxed: only that each gets another one counts.
pub(super) fn ask_tid() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

pub(crate) fn os_name(_: &mut [u8; OS_NAME_BYTES]) -> Option<&str> {
    None
}
