//! The switches of the probes and the way out of them.
//!
//! Runs on: the installer (`switch_on`, `switch_off`) and every thread. Must not: allocate, lock, panic.

use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};

use super::event::{Entry, Event};
use super::queue::EventQueue;
use super::{LOST, LandingNotes, ProbeOptions, Witness, thread_state};

/// Where events go; null: every probe only forwards. Written by the installer, and by a forked child, where nobody
/// would read the events.
static QUEUE: AtomicPtr<EventQueue> = AtomicPtr::new(core::ptr::null_mut());
/// Whether a new thread is to know where it was spawned. Written by the installer before the queue, as the next one.
pub(super) static SPAWN_PLACES: AtomicBool = AtomicBool::new(false);
/// Whether a new thread begins with the labels of its parent.
pub(super) static INHERIT_LABELS: AtomicBool = AtomicBool::new(false);
/// Null for none.
static WITNESS: AtomicPtr<&'static dyn Witness> = AtomicPtr::new(core::ptr::null_mut());
static NOTES: AtomicPtr<&'static dyn LandingNotes> = AtomicPtr::new(core::ptr::null_mut());
/// Relaxed: only distinct numbers are wanted.
static NEXT_SERIAL: AtomicU64 = AtomicU64::new(1);
/// Panics whose payload is not followed because there are too many payload types.
pub(super) static UNTRACED: AtomicU64 = AtomicU64::new(0);
/// Panics whose payload has no bytes, so that it cannot be followed.
pub(super) static EMPTY: AtomicU64 = AtomicU64::new(0);

pub(super) fn switch_on(queue: &'static EventQueue, options: &ProbeOptions) {
    SPAWN_PLACES.store(options.spawn_places, Ordering::Relaxed);
    INHERIT_LABELS.store(options.inherit_labels, Ordering::Relaxed);
    // Release pairs with the acquire in `queue`: whoever sees the queue sees what is in it.
    QUEUE.store(core::ptr::from_ref(queue).cast_mut(), Ordering::Release);
}

/// Lets `witness` record raises that no hook saw, from now on. Without one they give events only.
pub(crate) fn call_witness(witness: &'static &'static dyn Witness) {
    // Release pairs with the acquire in `witness`.
    WITNESS.store(core::ptr::from_ref(witness).cast_mut(), Ordering::Release);
}

/// Who records raises that no hook saw.
pub(super) fn witness() -> Option<&'static dyn Witness> {
    let witness = WITNESS.load(Ordering::Acquire);
    // SAFETY: `call_witness` stored a reference that lives for ever; nobody stores anything else but null.
    unsafe { witness.as_ref() }.copied()
}

/// Takes notes of landings from now on, in place of another one: a forked child has its own.
pub(crate) fn note_landings(notes: &'static &'static dyn LandingNotes) {
    // Release pairs with the acquire in `notes_of`.
    NOTES.store(core::ptr::from_ref(notes).cast_mut(), Ordering::Release);
}

/// Who notes the end of the unwinding of this panic.
///
/// # Cost
/// A load.
pub(super) fn notes_of(hooked: u64) -> Option<&'static dyn LandingNotes> {
    if matches!(hooked, 0 | LOST) {
        return None;
    }
    let notes = NOTES.load(Ordering::Acquire);
    // SAFETY: `note_landings` stored a reference that lives for ever; nobody stores anything else but null.
    unsafe { notes.as_ref() }.copied()
}

pub(super) fn switch_off() {
    QUEUE.store(core::ptr::null_mut(), Ordering::Release);
}

/// Where events go; `None` when the probes are off.
pub(super) fn queue() -> Option<&'static EventQueue> {
    let queue = QUEUE.load(Ordering::Acquire);
    // SAFETY: `switch_on` stored a reference that lives for ever; nobody stores anything else but null.
    unsafe { queue.as_ref() }
}

/// Number for a panic that is raised for the first time.
pub(super) fn next_serial() -> u64 {
    NEXT_SERIAL.fetch_add(1, Ordering::Relaxed)
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
