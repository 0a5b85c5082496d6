//! Open files of an agent: numbers that the program does not expect to be free.
//!
//! Runs on: the thread that installs the agent, the writer, and recoveries. Must not: fail; files keep their numbers
//! then, and threads their table.

use std::fs::File;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

use super::apart;
use crate::sys::own_file::OwnFile;

/// The lowest numbers that are tried, the best first: a process may have few.
const LOWEST: [i32; 5] = [900, 200, 60, 20, 8];

/// Gives a file a number above those that the program will get next, so that the program sees the ones it would see
/// without an agent, and a file of its own gets the number of one of ours only where it names that number.
pub(crate) fn out_of_the_way(file: File) -> OwnFile {
    let file = OwnFile::new(file);
    for lowest in LOWEST {
        // SAFETY: numbers only; the new one is nobody else's.
        let moved = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_DUPFD_CLOEXEC, lowest) };
        if moved >= 0 {
            apart::note(moved);
            // SAFETY: `fcntl` has just made it, for this caller.
            let moved = OwnFile::new(File::from(unsafe { OwnedFd::from_raw_fd(moved) }));
            // Else the program has put something else there between the two calls.
            return if moved.is_same(&file) { moved } else { file };
        }
    }
    file
}
