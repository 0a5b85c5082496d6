//! What a thread knows about itself: its numbers and the exceptions it is unwinding.
//!
//! Runs on: the thread itself. Must not: allocate, register a destructor, panic. The thread-local is `const`
//! and owns nothing, so it works until the thread is gone, thread-local destructors included.

use core::cell::Cell;

use super::event::{Language, PanicRef, Stamp};
use crate::sys::{clock, thread};

/// Exceptions a thread can unwind at once and still have each told apart. More than two need destructors
/// that panic and catch inside each other.
const FLIGHTS: usize = 8;

thread_local! {
    static LOCAL: Local = const { Local::new() };
}

/// The thread's cells.
pub(super) struct Local {
    /// What the hook left for the raise that follows it.
    pub(super) hooked: Cell<u64>,
    /// Number of this thread, 0 when its start was not seen.
    pub(super) thread: Cell<u64>,
    /// The trial at installation, see `trial`.
    pub(super) trial: Cell<Option<Trial>>,
    flights: [Cell<Flight>; FLIGHTS],
    newest: Cell<usize>,
}

/// An exception between its raise and its landing.
#[derive(Clone, Copy)]
pub(super) struct Flight {
    /// Address of the exception object, 0 for none.
    pub(super) exception: usize,
    pub(super) panic: PanicRef,
    /// Landing pads entered so far.
    pub(super) cleanups: u32,
    pub(super) class: Language,
}

/// What the trial expects and what it saw.
#[derive(Clone, Copy)]
pub(super) struct Trial {
    /// Data and vtable word of the private payload.
    pub(super) payload: [usize; 2],
    pub(super) seen: u8,
    /// Canary of the exception that carried it.
    pub(super) canary: usize,
}

impl Flight {
    pub(super) const NONE: Self =
        Self { exception: 0, panic: PanicRef::NONE, cleanups: 0, class: Language::Rust };
}

impl Local {
    const fn new() -> Self {
        Self {
            hooked: Cell::new(0),
            thread: Cell::new(0),
            trial: Cell::new(None),
            flights: [const { Cell::new(Flight::NONE) }; FLIGHTS],
            newest: Cell::new(0),
        }
    }

    /// Remembers an exception; the oldest makes room.
    pub(super) fn begin(&self, flight: Flight) {
        let next = self.newest.get().wrapping_add(1) % FLIGHTS;
        if let Some(cell) = self.flights.get(next) {
            cell.set(flight);
            self.newest.set(next);
        }
    }

    /// The cell of an exception that this thread raised and that has not landed.
    pub(super) fn flight(&self, exception: usize) -> Option<&Cell<Flight>> {
        let newest = self.newest.get();
        (0..FLIGHTS)
            .filter_map(|back| self.flights.get(newest.wrapping_sub(back) % FLIGHTS))
            .find(|cell| exception != 0 && cell.get().exception == exception)
    }

    /// Forgets an exception.
    pub(super) fn end(&self, flight: &Cell<Flight>) {
        flight.set(Flight::NONE);
        // The outer exception, if there is one, is the next to land.
        self.newest.set(self.newest.get().wrapping_sub(1) % FLIGHTS);
    }
}

/// Runs `f` with this thread's cells; `None` where thread-locals do not work at all.
pub(super) fn with<R>(f: impl FnOnce(&Local) -> R) -> Option<R> {
    LOCAL.try_with(f).ok()
}

/// Number of this thread, 0 when its start was not seen.
pub(super) fn number() -> u64 {
    with(|local| local.thread.get()).unwrap_or_default()
}

/// Now, here.
pub(in crate::probe) fn stamp() -> Stamp {
    Stamp { mono_ns: clock::mono_ns(), thread: number(), tid: thread::tid() }
}
