//! A table of open files that is the agent's threads' own, in a program that knows nothing of the agent.
//!
//! Runs on: the thread that installs the agent (`note`), and the writer as it begins. Must not: fail; threads keep the
//! table of the program then.

use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::sync::atomic::{AtomicI32, Ordering};

use super::descriptor;
use crate::platform;

/// The lowest number that was given to a file. Relaxed: written by the thread that starts the one that reads it.
static FIRST: AtomicI32 = AtomicI32::new(i32::MAX);
/// The highest one. Relaxed: as above.
static LAST: AtomicI32 = AtomicI32::new(0);

/// A file of the agent's got this number.
pub(super) fn note(number: i32) {
    FIRST.fetch_min(number, Ordering::Relaxed);
    LAST.fetch_max(number, Ordering::Relaxed);
}

/// In a program that knows nothing of the agent: gives this thread, and those that it starts, a table of open files of
/// their own (`close_range(2)`, Linux 5.9). The files that they open take no number from the program, a program that
/// closes all files it did not open leaves them theirs, and one that closes its end of a pipe has no second end here.
///
/// The agent's own files stay open, and the three standard ones lead nowhere.
pub(crate) fn keep_apart() {
    if !platform::std().is_foreign() {
        return;
    }
    let Ok(nowhere) =
        File::options().read(true).write(true).open("/dev/null").map(descriptor::out_of_the_way)
    else {
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

/// `CLOSE_RANGE_UNSHARE` of `linux/close_range.h`: the table becomes the calling thread's first.
const UNSHARE: u32 = 1 << 1;

/// Closes the files with these numbers.
fn close(first: u32, last: u32, flags: u32) -> bool {
    // SAFETY: numbers only. Called with a range that is not of the agent's files: with `UNSHARE`, or after it, so that
    // the program keeps its own.
    unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) == 0 }
}
