//! Who ends the process.
//!
//! Runs on: the thread that calls `exit`. Must not: panic.

use crate::sys::thread;
use crate::writer::ExitPlace;

/// Frames that are kept: enough to get from the exit handler through the C library into the program.
const FRAMES: usize = 32;

/// The stack of the calling thread, innermost first.
#[inline(never)]
pub(super) fn here() -> ExitPlace {
    let mut ips = Vec::with_capacity(FRAMES);
    backtrace::trace(|frame| {
        ips.push(frame.ip().addr() as u64);
        ips.len() < FRAMES
    });
    ExitPlace { tid: thread::tid(), ips }
}
