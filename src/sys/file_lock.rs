//! Advisory locks on open files and directories: `flock(2)`, which belongs to the open file and not to the process.
//!
//! Runs on: the writer thread. Must not: wait for a lock.

use std::fs::File;
use std::io;

use super::faults::{self, Call};

/// What was asked for a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Locking {
    /// The lock is held.
    Held,
    /// Somebody else holds one that excludes it.
    Busy,
}

/// Takes a lock that excludes only [`exclusive`] ones.
///
/// # Errors
/// When the file system has no locks.
pub(crate) fn shared(file: &File) -> io::Result<Locking> {
    #[cfg(unix)]
    return lock(file, libc::LOCK_SH | libc::LOCK_NB);
    #[cfg(not(unix))]
    return absent(file);
}

/// Takes a lock that excludes all others.
///
/// # Errors
/// When the file system has no locks.
pub(crate) fn exclusive(file: &File) -> io::Result<Locking> {
    #[cfg(unix)]
    return lock(file, libc::LOCK_EX | libc::LOCK_NB);
    #[cfg(not(unix))]
    return absent(file);
}

/// Gives the lock back. Closing the file does so, too.
pub(crate) fn unlock(file: &File) {
    #[cfg(unix)]
    // It can only fail for a descriptor that is none.
    let _given_back = lock(file, libc::LOCK_UN);
    #[cfg(not(unix))]
    let _ = file;
}

#[cfg(unix)]
fn lock(file: &File, operation: libc::c_int) -> io::Result<Locking> {
    if operation != libc::LOCK_UN {
        faults::check(Call::Lock)?;
    }
    let fd = std::os::fd::AsRawFd::as_raw_fd(file);
    // SAFETY: `fd` is open as long as `file` lives, and the call touches no memory.
    if unsafe { libc::flock(fd, operation) } == 0 {
        return Ok(Locking::Held);
    }
    let error = io::Error::last_os_error();
    if error.kind() == io::ErrorKind::WouldBlock { Ok(Locking::Busy) } else { Err(error) }
}

#[cfg(not(unix))]
fn absent(_: &File) -> io::Result<Locking> {
    faults::check(Call::Lock)?;
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn readers_share_and_one_writer_excludes_them() {
        let path = std::env::temp_dir().join(format!("panic-agent-lock-{}", std::process::id()));
        let (one, other) = (File::create(&path).unwrap(), File::open(&path).unwrap());
        assert_eq!(shared(&one).unwrap(), Locking::Held);
        assert_eq!(shared(&other).unwrap(), Locking::Held);
        assert_eq!(exclusive(&other).unwrap(), Locking::Busy);
        unlock(&one);
        assert_eq!(exclusive(&other).unwrap(), Locking::Held);
        assert_eq!(shared(&one).unwrap(), Locking::Busy);
        drop(other);
        assert_eq!(shared(&one).unwrap(), Locking::Held);
        std::fs::remove_file(&path).unwrap();
    }
}
