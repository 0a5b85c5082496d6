//! The way of small things from any thread to the writer: a fixed pool of entries; only their numbers cross.
//!
//! Runs on: any thread (`claim`, `publish`) and the writer (`try_receive`). Must not: allocate, lock or wait
//! after [`Exchange::new`].
//!
//! [`Channel`](super::Channel) does the same for records, with what small things do without: slots that outlive the
//! process, a reserve, threads that wait. See `docs/decisions/0011-slot-channel.md`.

use core::cell::UnsafeCell;
use std::alloc::{Layout, alloc_zeroed, handle_alloc_error};

use super::free_list::{FreeList, Links};
use super::sync::{AtomicU32, AtomicU64, Ordering, Queue};

/// What can go through an [`Exchange`].
///
/// # Safety
/// A value of zeroes is valid.
pub(crate) unsafe trait Carried: Send {
    /// Forgets what was carried before.
    fn clear(&mut self);
}

/// Entries, the queue of published ones, and the count of what was lost.
///
/// An entry number is in exactly one place: the free list, one thread's hand, or the ready list. Whoever
/// holds the number owns the entry; the two lists hand the ownership on (their take/give pair synchronises).
pub(crate) struct Exchange<T> {
    entries: Box<[UnsafeCell<T>]>,
    links: NextFree,
    free: FreeList,
    ready: Queue,
    lost: AtomicU64,
    wake: Option<fn()>,
}

// SAFETY: an entry is reached only through its number, and a number is held by one thread at a time (see the
// type's documentation).
unsafe impl<T: Carried> Sync for Exchange<T> {}

impl<T: Carried> Exchange<T> {
    /// Room for this many that wait at the same time. `wake` is called on the thread that
    /// publishes when half of the entries wait, so that a sleeping writer comes in time; it must not
    /// allocate, lock or panic.
    pub(crate) fn new(capacity: usize, wake: Option<fn()>) -> Self {
        let capacity = u32::try_from(capacity.clamp(2, 1 << 20)).unwrap_or(2);
        Self {
            entries: zeroed_entries(capacity as usize),
            links: NextFree((0..capacity).map(|_| AtomicU32::new(0)).collect()),
            free: FreeList::new(0, capacity),
            ready: Queue::new(capacity as usize),
            lost: AtomicU64::new(0),
            wake,
        }
    }

    /// A free entry, cleared; `None`, and a loss counted, when there is none.
    ///
    /// # Cost
    /// No allocation; one CAS unless other threads claim at the same instant.
    pub(crate) fn claim(&self) -> Option<Claimed<'_, T>> {
        // SAFETY: the number was just taken out of the free list.
        let claimed = self.free.take(&self.links).and_then(|number| unsafe { self.entry(number) });
        let Some((number, entry)) = claimed else {
            self.count_loss();
            return None;
        };
        entry.clear();
        Some(Claimed { exchange: self, number, entry })
    }

    /// Writer: the next one. It goes back to the pool when the value is dropped.
    pub(crate) fn try_receive(&self) -> Option<Received<'_, T>> {
        let number = self.ready.try_receive()?;
        // SAFETY: the number was just taken out of the list of published entries.
        let (number, entry) = unsafe { self.entry(number) }?;
        Some(Received { exchange: self, number, entry })
    }

    /// Wakes the writer now.
    pub(crate) fn wake(&self) {
        if let Some(wake) = self.wake {
            wake();
        }
    }

    /// Published and not yet received.
    pub(crate) fn pending(&self) -> usize {
        self.ready.len()
    }

    /// What found no entry, since the start.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Counts one that was not even claimed.
    pub(crate) fn count_loss(&self) {
        // Relaxed: the count publishes no other memory. 2^64 losses do not happen.
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    /// The entry of a number.
    ///
    /// # Safety
    /// The caller has just taken the number out of one of the two lists, and uses the entry only until it sends the
    /// number on.
    #[allow(clippy::mut_from_ref)]
    unsafe fn entry(&self, number: u32) -> Option<(u32, &mut T)> {
        let cell = self.entries.get(number as usize)?;
        // SAFETY: as promised to this function: a number is in one list or with one thread, so this one has the
        // entry alone.
        let entry = unsafe { &mut *cell.get() };
        Some((number, entry))
    }
}

/// Of each entry the number of the next free one plus 1, while it is free itself.
struct NextFree(Box<[AtomicU32]>);

