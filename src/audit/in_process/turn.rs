//! One test binary at a time renews a baseline: the others wait for their turn.
//!
//! Runs on: the audit's thread at the end of the process. Must not: wait without a deadline, or leave a lock behind.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long one test binary waits for another one that writes the same baseline.
const DEADLINE: Duration = Duration::from_secs(10);
/// Wait between two attempts.
const PAUSE: Duration = Duration::from_millis(10);

/// Waits until no other process renews the baseline in this directory. The turn ends when the file is closed.
///
/// # Errors
/// When somebody else keeps it, or the file system has no locks.
pub(super) fn wait(directory: &Path) -> io::Result<File> {
    let until = Instant::now() + DEADLINE;
    loop {
        if let Some(turn) = take(directory)? {
            return Ok(turn);
        }
        if Instant::now() > until {
            let problem = "another process holds its directory's lock";
            return Err(io::Error::new(io::ErrorKind::WouldBlock, problem));
        }
        std::thread::sleep(PAUSE);
    }
}

/// A lock on the directory, because the baseline itself is replaced.
#[cfg(not(windows))]
fn take(directory: &Path) -> io::Result<Option<File>> {
    use crate::sys::file_lock::{Locking, exclusive};

    let lock = File::open(directory)?;
    Ok((exclusive(&lock)? == Locking::Held).then_some(lock))
}

/// Directories have no locks there. A file that nobody else may open stands for one; the system removes it when it is closed,
/// also for a process that is killed.
#[cfg(windows)]
fn take(directory: &Path) -> io::Result<Option<File>> {
    use std::os::windows::fs::OpenOptionsExt as _;

    const DELETE_ON_CLOSE: u32 = 0x0400_0000;
    const ACCESS_DENIED: i32 = 5;
    const SHARING_VIOLATION: i32 = 32;
    let mut options = File::options();
    options.write(true).create(true).truncate(false).share_mode(0).custom_flags(DELETE_ON_CLOSE);
    match options.open(directory.join(format!(".{}.lock", crate::audit::BASELINE_FILE))) {
        Ok(lock) => Ok(Some(lock)),
        // While it is being removed it is there, and cannot be opened.
        Err(error) if matches!(error.raw_os_error(), Some(SHARING_VIOLATION | ACCESS_DENIED)) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_never_have_their_turn_at_once() {
        let directory = std::env::temp_dir().join(format!("panic-agent-turn-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let first = wait(&directory).unwrap();
        assert!(take(&directory).unwrap().is_none());
        drop(first);
        drop(wait(&directory).unwrap());
        assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0, "nothing is left");
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
