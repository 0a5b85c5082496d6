//! Number and name of a thread, as macOS and FreeBSD know them.
//!
//! Runs on: every thread. Must not: allocate, lock, panic.

use super::OS_NAME_BYTES;

/// Numbers are the system's.
pub(crate) const OF_SYSTEM: bool = true;

/// The low half of the number, which counts up from the start of the system.
#[cfg(target_vendor = "apple")]
pub(super) fn ask_tid() -> u32 {
    let mut id = 0_u64;
    // SAFETY: 0 stands for the calling thread, and `id` is writable.
    unsafe { libc::pthread_threadid_np(core::mem::zeroed(), &raw mut id) };
    id as u32
}

#[cfg(target_os = "freebsd")]
pub(super) fn ask_tid() -> u32 {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::pthread_getthreadid_np() }.unsigned_abs()
}

/// Cut to what fits: macOS allows 63 bytes, FreeBSD 19.
pub(crate) fn os_name(buffer: &mut [u8; OS_NAME_BYTES]) -> Option<&str> {
    let mut name = [0_u8; 64];
    // SAFETY: takes nothing and cannot fail.
    let this = unsafe { libc::pthread_self() };
    // SAFETY: `name` is as long as is said.
    unsafe { libc::pthread_getname_np(this, name.as_mut_ptr().cast(), name.len()) };
    let end = name.iter().position(|byte| *byte == 0)?.min(OS_NAME_BYTES.saturating_sub(1));
    let kept = buffer.get_mut(..end)?;
    kept.copy_from_slice(name.get(..end)?);
    match core::str::from_utf8(kept) {
        Ok(name) => Some(name).filter(|name| !name.is_empty()),
        Err(_) => None,
    }
}
