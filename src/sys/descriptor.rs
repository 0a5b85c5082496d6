//! Numbers of open files that a program does not expect to be free.
//!
//! Runs on: the thread that installs the agent, and the writer. Must not: fail; a file keeps its number then.

use std::fs::File;
#[cfg(feature = "preload")]
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

#[cfg(feature = "preload")]
use crate::probe::foreign;

/// The lowest numbers that are tried, the best first: a process may have few.
#[cfg(feature = "preload")]
const LOWEST: [i32; 3] = [900, 200, 60];

/// In a program that knows nothing of the agent: gives a file a number above those that the program will get next, so
/// that it sees the ones it would see without an agent.
#[cfg(feature = "preload")]
pub(crate) fn out_of_the_way(file: File) -> File {
    if !foreign::is_on() {
        return file;
    }
    for lowest in LOWEST {
        // SAFETY: the descriptor is open as long as `file` lives; the new one is nobody else's.
        let moved = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_DUPFD_CLOEXEC, lowest) };
        if moved >= 0 {
            // SAFETY: `fcntl` has just made it, for this caller.
            return File::from(unsafe { OwnedFd::from_raw_fd(moved) });
        }
    }
    file
}

/// The twin for an agent that the program has itself.
#[cfg(not(feature = "preload"))]
pub(crate) fn out_of_the_way(file: File) -> File {
    file
}
