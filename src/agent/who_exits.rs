//! Who ends the process.
//!
//! Runs on: the thread that calls `exit`. Must not: panic, or take a lock.

use crate::capture::{self, stack};
use crate::platform;
use crate::probe::{self, Event, PanicRef};
use crate::record::{ExitPlace, Notice};
use crate::sys::{clock, thread};

/// Frames that are kept: enough to get from the exit handler through the C library into the program.
pub(super) const INTO_PROGRAM: usize = 32;
/// Frames that are kept in a test harness: enough to get out of the program again, to the harness.
pub(super) const TO_HARNESS: usize = 512;

/// Says so if a hook of a program that is observed from outside ends the process: its panic was not raised yet, and nobody
/// else will speak of it.
pub(super) fn note_hook() {
    if !platform::std().is_foreign() {
        return;
    }
    let ips = stack::callers(TO_HARNESS);
    let Some(hook) = platform::std().calls_hook(&ips) else { return };
    // Outside of std's function that calls hooks is whoever panics.
    let panicking = ips.get(hook..).unwrap_or_default();
    let event = Event::Noticed { what: Notice::EndedInHook, panic: PanicRef::NONE, number: 0 };
    probe::wrapper_notes::send(event, |entry| {
        entry.place.fill(|place| place.iter_mut().zip(panicking).map(|(place, ip)| *place = *ip).count());
    });
}

/// The stack of the calling thread, innermost first, at most so many frames.
pub(super) fn here(frames: usize) -> ExitPlace {
    ExitPlace {
        tid: thread::tid(),
        mono_ns: clock::mono_ns(),
        ips: stack::callers(frames),
        inside: capture::unwinding_here(),
    }
}
