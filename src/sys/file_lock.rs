//! Advisory locks on open files and directories: `flock(2)`, which belongs to the open file and not to the process.
//!
//! Runs on: the writer thread. Must not: wait for a lock.

use std::fs::File;
use std::io;

use super::faults::{self, Call};
use super::system;

/// What was asked for a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Locking {
    /// The lock is held.
    Held,
    /// Somebody else holds one that excludes it.
    Busy,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    None,
    Shared,
    Exclusive,
}

/// Takes a lock that excludes only [`exclusive`] ones.
///
/// # Errors
/// When the file system has no locks.
pub(crate) fn shared(file: &File) -> io::Result<Locking> {
    faults::check(Call::Lock)?;
    system::lock_file(file, Wanted::Shared)
}

/// Takes a lock that excludes all others.
///
/// # Errors
/// When the file system has no locks.
pub(crate) fn exclusive(file: &File) -> io::Result<Locking> {
    faults::check(Call::Lock)?;
    system::lock_file(file, Wanted::Exclusive)
}

/// Gives the lock back. Closing the file does so, too.
pub(crate) fn unlock(file: &File) {
    // It can only fail for a descriptor that is none.
    let _given_back = system::lock_file(file, Wanted::None);
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
