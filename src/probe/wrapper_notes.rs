//! What wrappers of this crate say of the panics that they catch, on the way that the probes' events take.
//!
//! Runs on: the thread inside the wrapper, which may be unwinding another panic. Must not: allocate, lock or
//! panic.

use core::cell::Cell;
use std::any::Any;

use once_cell::race::OnceBox;

use super::event::{Entry, Event, PanicRef};
use super::queue::EventQueue;
use super::{LOST, observing};
use crate::capture::stack::short_walk;
use crate::sys::fork;

/// Where notes go. Set once, by the installer of the agent.
static NOTES: OnceBox<Notes> = OnceBox::new();

struct Notes {
    queue: &'static EventQueue,
    /// [`fork::generation`] of the process that has the writer.
    home: u32,
}

thread_local! {
    /// Whether a wrapper speaks for the payloads that this thread touches. No destructor.
    static SPEAKING: Cell<u32> = const { Cell::new(0) };
}

/// Lets wrappers speak from now on.
pub(crate) fn listen(queue: &'static EventQueue) {
    // A second agent is refused before.
    let _first = NOTES.set(Box::new(Notes { queue, home: fork::generation() }));
}

/// Sends one note; `fill` adds its place or text. Nothing happens without an agent.
///
/// # Cost
/// No allocation; about 0.1 us and what `fill` costs.
pub(crate) fn send(event: Event, fill: impl FnOnce(&mut Entry)) {
    let Some(notes) = NOTES.get().filter(|notes| notes.home == fork::generation()) else { return };
    let Some(claimed) = notes.queue.claim() else { return };
    claimed.entry.stamp = observing::stamp();
    claimed.entry.event = event;
    fill(claimed.entry);
    claimed.publish();
    notes.queue.wake();
}

/// Writes the frames outside of `anchor` into an event.
pub(crate) fn place(entry: &mut Entry, anchor: usize) {
    entry.place.fill(|ips| short_walk(ips, anchor));
}

/// Runs `f`, during which the probes do not tell what happens to payloads: the wrapper does.
pub(crate) fn speaking<R>(f: impl FnOnce() -> R) -> R {
    struct Done;
    impl Drop for Done {
        fn drop(&mut self) {
            SPEAKING.set(SPEAKING.get().saturating_sub(1));
        }
    }
    SPEAKING.set(SPEAKING.get().saturating_add(1));
    let _done = Done;
    f()
}

/// Whether a wrapper speaks for the payloads that this thread touches.
pub(super) fn is_speaking() -> bool {
    SPEAKING.get() > 0
}

/// The number of the panic that has this payload, if the probes follow it and its report exists.
pub(crate) fn followed(payload: &(dyn Any + Send)) -> Option<u64> {
    observing::known(payload).map(|PanicRef { hooked, .. }| hooked).filter(|hooked| *hooked != 0)
}

/// Names a panic by the hook's number; `None` for one without a report.
pub(crate) fn named(sequence: u64) -> Option<PanicRef> {
    (sequence != 0 && sequence != LOST).then_some(PanicRef { serial: 0, hooked: sequence })
}
