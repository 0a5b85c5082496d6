//! Open files of an agent: numbers that the program does not expect to be free.
//!
//! Runs on: the thread that installs the agent, the writer, and recoveries. Must not: fail; files keep their numbers
//! then, and threads their table.

use std::fs::File;
#[cfg(unix)]
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
#[cfg(feature = "preload")]
use std::sync::atomic::{AtomicI32, Ordering};

use super::own_file::OwnFile;
#[cfg(feature = "preload")]
use crate::probe::foreign;

/// The lowest numbers that are tried, the best first: a process may have few.
#[cfg(unix)]
const LOWEST: [i32; 5] = [900, 200, 60, 20, 8];

/// The lowest number that was given to a file. Relaxed: written by the thread that starts the one that reads it.
#[cfg(feature = "preload")]
static FIRST: AtomicI32 = AtomicI32::new(i32::MAX);
/// The highest one. Relaxed: as above.
#[cfg(feature = "preload")]
static LAST: AtomicI32 = AtomicI32::new(0);

/// Gives a file a number above those that the program will get next, so that the program sees the ones it would see
/// without an agent, and a file of its own gets the number of one of ours only where it names that number.
#[cfg(unix)]
pub(crate) fn out_of_the_way(file: File) -> OwnFile {
    let file = OwnFile::new(file);
    for lowest in LOWEST {
        // SAFETY: numbers only; the new one is nobody else's.
        let moved = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_DUPFD_CLOEXEC, lowest) };
        if moved >= 0 {
            #[cfg(feature = "preload")]
            {
                FIRST.fetch_min(moved, Ordering::Relaxed);
                LAST.fetch_max(moved, Ordering::Relaxed);
            }
            // SAFETY: `fcntl` has just made it, for this caller.
            let moved = OwnFile::new(File::from(unsafe { OwnedFd::from_raw_fd(moved) }));
            // Else the program has put something else there between the two calls.
            return if moved.is_same(&file) { moved } else { file };
        }
    }
    file
}

/// The twin for systems without numbers.
#[cfg(not(unix))]
pub(crate) fn out_of_the_way(file: File) -> OwnFile {
    OwnFile::new(file)
}

/// In a program that knows nothing of the agent: gives this thread, and those that it starts, a table of open files of
/// their own (`close_range(2)`, Linux 5.9). The files that they open take no number from the program, a program that
/// closes all files it did not open leaves them theirs, and one that closes its end of a pipe has no second end here.
///
/// The agent's own files stay open, and the three standard ones lead nowhere.
#[cfg(feature = "preload")]
pub(crate) fn keep_apart() {
    if !foreign::is_on() {
        return;
    }
    let Ok(nowhere) = File::options().read(true).write(true).open("/dev/null").map(out_of_the_way) else {
        return;
    };
    let (first, last) = (FIRST.load(Ordering::Relaxed), LAST.load(Ordering::Relaxed));
    // Not moved: it would be closed along with the program's files.
    if !(first..=last).contains(&nowhere.as_raw_fd()) || !close(last.cast_unsigned() + 1, u32::MAX, UNSHARE) {
        return;
    }
    close(0, first.cast_unsigned() - 1, 0);
    for standard in 0..=2 {
        // SAFETY: numbers only. The table is this thread's, and nothing of it is open there.
        unsafe { libc::dup2(nowhere.as_raw_fd(), standard) };
    }
}

/// The twin for an agent that the program has itself.
#[cfg(not(feature = "preload"))]
pub(crate) fn keep_apart() {}

/// `CLOSE_RANGE_UNSHARE` of `linux/close_range.h`: the table becomes the calling thread's first.
#[cfg(feature = "preload")]
const UNSHARE: u32 = 1 << 1;

/// Closes the files with these numbers.
#[cfg(feature = "preload")]
fn close(first: u32, last: u32, flags: u32) -> bool {
    // SAFETY: numbers only. Called with a range that is not of the agent's files: with `UNSHARE`, or after it, so that
    // the program keeps its own.
    unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) == 0 }
}
