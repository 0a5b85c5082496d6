//! Who ends the process.
//!
//! Runs on: the thread that calls `exit`. Must not: panic, or take a lock.

use crate::capture::{self, stack};
use crate::record::ExitPlace;
use crate::sys::{clock, thread};

/// Frames that are kept: enough to get from the exit handler through the C library into the program.
pub(super) const INTO_PROGRAM: usize = 32;
/// Frames that are kept in a test harness: enough to get out of the program again, to the harness.
pub(super) const TO_HARNESS: usize = 512;

/// The stack of the calling thread, innermost first, at most so many frames.
pub(super) fn here(frames: usize) -> ExitPlace {
    ExitPlace {
        tid: thread::tid(),
        mono_ns: clock::mono_ns(),
        ips: stack::callers(frames),
        inside: capture::unwinding_here(),
    }
}
