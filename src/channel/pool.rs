//! The free slots: a lock-free stack (Treiber 1986) of slot numbers, last in, first out, so that a thread
//! that panics often keeps using a slot that is still in its cache.
//!
//! Runs on: panicking threads (`take`) and the writer (`give_back`). Must not: allocate, lock, panic.
//!
//! The head is one word: in the low half the number of the top slot plus 1 (0: empty), in the high half a
//! tag that grows with every change. A thread that was held up between reading the top's `next` and its CAS
//! fails, because the tag has moved on even if the same slot is on top again; it could be deceived only
//! after exactly 2³² changes.
//!
//! Slots that were never used are not in a stack: `fresh` counts them off. So an unused slot takes no memory.
//!
//! There are two such stacks, which never exchange slots: one for every panic, and a reserve for panics of places that have
//! not been seen yet (see [`super::first_sites`]).

use super::slot::Slot;
use super::sync::{AtomicU32, AtomicU64, Ordering, SlotMemory};
use crate::error::Error;

/// Keeps the words that several threads write from sharing a cache line.
#[repr(align(64))]
struct OwnLine<T>(T);

/// The slots, and which of them are free.
pub(super) struct Pool {
    slots: SlotMemory,
    /// Slots for every panic.
    common: FreeList,
    /// The slots behind them, for panics of places that had none yet.
    reserve: FreeList,
}

impl Pool {
    /// # Errors
    /// When the system does not give the memory.
    pub(super) fn new(count: u32, reserve: u32) -> Result<Self, Error> {
        Ok(Self::over(SlotMemory::map(count.saturating_add(reserve))?, count, reserve))
    }

    /// A pool of slots that are all free, zero, and as many as `count` and `reserve` together.
    pub(super) fn over(slots: SlotMemory, count: u32, reserve: u32) -> Self {
        let common = FreeList::new(0, count);
        Self { slots, common, reserve: FreeList::new(count, count.saturating_add(reserve)) }
    }

    /// Whether the slots outlive the process.
    pub(super) fn is_lasting(&self) -> bool {
        self.slots.is_lasting()
    }

    /// The slot with this number.
    pub(super) fn slot(&self, index: u32) -> Option<&Slot> {
        self.slots.get(index)
    }

    /// A free slot, which the caller owns from now on.
    ///
    /// # Cost
    /// No allocation; one CAS unless other threads take or give back at the same instant.
    pub(super) fn take(&self) -> Option<u32> {
        self.common.take(&self.slots)
    }

    /// The same from the reserve.
    pub(super) fn take_reserved(&self) -> Option<u32> {
        self.reserve.take(&self.slots)
    }

    /// Makes a slot free, where it came from. Only its owner may call this, once.
    pub(super) fn give_back(&self, index: u32) {
        let list = if index < self.common.end { &self.common } else { &self.reserve };
        list.give_back(&self.slots, index);
    }
}

/// Free slots of a range of numbers.
struct FreeList {
    head: OwnLine<AtomicU64>,
    /// Slots of the range below this number have been used.
    fresh: AtomicU32,
    /// Behind the last number.
    end: u32,
}

impl FreeList {
    fn new(start: u32, end: u32) -> Self {
        Self { head: OwnLine(AtomicU64::new(0)), fresh: AtomicU32::new(start), end }
    }

    fn take(&self, slots: &SlotMemory) -> Option<u32> {
        self.pop(slots).or_else(|| self.take_fresh())
    }

    fn pop(&self, slots: &SlotMemory) -> Option<u32> {
        // Acquire, paired with the Release in `give_back`: the former owner's last access to the slot, and
        // its `next`, happened before ours. A pop in between does not break the pair: it is a
        // read-modify-write, and those continue the release sequence of the push.
        let mut head = self.head.0.load(Ordering::Acquire);
        loop {
            let index = top(head)?;
            // Relaxed: ordered by the head. If another thread took the slot meanwhile this may be any
            // number; then the tag has changed and the CAS fails.
            let next = slots.get(index)?.next.load(Ordering::Relaxed);
            let wanted = head_word(next, tag(head).wrapping_add(1));
            match self.head.0.compare_exchange_weak(head, wanted, Ordering::Acquire, Ordering::Acquire) {
                Ok(_) => return Some(index),
                Err(now) => head = now,
            }
        }
    }

    fn take_fresh(&self) -> Option<u32> {
        // Relaxed: a slot that was never used has no former owner to synchronise with.
        let mut fresh = self.fresh.load(Ordering::Relaxed);
        while fresh < self.end {
            let next = fresh.saturating_add(1);
            match self.fresh.compare_exchange_weak(fresh, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Some(fresh),
                Err(now) => fresh = now,
            }
        }
        None
    }

    fn give_back(&self, slots: &SlotMemory, index: u32) {
        let Some(slot) = slots.get(index) else { return };
        slot.mark_free();
        let mut head = self.head.0.load(Ordering::Relaxed);
        loop {
            slot.next.store(head as u32, Ordering::Relaxed);
            let wanted = head_word(index.saturating_add(1), tag(head).wrapping_add(1));
            // Release: see `pop`.
            match self.head.0.compare_exchange_weak(head, wanted, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }
}

fn head_word(number_plus_1: u32, tag: u32) -> u64 {
    u64::from(tag) << 32 | u64::from(number_plus_1)
}

fn top(head: u64) -> Option<u32> {
    (head as u32).checked_sub(1)
}

fn tag(head: u64) -> u32 {
    (head >> 32) as u32
}

#[cfg(all(test, not(panic_agent_loom)))]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    #![allow(clippy::arithmetic_side_effects)]

    use super::*;

    #[test]
    fn every_slot_is_taken_once_and_the_last_one_back_is_the_first_one_out() {
        let pool = Pool::new(3, 0).unwrap();
        let mut taken: Vec<_> = core::iter::from_fn(|| pool.take()).collect();
        taken.sort_unstable();
        assert_eq!(taken, [0, 1, 2]);
        pool.give_back(2);
        pool.give_back(0);
        assert_eq!([pool.take(), pool.take(), pool.take()], [Some(0), Some(2), None]);
    }

    #[test]
    fn the_reserve_is_apart_and_its_slots_go_back_to_it() {
        let pool = Pool::new(1, 2).unwrap();
        let reserved = [pool.take_reserved(), pool.take_reserved(), pool.take_reserved()];
        assert_eq!(reserved, [Some(1), Some(2), None]);
        assert_eq!([pool.take(), pool.take()], [Some(0), None]);
        pool.give_back(1);
        assert_eq!(pool.take(), None);
        assert_eq!(pool.take_reserved(), Some(1));
        pool.give_back(0);
        assert_eq!([pool.take_reserved(), pool.take()], [None, Some(0)]);
    }

    #[test]
    fn a_change_of_the_head_shows_in_the_tag_even_when_the_same_slot_is_on_top_again() {
        let pool = Pool::new(1, 0).unwrap();
        let index = pool.take().unwrap();
        pool.give_back(index);
        let before = pool.common.head.0.load(Ordering::Relaxed);
        pool.take();
        pool.give_back(index);
        let after = pool.common.head.0.load(Ordering::Relaxed);
        assert_eq!(top(before), top(after));
        assert_ne!(before, after);
    }
}
