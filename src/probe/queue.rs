//! The way of an event from any thread to the writer: a fixed pool of entries; only their numbers cross.
//!
//! Runs on: any thread (`claim`, `publish`) and the writer (`try_receive`). Must not: allocate, lock or wait
//! after [`EventQueue::new`].

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU64, Ordering};
use std::alloc::{Layout, alloc_zeroed, handle_alloc_error};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::event::Entry;

/// Entries of a queue by default: about 1.2 MiB, touched as needed.
pub(crate) const DEFAULT_EVENTS: usize = 2048;

/// Entries, the queue of published ones, and the count of what was lost.
///
/// An entry number is in exactly one place: the free list, one thread's hand, or the ready list. Whoever
/// holds the number owns the entry; the two channels hand the ownership on (their send/receive pair
/// synchronises).
pub(crate) struct EventQueue {
    entries: Box<[UnsafeCell<Entry>]>,
    free: (Sender<u32>, Receiver<u32>),
    ready: (Sender<u32>, Receiver<u32>),
    lost: AtomicU64,
    wake: Option<fn()>,
}

// SAFETY: an entry is reached only through its number, and a number is held by one thread at a time (see the
// type's documentation).
unsafe impl Sync for EventQueue {}

impl EventQueue {
    /// A queue for this many events that wait at the same time. `wake` is called on the thread that
    /// publishes when half of the entries wait, so that a sleeping writer comes in time; it must not
    /// allocate, lock or panic.
    pub(crate) fn new(capacity: usize, wake: Option<fn()>) -> Self {
        let capacity = u32::try_from(capacity.clamp(2, 1 << 20)).unwrap_or(2);
        let free = bounded(capacity as usize);
        for number in 0..capacity {
            if free.0.try_send(number).is_err() {
                break;
            }
        }
        Self {
            entries: zeroed_entries(capacity as usize),
            free,
            ready: bounded(capacity as usize),
            lost: AtomicU64::new(0),
            wake,
        }
    }

    /// A free entry with an empty place; `None`, and a loss counted, when there is none.
    ///
    /// # Cost
    /// No allocation; one CAS unless other threads claim at the same instant.
    pub(crate) fn claim(&self) -> Option<Claimed<'_>> {
        // SAFETY: the number was just taken out of the free list.
        let claimed = self.free.1.try_recv().ok().and_then(|number| unsafe { self.entry(number) });
        let Some((number, entry)) = claimed else {
            self.count_loss();
            return None;
        };
        entry.place.clear();
        entry.text.clear();
        Some(Claimed { queue: self, number, entry })
    }

    /// Writer: the next event. It goes back to the pool when the value is dropped.
    pub(crate) fn try_receive(&self) -> Option<Received<'_>> {
        let number = self.ready.1.try_recv().ok()?;
        // SAFETY: the number was just taken out of the list of published entries.
        let (number, entry) = unsafe { self.entry(number) }?;
        Some(Received { queue: self, number, entry })
    }

    /// Wakes the writer now.
    pub(crate) fn wake(&self) {
        if let Some(wake) = self.wake {
            wake();
        }
    }

    /// Events published and not yet received.
    pub(crate) fn pending(&self) -> usize {
        self.ready.1.len()
    }

    /// Events that found no entry, since the start.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// The entry of a number.
    ///
    /// # Safety
    /// The caller has just taken the number out of one of the two channels, and uses the entry only until it sends the
    /// number on.
    #[allow(clippy::mut_from_ref)]
    unsafe fn entry(&self, number: u32) -> Option<(u32, &mut Entry)> {
        let cell = self.entries.get(number as usize)?;
        // SAFETY: as promised to this function: a number is in one channel or with one thread, so this one has the
        // entry alone.
        let entry = unsafe { &mut *cell.get() };
        Some((number, entry))
    }

    fn count_loss(&self) {
        // Relaxed: the count publishes no other memory. 2^64 losses do not happen.
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    fn give_back(&self, number: u32) {
        // Cannot fail: the free list has room for every number.
        if self.free.0.try_send(number).is_err() {
            self.count_loss();
        }
    }
}

