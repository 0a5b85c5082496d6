//! Limits and mounts of this process, straight from the system.
//!
//! Runs on: the main thread of a program. Must not: reach beyond the process.
#![allow(unsafe_code)]

use std::io;

/// Files may grow to this many bytes; `None`: as far as they may at all.
pub(crate) fn limit_file_size(bytes: Option<u64>) {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is valid for writes of one `rlimit`.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &raw mut limit) }, 0);
    limit.rlim_cur = bytes.unwrap_or(limit.rlim_max);
    // SAFETY: `limit` is one whole `rlimit`.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit) }, 0);
}

/// Mounts a file system of this many bytes at `path`, which nobody but this process sees.
///
/// # Errors
/// When this process has not the right to.
pub(crate) fn small_disk(path: &str, bytes: u64) -> io::Result<()> {
    // SAFETY: takes a number and touches no memory.
    let alone = unsafe { libc::unshare(libc::CLONE_NEWNS) };
    check(alone)?;
    mount(c"none", "/", None, libc::MS_REC | libc::MS_PRIVATE, None)?;
    mount(c"tmpfs", path, Some(c"tmpfs"), 0, Some(&format!("size={bytes}")))
}

fn mount(
    source: &std::ffi::CStr,
    target: &str,
    kind: Option<&std::ffi::CStr>,
    flags: libc::c_ulong,
    options: Option<&str>,
) -> io::Result<()> {
    let target = std::ffi::CString::new(target)?;
    let options = options.map(std::ffi::CString::new).transpose()?;
    let kind = kind.map_or(std::ptr::null(), |kind| kind.as_ptr());
    let options = options.as_ref().map_or(std::ptr::null(), |options| options.as_ptr());
    // SAFETY: every pointer is null or leads to a text with a final zero that lives until the call returns.
    let mounted = unsafe { libc::mount(source.as_ptr(), target.as_ptr(), kind, flags, options.cast()) };
    check(mounted)
}

fn check(status: libc::c_int) -> io::Result<()> {
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
