//! What only Unix has of a file: an identity, a lock, a mode, and reads at a place.
//!
//! Runs on: the thread that installs the agent, the writer, and recoveries. Must not: decide anything.

use core::mem::ManuallyDrop;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use crate::sys::file_lock::{Locking, Wanted};

/// Device and inode of an open file.
pub(crate) fn file_id(_: &File, metadata: &Metadata) -> Option<(u64, u64)> {
    Some((metadata.dev(), metadata.ino()))
}

/// Those of the file at a path, of which this is the metadata.
pub(crate) fn file_id_at(_: &Path, metadata: &Metadata) -> Option<(u64, u64)> {
    Some((metadata.dev(), metadata.ino()))
}

/// Whether the file has a name anywhere.
pub(crate) fn has_name(metadata: &Metadata) -> bool {
    metadata.nlink() > 0
}

/// Past std, which ends the process in debug builds when the program was faster.
pub(crate) fn close_file(file: &mut ManuallyDrop<File>) {
    // SAFETY: a number only, which was ours a moment ago; `file` is not dropped.
    unsafe { libc::close(file.as_raw_fd()) };
}

/// `flock(2)`, without waiting.
pub(crate) fn lock_file(file: &File, wanted: Wanted) -> io::Result<Locking> {
    let operation = match wanted {
        Wanted::None => libc::LOCK_UN,
        Wanted::Shared => libc::LOCK_SH | libc::LOCK_NB,
        Wanted::Exclusive => libc::LOCK_EX | libc::LOCK_NB,
    };
    // SAFETY: the descriptor is open as long as `file` lives, and the call touches no memory.
    if unsafe { libc::flock(file.as_raw_fd(), operation) } == 0 {
        return Ok(Locking::Held);
    }
    let error = io::Error::last_os_error();
    if error.kind() == io::ErrorKind::WouldBlock { Ok(Locking::Busy) } else { Err(error) }
}

/// For appending: a new file is its owner's alone, and neither a pipe that nobody reads nor, unless `follow`, a link at
/// the end is waited for or followed.
pub(crate) fn for_appending(options: &mut OpenOptions, follow: bool) {
    let no_links = if follow { 0 } else { libc::O_NOFOLLOW };
    options.mode(0o600).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY | no_links);
}

/// The error of a descriptor that is not open.
pub(crate) fn not_open() -> io::Error {
    io::Error::from_raw_os_error(libc::EBADF)
}

/// `pread(2)`.
pub(crate) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(buffer, offset)
}

/// `pwrite(2)`.
pub(crate) fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    file.write_at(bytes, offset)
}

/// Calls these around every fork. Without memory for the registration (the only failure) forks are not noticed.
///
/// # Safety
/// They do nothing that is forbidden there.
pub(crate) unsafe fn at_fork(before: extern "C" fn(), in_parent: extern "C" fn(), in_child: extern "C" fn()) {
    // SAFETY: the handlers have the signature that is asked for and stay valid for ever; the rest is as promised.
    unsafe { libc::pthread_atfork(Some(before), Some(in_parent), Some(in_child)) };
}

/// A name of a file that is these bytes.
pub(crate) fn name_of(bytes: Vec<u8>) -> std::ffi::OsString {
    std::os::unix::ffi::OsStringExt::from_vec(bytes)
}
