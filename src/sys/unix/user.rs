//! Whose rights the process has.
//!
//! Runs on: any thread. Must not: cache; a process may give up its rights after the start.

/// Whether the program has more rights than whoever started it: setuid, setgid, or capabilities of its file.
#[cfg(target_os = "linux")]
pub(crate) fn exceeds_its_caller() -> bool {
    // SAFETY: takes a number and cannot fail; 0 for what the kernel has not said.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

/// Whether the program has more rights than whoever started it, as far as its ids tell.
#[cfg(not(target_os = "linux"))]
pub(crate) fn exceeds_its_caller() -> bool {
    // SAFETY: takes nothing and cannot fail.
    let user = unsafe { libc::getuid() };
    // SAFETY: the same.
    let group = unsafe { libc::getgid() };
    // SAFETY: the same.
    user != effective_id() || group != unsafe { libc::getegid() }
}

/// Effective user id.
pub(crate) fn effective_id() -> u32 {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::geteuid() }
}
