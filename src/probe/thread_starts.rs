//! What a parent leaves for the thread that it starts.
//!
//! Runs on: the parent (`leave`) and the new thread (`take`). Must not: allocate, lock, wait, panic.

use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::place::Place;
use super::{harness_notes, state, thread_state, thread_table};
use crate::capture::labels;
use crate::capture::stack::short_walk;
use crate::sys::thread as sys_thread;

/// Threads that can be between their creation and their first instruction at once. What no entry is free for is
/// a thread whose start is not seen (counted).
const STARTS: usize = 256;
/// Entries that are tried for a new thread.
const TRIES: usize = 16;

/// Who enters a thread into the table of handles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EnteredBy {
    /// Nobody: it is created detached, and nobody can join it.
    Nobody,
    /// The parent, before anybody else can have the handle.
    Parent,
    /// The thread itself, as its first act: the memory with the handle may be gone before the parent can look. What
    /// is done to the handle before that is not seen.
    Child,
}

/// What the child needs.
#[derive(Clone, Copy)]
pub(super) struct Birth {
    /// The child's number.
    pub(super) number: u64,
    /// The parent's number.
    pub(super) parent: u64,
    /// OS thread id of the parent.
    pub(super) parent_tid: u32,
    /// Who makes the child findable by its handle.
    pub(super) entered_by: EnteredBy,
    /// The program's start routine.
    pub(super) routine: usize,
    /// Its argument, with its provenance exposed.
    pub(super) argument: usize,
    /// Whether `place` was taken.
    placed: bool,
    /// Whether `labels` were handed over.
    inherits: bool,
}

/// The larger parts; touched only when they are wanted.
struct Bulk {
    place: Place,
    labels: labels::Handover,
}

/// One start. `taken` is set by the parent's CAS and cleared by the child once it has read the rest, or by the
/// parent when there is no child.
pub(super) struct Start {
    taken: AtomicBool,
    birth: UnsafeCell<Birth>,
    bulk: UnsafeCell<Bulk>,
}

// SAFETY: the cells belong to the parent from its CAS on `taken` until it creates the thread, which orders its
// writes before everything the child does; then to the child until it clears `taken`.
unsafe impl Sync for Start {}

static TABLE: [Start; STARTS] = [const {
    Start {
        taken: AtomicBool::new(false),
        birth: UnsafeCell::new(Birth {
            number: 0,
            parent: 0,
            parent_tid: 0,
            entered_by: EnteredBy::Nobody,
            routine: 0,
            argument: 0,
            placed: false,
            inherits: false,
        }),
        bulk: UnsafeCell::new(Bulk { place: Place::new(), labels: labels::Handover::new() }),
    }
}; STARTS];
/// Threads whose start was not seen because too many were just starting.
pub(super) static UNSEEN: AtomicU64 = AtomicU64::new(0);

/// Fills a free entry and gives it with the child's number; `None` when the probes are off or too many threads
/// are just starting. `routine` and `argument` are the program's; `anchor` is as in [`short_walk`].
pub(super) fn leave(
    entered_by: EnteredBy,
    routine: usize,
    argument: *mut c_void,
    anchor: usize,
) -> Option<(&'static Start, u64)> {
    state::queue()?;
    let number = thread_table::next();
    let start = (0..TRIES)
        .filter_map(|step| TABLE.get((number as usize).wrapping_add(step) % STARTS))
        // Acquire pairs with the release in `give_back`: the last child has read its values.
        .find(|start| {
            start.taken.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
        });
    let Some(start) = start else {
        UNSEEN.fetch_add(1, Ordering::Relaxed);
        return None;
    };
    let (parent, parent_tid) = (thread_state::number(), sys_thread::tid());
    let placed = state::SPAWN_PLACES.load(Ordering::Relaxed);
    let inherits_all = state::INHERIT_LABELS.load(Ordering::Relaxed);
    // In a test harness it is known of every thread whether it was meant to panic.
    let inherits = inherits_all || harness_notes::is_audited();
    let argument = argument.expose_provenance();
    let birth = Birth { number, parent, parent_tid, entered_by, routine, argument, placed, inherits };
    // SAFETY: this thread has the entry to itself (see `Sync`).
    unsafe { start.birth.get().write(birth) };
    if harness_notes::is_audited() {
        harness_notes::spawning(number, parent, parent_tid, anchor);
    }
    if placed || inherits {
        // SAFETY: as above.
        let bulk = unsafe { &mut *start.bulk.get() };
        if placed {
            bulk.place.fill(|ips| short_walk(ips, anchor));
        }
        if inherits {
            if inherits_all {
                labels::hand_over(&mut bulk.labels);
            } else {
                labels::hand_over_expected(&mut bulk.labels);
            }
        }
    }
    Some((start, number))
}

impl Start {
    /// Child: what the parent left. Puts inherited labels in force, and gives `with` the birth and the place of
    /// the spawn, if it was wanted. The entry is free again when this returns.
    pub(super) fn take(&self, with: impl FnOnce(Birth, Option<&Place>)) -> Birth {
        // SAFETY: this is the child, which has the entry to itself (see `Sync`).
        let birth = unsafe { self.birth.get().read() };
        let bulk = if birth.placed || birth.inherits {
            // SAFETY: as above.
            Some(unsafe { &*self.bulk.get() })
        } else {
            None
        };
        if let Some(bulk) = bulk.filter(|_| birth.inherits) {
            labels::take_over(&bulk.labels);
        }
        with(birth, bulk.filter(|_| birth.placed).map(|bulk| &bulk.place));
        self.give_back();
        birth
    }

    /// The entry is free again: the child has read it, or there is no child.
    pub(super) fn give_back(&self) {
        self.taken.store(false, Ordering::Release);
    }
}