impl Links for NextFree {
    fn next(&self, index: u32) -> Option<&AtomicU32> {
        self.0.get(index as usize)
    }
}

/// Entries of zeroes, straight from the operating system: pages that nobody needs are never touched.
fn zeroed_entries<T: Carried>(count: usize) -> Box<[UnsafeCell<T>]> {
    let Ok(layout) = Layout::array::<UnsafeCell<T>>(count) else { return Box::default() };
    if layout.size() == 0 {
        return Box::default();
    }
    // SAFETY: the layout has a size.
    let memory = unsafe { alloc_zeroed(layout) };
    if memory.is_null() {
        handle_alloc_error(layout);
    }
    let entries = core::ptr::slice_from_raw_parts_mut(memory.cast::<UnsafeCell<T>>(), count);
    // SAFETY: the memory has the layout of such a slice, comes from the global allocator, and zeroes are a valid
    // entry: `Carried` promises it.
    unsafe { Box::from_raw(entries) }
}

/// An entry that this thread may write. Dropped without [`publish`](Self::publish) it goes back.
pub(crate) struct Claimed<'a, T: Carried> {
    exchange: &'a Exchange<T>,
    number: u32,
    /// The entry to fill.
    pub(crate) entry: &'a mut T,
}

impl<T: Carried> Claimed<'_, T> {
    /// Hands the entry to the writer.
    pub(crate) fn publish(self) {
        let (exchange, number) = (self.exchange, self.number);
        // The number moves on below; dropping `self` would send it to the free list too.
        core::mem::forget(self);
        // Cannot fail: the ready list has room for every number.
        if !exchange.ready.try_send(number) {
            exchange.count_loss();
            exchange.free.give_back(&exchange.links, number);
        }
        if exchange.wake.is_some() && exchange.pending() >= exchange.entries.len().wrapping_div(2) {
            exchange.wake();
        }
    }
}

impl<T: Carried> Drop for Claimed<'_, T> {
    fn drop(&mut self) {
        self.exchange.free.give_back(&self.exchange.links, self.number);
    }
}

/// An entry that the writer may read.
pub(crate) struct Received<'a, T: Carried> {
    exchange: &'a Exchange<T>,
    number: u32,
    entry: &'a mut T,
}

impl<T: Carried> core::ops::Deref for Received<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.entry
    }
}

impl<T: Carried> Drop for Received<'_, T> {
    fn drop(&mut self) {
        self.exchange.free.give_back(&self.exchange.links, self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // SAFETY: zeroes are a number.
    unsafe impl Carried for u32 {
        fn clear(&mut self) {}
    }

    #[test]
    fn entries_come_out_in_order_and_a_full_exchange_counts_what_it_refuses() {
        let exchange = Exchange::new(4, None);
        for nth in 0..6 {
            if let Some(claimed) = exchange.claim() {
                *claimed.entry = nth;
                claimed.publish();
            }
        }
        assert_eq!((exchange.pending(), exchange.lost()), (4, 2));
        for nth in 0..4 {
            assert_eq!(*exchange.try_receive().unwrap(), nth);
        }
        assert!(exchange.try_receive().is_none());
        assert_eq!(exchange.lost(), 2);
    }

    #[test]
    fn an_entry_that_is_not_published_is_free_again() {
        let exchange = Exchange::<u32>::new(2, None);
        for _ in 0..10 {
            drop(exchange.claim().unwrap());
        }
        assert_eq!((exchange.pending(), exchange.lost()), (0, 0));
    }

    #[test]
    fn threads_lose_nothing_that_they_are_told_was_taken() {
        let exchange = Exchange::new(64, None);
        let (mut taken, mut received) = (0u64, 0u64);
        let rounds = if cfg!(miri) { 40 } else { 5_000 };
        std::thread::scope(|scope| {
            let senders: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        (0..rounds)
                            .filter(|nth| {
                                let Some(claimed) = exchange.claim() else { return false };
                                *claimed.entry = *nth;
                                claimed.publish();
                                true
                            })
                            .count() as u64
                    })
                })
                .collect();
            while senders.iter().any(|sender| !sender.is_finished()) {
                received += u64::from(exchange.try_receive().is_some());
            }
            taken += senders.into_iter().map(|sender| sender.join().unwrap()).sum::<u64>();
        });
        while exchange.try_receive().is_some() {
            received += 1;
        }
        assert_eq!(received, taken);
        assert_eq!(taken + exchange.lost(), 4 * u64::from(rounds));
    }
}