/// Entries of zeroes, straight from the operating system: pages that no event needs are never touched.
fn zeroed_entries(count: usize) -> Box<[UnsafeCell<Entry>]> {
    let Ok(layout) = Layout::array::<UnsafeCell<Entry>>(count) else { return Box::default() };
    if layout.size() == 0 {
        return Box::default();
    }
    // SAFETY: the layout has a size.
    let memory = unsafe { alloc_zeroed(layout) };
    if memory.is_null() {
        handle_alloc_error(layout);
    }
    let entries = core::ptr::slice_from_raw_parts_mut(memory.cast::<UnsafeCell<Entry>>(), count);
    // SAFETY: the memory has the layout of such a slice, comes from the global allocator, and zeroes are a valid
    // entry: integers, lengths, and the first variants of enums that begin at 0 (a test asks what they say).
    unsafe { Box::from_raw(entries) }
}

/// An entry that this thread may write. Dropped without [`publish`](Self::publish) it goes back.
pub(crate) struct Claimed<'a> {
    queue: &'a EventQueue,
    number: u32,
    /// The entry to fill.
    pub(crate) entry: &'a mut Entry,
}

impl Claimed<'_> {
    /// Hands the entry to the writer.
    pub(crate) fn publish(self) {
        let (queue, number) = (self.queue, self.number);
        // The number moves on below; dropping `self` would send it to the free list too.
        core::mem::forget(self);
        // Cannot fail: the ready list has room for every number.
        if queue.ready.0.try_send(number).is_err() {
            queue.count_loss();
            queue.give_back(number);
        }
        if queue.wake.is_some() && queue.pending() >= queue.entries.len().wrapping_div(2) {
            queue.wake();
        }
    }
}

impl Drop for Claimed<'_> {
    fn drop(&mut self) {
        self.queue.give_back(self.number);
    }
}

/// An event that the writer may read.
pub(crate) struct Received<'a> {
    queue: &'a EventQueue,
    number: u32,
    entry: &'a mut Entry,
}

impl core::ops::Deref for Received<'_> {
    type Target = Entry;

    fn deref(&self) -> &Entry {
        self.entry
    }
}

impl Drop for Received<'_> {
    fn drop(&mut self) {
        self.queue.give_back(self.number);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::probe::event::{Event, PanicRef, Trace};

    fn read(nth: u32) -> Event {
        Event::Read { panic: PanicRef::NONE, payload: 7, nth }
    }

    #[test]
    fn events_come_out_in_order_and_a_full_queue_counts_what_it_refuses() {
        let queue = EventQueue::new(4, None);
        for nth in 0..6 {
            if let Some(claimed) = queue.claim() {
                claimed.entry.event = read(nth);
                claimed.publish();
            }
        }
        assert_eq!((queue.pending(), queue.lost()), (4, 2));
        for nth in 0..4 {
            assert_eq!(queue.try_receive().unwrap().event, read(nth));
        }
        assert!(queue.try_receive().is_none());
        assert_eq!(queue.lost(), 2);
    }

    #[test]
    fn a_new_entry_of_zeroes_is_an_entry() {
        let queue = EventQueue::new(2, None);
        let claimed = queue.claim().unwrap();
        let text = format!("{:?}", claimed.entry);
        let (panic, trace) = (PanicRef::NONE, Trace::Traced);
        let event =
            Event::Raised { panic, exception: 0, payload: 0, vtable: 0, trace, hops: 0, walked: false };
        assert_eq!(claimed.entry.event, event, "{text}");
        assert!(claimed.entry.place.ips().is_empty() && claimed.entry.text.as_str().is_empty());
    }

    #[test]
    fn an_entry_that_is_not_published_is_free_again() {
        let queue = EventQueue::new(2, None);
        for _ in 0..10 {
            drop(queue.claim().unwrap());
        }
        assert_eq!((queue.pending(), queue.lost()), (0, 0));
    }

    #[test]
    fn threads_lose_nothing_that_they_are_told_was_taken() {
        let queue = EventQueue::new(64, None);
        let (mut taken, mut received) = (0u64, 0u64);
        let rounds = if cfg!(miri) { 40 } else { 5_000 };
        std::thread::scope(|scope| {
            let senders: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        (0..rounds)
                            .filter(|nth| {
                                let Some(claimed) = queue.claim() else { return false };
                                claimed.entry.event = read(*nth);
                                claimed.publish();
                                true
                            })
                            .count() as u64
                    })
                })
                .collect();
            while senders.iter().any(|sender| !sender.is_finished()) {
                received += u64::from(queue.try_receive().is_some());
            }
            taken += senders.into_iter().map(|sender| sender.join().unwrap()).sum::<u64>();
        });
        while queue.try_receive().is_some() {
            received += 1;
        }
        assert_eq!(received, taken);
        assert_eq!(taken + queue.lost(), 4 * u64::from(rounds));
    }
}
