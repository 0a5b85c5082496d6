//! The free entries of a pool: a lock-free stack (Treiber 1986) of their numbers, last in, first out, so that a thread
//! that takes one often keeps using one that is still in its cache.
//!
//! Runs on: every thread. Must not: allocate, lock, panic.
//!
//! The head is one word: in the low half the number of the top entry plus 1 (0: empty), in the high half a
//! tag that grows with every change. A thread that was held up between reading the top's `next` and its CAS
//! fails, because the tag has moved on even if the same entry is on top again; it could be deceived only
//! after exactly 2³² changes.
//!
//! Entries that were never used are not in the stack: `fresh` counts them off. So an unused one takes no memory.

use super::sync::{AtomicU32, AtomicU64, Ordering};

/// Where each entry has the word that chains it into the list while it is free.
pub(super) trait Links {
    /// Number of the next free entry plus 1.
    fn next(&self, index: u32) -> Option<&AtomicU32>;
}

/// Keeps the words that several threads write from sharing a cache line.
#[repr(align(64))]
struct OwnLine<T>(T);

/// Free entries of a range of numbers.
pub(super) struct FreeList {
    head: OwnLine<AtomicU64>,
    /// Entries of the range below this number have been used.
    fresh: AtomicU32,
    start: u32,
    /// Behind the last number. Only ever raised, by one thread.
    end: AtomicU32,
}

impl FreeList {
    /// All from `start` up to `end` are free.
    pub(super) fn new(start: u32, end: u32) -> Self {
        let (head, fresh) = (OwnLine(AtomicU64::new(0)), AtomicU32::new(start));
        Self { head, fresh, start, end: AtomicU32::new(end) }
    }

    /// The first number.
    pub(super) fn start(&self) -> u32 {
        self.start
    }

    /// Behind the last number.
    pub(super) fn end(&self) -> u32 {
        // Acquire: see `extend`.
        self.end.load(Ordering::Acquire)
    }

    /// Entries, free or not.
    pub(super) fn len(&self) -> u32 {
        self.end().saturating_sub(self.start)
    }

    /// Adds free entries up to this number. One thread alone may call this.
    pub(super) fn extend(&self, end: u32) {
        // Release, paired with the Acquire in `end`: the memory of the new ones is there.
        self.end.store(end, Ordering::Release);
    }

    /// A free entry, which the caller owns from now on.
    ///
    /// # Cost
    /// No allocation; one CAS unless other threads take or give back at the same instant.
    pub(super) fn take(&self, links: &impl Links) -> Option<u32> {
        self.pop(links).or_else(|| self.take_fresh())
    }

    fn pop(&self, links: &impl Links) -> Option<u32> {
        // Acquire, paired with the Release in `give_back`: the former owner's last access to the entry, and
        // its `next`, happened before ours. A pop in between does not break the pair: it is a
        // read-modify-write, and those continue the release sequence of the push.
        let mut head = self.head.0.load(Ordering::Acquire);
        loop {
            let index = top(head)?;
            // Relaxed: ordered by the head. If another thread took the entry meanwhile this may be any
            // number; then the tag has changed and the CAS fails.
            let next = links.next(index)?.load(Ordering::Relaxed);
            let wanted = head_word(next, tag(head).wrapping_add(1));
            match self.head.0.compare_exchange_weak(head, wanted, Ordering::Acquire, Ordering::Acquire) {
                Ok(_) => return Some(index),
                Err(now) => head = now,
            }
        }
    }

    fn take_fresh(&self) -> Option<u32> {
        // Relaxed: an entry that was never used has no former owner to synchronise with.
        let mut fresh = self.fresh.load(Ordering::Relaxed);
        let end = self.end();
        while fresh < end {
            let next = fresh.saturating_add(1);
            match self.fresh.compare_exchange_weak(fresh, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Some(fresh),
                Err(now) => fresh = now,
            }
        }
        None
    }

    /// Makes an entry free. Only its owner may call this, once.
    pub(super) fn give_back(&self, links: &impl Links, index: u32) {
        let Some(place) = links.next(index) else { return };
        let mut head = self.head.0.load(Ordering::Relaxed);
        loop {
            place.store(head as u32, Ordering::Relaxed);
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

#[cfg(test)]
mod tests {
    use super::*;

    struct One(AtomicU32);

    impl Links for One {
        fn next(&self, _: u32) -> Option<&AtomicU32> {
            Some(&self.0)
        }
    }

    #[test]
    fn a_change_of_the_head_shows_in_the_tag_even_when_the_same_entry_is_on_top_again() {
        let (list, links) = (FreeList::new(0, 1), One(AtomicU32::new(0)));
        let index = list.take(&links).unwrap();
        list.give_back(&links, index);
        let before = list.head.0.load(Ordering::Relaxed);
        list.take(&links);
        list.give_back(&links, index);
        let after = list.head.0.load(Ordering::Relaxed);
        assert_eq!(top(before), top(after));
        assert_ne!(before, after);
    }
}
