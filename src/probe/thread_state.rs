//! What a thread knows about itself: its numbers and the exceptions it is unwinding.
//!
//! Runs on: the thread itself. Must not: allocate, register a destructor, panic. The thread-local is `const`
//! and owns nothing, so it works until the thread is gone, thread-local destructors included.

use core::cell::Cell;
use core::sync::atomic::{AtomicU32, Ordering};

use super::event::{Class, PanicRef, Stamp};

/// Exceptions a thread can unwind at once and still have each told apart. More than two need destructors
/// that panic and catch inside each other.
const FLIGHTS: usize = 8;

/// Counts forks: a cached thread id of an older generation belongs to the parent process.
static FORKS: AtomicU32 = AtomicU32::new(0);

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
    tid: Cell<u32>,
    tid_forks: Cell<u32>,
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
    pub(super) class: Class,
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
    /// A Rust exception of which nothing else is known.
    pub(super) fn of(exception: usize) -> Self {
        Self { exception, ..Self::NONE }
    }

    const NONE: Self = Self { exception: 0, panic: PanicRef::NONE, cleanups: 0, class: Class::Rust };
}

impl Local {
    const fn new() -> Self {
        Self {
            hooked: Cell::new(0),
            thread: Cell::new(0),
            trial: Cell::new(None),
            tid: Cell::new(0),
            tid_forks: Cell::new(0),
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

    /// OS thread id, asked once per thread and process.
    pub(super) fn tid(&self) -> u32 {
        let forks = FORKS.load(Ordering::Relaxed);
        if self.tid.get() == 0 || self.tid_forks.get() != forks {
            // SAFETY: no preconditions.
            let tid = unsafe { libc::gettid() };
            self.tid.set(u32::try_from(tid).unwrap_or_default());
            self.tid_forks.set(forks);
        }
        self.tid.get()
    }
}

/// Runs `f` with this thread's cells; `None` where thread-locals do not work at all.
pub(super) fn with<R>(f: impl FnOnce(&Local) -> R) -> Option<R> {
    LOCAL.try_with(f).ok()
}

/// Now, here.
pub(super) fn stamp() -> Stamp {
    let (thread, tid) = with(|local| (local.thread.get(), local.tid())).unwrap_or_default();
    Stamp { mono_ns: monotonic_ns(), thread, tid }
}

/// Called in a forked child: cached thread ids are the parent's.
pub(super) fn forked() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

fn monotonic_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid for writing; the clock exists on every Linux.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    (time.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec as u64)
}
