//! The switches of the probes and the way out of them.
//!
//! Runs on: the installer (`switch_on`, `switch_off`) and every thread. Must not: allocate, lock, panic.

use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};

use super::event::{Entry, Event};
use super::queue::EventQueue;
use super::{LOST, LandingNotes, ProbeOptions, Witness, thread_state};

/// The one state of the probes of this process. `queue` null: every probe only forwards. Written by the
/// installer, and by a forked child, where nobody would read the events.
struct State {
    queue: AtomicPtr<EventQueue>,
    spawn_places: AtomicBool,
    inherit_labels: AtomicBool,
    witness: AtomicPtr<&'static dyn Witness>,
    notes: AtomicPtr<&'static dyn LandingNotes>,
    next_serial: AtomicU64,
    untraced: AtomicU64,
    empty: AtomicU64,
}

static STATE: State = State {
    queue: AtomicPtr::new(core::ptr::null_mut()),
    spawn_places: AtomicBool::new(false),
    inherit_labels: AtomicBool::new(false),
    witness: AtomicPtr::new(core::ptr::null_mut()),
    notes: AtomicPtr::new(core::ptr::null_mut()),
    next_serial: AtomicU64::new(1),
    untraced: AtomicU64::new(0),
    empty: AtomicU64::new(0),
};

pub(super) fn switch_on(queue: &'static EventQueue, options: &ProbeOptions) {
    STATE.spawn_places.store(options.spawn_places, Ordering::Relaxed);
    STATE.inherit_labels.store(options.inherit_labels, Ordering::Relaxed);
    // Release pairs with the acquire in `queue`: whoever sees the queue sees what is in it.
    STATE.queue.store(core::ptr::from_ref(queue).cast_mut(), Ordering::Release);
}

/// Lets `witness` record raises that no hook saw, from now on. Without one they give events only.
pub(crate) fn call_witness(witness: &'static &'static dyn Witness) {
    // Release pairs with the acquire in `witness`.
    STATE.witness.store(core::ptr::from_ref(witness).cast_mut(), Ordering::Release);
}

/// Who records raises that no hook saw.
pub(super) fn witness() -> Option<&'static dyn Witness> {
    let witness = STATE.witness.load(Ordering::Acquire);
    // SAFETY: `call_witness` stored a reference that lives for ever; nobody stores anything else but null.
    unsafe { witness.as_ref() }.copied()
}

/// Takes notes of landings from now on, in place of another one: a forked child has its own.
pub(crate) fn note_landings(notes: &'static &'static dyn LandingNotes) {
    // Release pairs with the acquire in `notes_of`.
    STATE.notes.store(core::ptr::from_ref(notes).cast_mut(), Ordering::Release);
}

/// # Cost
/// Two loads and what the note costs.
pub(super) fn landed(hooked: u64) {
    if let Some(notes) = notes_of(hooked) {
        notes.landed(hooked);
    }
}

/// # Cost
/// As for [`landed`].
pub(super) fn thrown_again(hooked: u64) {
    if let Some(notes) = notes_of(hooked) {
        notes.thrown_again(hooked);
    }
}

fn notes_of(hooked: u64) -> Option<&'static dyn LandingNotes> {
    if matches!(hooked, 0 | LOST) {
        return None;
    }
    let notes = STATE.notes.load(Ordering::Acquire);
    // SAFETY: `note_landings` stored a reference that lives for ever; nobody stores anything else but null.
    unsafe { notes.as_ref() }.copied()
}

pub(super) fn switch_off() {
    STATE.queue.store(core::ptr::null_mut(), Ordering::Release);
}

/// Where events go; `None` when the probes are off.
pub(super) fn queue() -> Option<&'static EventQueue> {
    let queue = STATE.queue.load(Ordering::Acquire);
    // SAFETY: `switch_on` stored a reference that lives for ever; nobody stores anything else but null.
    unsafe { queue.as_ref() }
}

/// Whether a new thread is to know where it was spawned.
pub(super) fn wants_spawn_places() -> bool {
    STATE.spawn_places.load(Ordering::Relaxed)
}

/// Whether a new thread begins with the labels of its parent.
pub(super) fn inherits_labels() -> bool {
    STATE.inherit_labels.load(Ordering::Relaxed)
}

/// Number for a panic that is raised for the first time.
pub(super) fn next_serial() -> u64 {
    // Relaxed: only distinct numbers are wanted.
    STATE.next_serial.fetch_add(1, Ordering::Relaxed)
}

pub(super) fn count_untraced() {
    STATE.untraced.fetch_add(1, Ordering::Relaxed);
}

/// A payload without bytes was raised.
pub(super) fn count_empty() {
    STATE.empty.fetch_add(1, Ordering::Relaxed);
}

pub(super) fn empty() -> u64 {
    STATE.empty.load(Ordering::Relaxed)
}

pub(super) fn untraced() -> u64 {
    STATE.untraced.load(Ordering::Relaxed)
}

/// Sends one event; `fill` adds its place or text.
///
/// # Cost
/// No allocation; about 0.1 us and what `fill` costs.
pub(super) fn emit(event: Event, fill: impl FnOnce(&mut Entry)) {
    let Some(queue) = queue() else { return };
    let Some(claimed) = queue.claim() else { return };
    claimed.entry.stamp = thread_state::stamp();
    claimed.entry.event = event;
    fill(claimed.entry);
    claimed.publish();
    // What is said of a panic may be due; threads that come and go are not worth a wake-up.
    if matches!(
        event,
        Event::Landed { .. } | Event::Read { .. } | Event::Dropped { .. } | Event::Strayed { .. }
    ) {
        queue.wake();
    }
}

/// Wakes the writer now: the process is about to end.
pub(super) fn wake() {
    if let Some(queue) = queue() {
        queue.wake();
    }
}
