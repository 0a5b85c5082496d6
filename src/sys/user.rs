//! Whose rights the process has.
//!
//! Runs on: any thread. Must not: cache; a process may give up its rights after the start.

/// Effective user id.
#[cfg(unix)]
pub(crate) fn effective_id() -> u32 {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::geteuid() }
}
