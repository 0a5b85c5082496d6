//! Files that are memory: room on the disk, memory without a file, and the two kinds of lock.
//!
//! Runs on: the thread that installs the agent, and recoveries. Must not: wait for a lock.
//!
//! An owner holds a lock of its process (`F_SETLK`): a forked child does not inherit it, and it ends with the
//! process or with `exec`, whoever still has the file open. Who recovers a spool holds a lock of the open file
//! (`F_OFD_SETLK`), so that two threads of one process exclude each other, too. Both kinds exclude each other.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

use super::descriptor;
use super::faults::{self, Call};
use super::own_file::OwnFile;

/// What came of asking for a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lock {
    Taken,
    /// Somebody else holds it.
    Held,
    /// The file system has no locks.
    Unsupported,
}

/// Takes the owner's lock for the life of this process, or until any descriptor of the file is closed in it.
pub(crate) fn lock_for_process(file: &File) -> Lock {
    lock(file, libc::F_SETLK)
}

/// Takes the lock of one who recovers; it ends with the descriptor.
pub(crate) fn lock_for_file(file: &File) -> Lock {
    lock(file, libc::F_OFD_SETLK)
}

fn lock(file: &File, command: libc::c_int) -> Lock {
    match try_lock(file, command) {
        Ok(()) => Lock::Taken,
        Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => Lock::Held,
        Err(_) => Lock::Unsupported,
    }
}

fn try_lock(file: &File, command: libc::c_int) -> io::Result<()> {
    faults::check(Call::Lock)?;
    // SAFETY: `flock` is plain numbers, valid when zero.
    let mut wanted: libc::flock = unsafe { core::mem::zeroed() };
    wanted.l_type = libc::F_WRLCK as libc::c_short;
    wanted.l_whence = libc::SEEK_SET as libc::c_short;
    wanted.l_len = 1;
    // SAFETY: `wanted` is a valid `flock` and lives across the call.
    let status = unsafe { libc::fcntl(file.as_raw_fd(), command, &raw mut wanted) };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Gives the file this length and reserves its blocks, so that a later write through a mapping cannot meet a full
/// disk, which would be a `SIGBUS`.
///
/// # Errors
/// When there is no room, or the file system cannot reserve it.
pub(crate) fn reserve(file: &File, len: usize) -> io::Result<()> {
    faults::check(Call::Ftruncate)?;
    let len = libc::off_t::try_from(len).map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: numbers only; the descriptor is open.
    let status = unsafe { libc::fallocate(file.as_raw_fd(), 0, 0, len) };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Memory that is a file without a name.
///
/// # Errors
/// When the system has none.
pub(crate) fn without_name(len: usize) -> io::Result<OwnFile> {
    faults::check(Call::Open)?;
    // SAFETY: the name is a C string that lives across the call.
    let fd = unsafe { libc::memfd_create(c"panic-agent-spool".as_ptr(), libc::MFD_CLOEXEC) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call above opened the descriptor, and nobody else knows it.
    let file = descriptor::out_of_the_way(File::from(unsafe { OwnedFd::from_raw_fd(fd) }));
    faults::check(Call::Ftruncate)?;
    file.set_len(len as u64)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_kinds_of_lock_exclude_each_other_and_end_with_their_holder() {
        let path = std::env::temp_dir().join(format!("panic-agent-spool-lock-{}", std::process::id()));
        let open =
            || File::options().read(true).write(true).create(true).truncate(false).open(&path).unwrap();
        let (one, other) = (open(), open());
        assert_eq!(lock_for_file(&one), Lock::Taken);
        assert_eq!(lock_for_file(&other), Lock::Held);
        assert_eq!(lock_for_process(&other), Lock::Held);
        drop(one);
        assert_eq!(lock_for_process(&other), Lock::Taken);
        // Not closed before the end: that would end the lock of the process.
        let third = open();
        assert_eq!(lock_for_file(&third), Lock::Held, "also within the process");
        std::fs::remove_file(&path).unwrap();
    }
}
