//! Number and name of a thread, as Linux knows them.
//!
//! Runs on: every thread. Must not: allocate, lock, panic.

use super::OS_NAME_BYTES;

/// Numbers are the system's.
pub(crate) const OF_SYSTEM: bool = true;

pub(super) fn ask_tid() -> u32 {
    // SAFETY: takes nothing and cannot fail.
    let tid = unsafe { libc::gettid() };
    tid.unsigned_abs()
}

pub(crate) fn os_name(buffer: &mut [u8; OS_NAME_BYTES]) -> Option<&str> {
    // SAFETY: PR_GET_NAME writes at most 16 bytes, ending with a zero, and `buffer` has 16.
    let status = unsafe { libc::prctl(libc::PR_GET_NAME, buffer.as_mut_ptr()) };
    if status != 0 {
        return None;
    }
    let name = core::ffi::CStr::from_bytes_until_nul(buffer).ok()?;
    name.to_str().ok().filter(|name| !name.is_empty())
}
