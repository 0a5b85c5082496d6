//! The slots, and which of them are free. There are three lists, which never exchange slots: one for every panic, a reserve
//! for panics of places that have not been seen lately (see [`super::first_sites`]), and room for a while in which the writer
//! waits for names. That room grows as it is needed, and is closed again when the writer has caught up.
//!
//! Runs on: panicking threads (`take`) and the writer (`give_back`). Must not: allocate, lock, panic.

use super::free_list::{FreeList, Links};
use super::slot::Slot;
use super::sync::{AtomicU32, Ordering, SlotMemory};
use crate::error::Error;

/// The slots, and which of them are free.
pub(super) struct Pool {
    slots: SlotMemory,
    /// Slots for every panic.
    common: FreeList,
    /// The slots behind them, for panics of places that had none lately.
    reserve: FreeList,
    /// The slots behind these, for every panic while it is open.
    room: FreeList,
    /// Whether that may be used: 1 if so. Relaxed: a slot that is taken late or early is a slot all the same.
    is_open: AtomicU32,
}

/// How many slots there are of each kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counts {
    pub(super) common: u32,
    pub(super) reserve: u32,
    /// That may be made later.
    pub(super) room: u32,
}

impl Counts {
    pub(super) fn all(self) -> u32 {
        self.common.saturating_add(self.reserve).saturating_add(self.room)
    }
}

impl Pool {
    /// # Errors
    /// When the system does not give the memory.
    pub(super) fn new(counts: Counts) -> Result<Self, Error> {
        Ok(Self::over(SlotMemory::map(counts.all())?, counts))
    }

    /// A pool of slots that are all free, zero, and as many as the counts say.
    pub(super) fn over(slots: SlotMemory, counts: Counts) -> Self {
        let reserved = counts.common.saturating_add(counts.reserve);
        Self {
            slots,
            common: FreeList::new(0, counts.common),
            reserve: FreeList::new(counts.common, reserved),
            room: FreeList::new(reserved, reserved),
            is_open: AtomicU32::new(0),
        }
    }

    /// By the writer: makes room for this many panics more, or opens what there is. Slots that every panic may take from
    /// now on; `None` when there are no more.
    pub(super) fn make_room(&self, step: u32) -> Option<u32> {
        if self.is_open.swap(1, Ordering::Relaxed) == 0 && self.room.len() > 0 {
            return Some(self.usable());
        }
        let end = self.room.end();
        let wanted = end.saturating_add(step).min(self.slots.count());
        if wanted == end || !self.slots.extend(wanted) {
            return None;
        }
        self.room.extend(wanted);
        Some(self.usable())
    }

    /// By the writer: nobody takes a slot of the room any more. Slots that every panic may take from now on.
    pub(super) fn close_room(&self) -> u32 {
        self.is_open.store(0, Ordering::Relaxed);
        self.usable()
    }

    /// By the writer, when nothing was to be done for long: lets go of the memory of a closed room.
    pub(super) fn rest(&self) {
        if !self.is_open() && self.room.len() > 0 {
            self.slots.rest_from(self.room.start());
        }
    }

    /// Slots that every panic may take.
    pub(super) fn usable(&self) -> u32 {
        let room = if self.is_open() { self.room.len() } else { 0 };
        self.common.len().saturating_add(room)
    }

    fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Relaxed) != 0
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
        let common = self.common.take(&self.slots);
        if common.is_none() && self.is_open() { self.room.take(&self.slots) } else { common }
    }

    /// The same from the reserve.
    pub(super) fn take_reserved(&self) -> Option<u32> {
        self.reserve.take(&self.slots)
    }

    /// Makes a slot free, where it came from. Only its owner may call this, once.
    pub(super) fn give_back(&self, index: u32) {
        if let Some(slot) = self.slot(index) {
            slot.mark_free();
        }
        let list = match index {
            index if index < self.common.end() => &self.common,
            index if index < self.reserve.end() => &self.reserve,
            _ => &self.room,
        };
        list.give_back(&self.slots, index);
    }
}

impl Links for SlotMemory {
    fn next(&self, index: u32) -> Option<&AtomicU32> {
        self.get(index).map(|slot| &slot.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(common: u32, reserve: u32, room: u32) -> Pool {
        Pool::new(Counts { common, reserve, room }).unwrap()
    }

    #[test]
    fn room_is_made_in_steps_up_to_its_bound_and_nobody_takes_of_it_once_it_is_closed() {
        let pool = pool(1, 1, 3);
        assert_eq!((pool.take(), pool.take()), (Some(0), None));
        assert_eq!(pool.make_room(2), Some(3));
        assert_eq!([pool.take(), pool.take(), pool.take()], [Some(2), Some(3), None]);
        assert_eq!((pool.make_room(2), pool.take(), pool.take()), (Some(4), Some(4), None));
        assert_eq!(pool.make_room(2), None);
        pool.give_back(3);
        pool.give_back(2);
        assert_eq!((pool.close_room(), pool.take()), (1, None));
        assert_eq!(pool.take_reserved(), Some(1), "apart from it all");
        pool.give_back(0);
        assert_eq!([pool.take(), pool.take()], [Some(0), None]);
        assert_eq!(pool.make_room(2), Some(4), "what there is comes first");
        assert_eq!([pool.take(), pool.take(), pool.take()], [Some(2), Some(3), None]);
    }

    #[test]
    fn every_slot_is_taken_once_and_the_last_one_back_is_the_first_one_out() {
        let pool = pool(3, 0, 0);
        let mut taken: Vec<_> = core::iter::from_fn(|| pool.take()).collect();
        taken.sort_unstable();
        assert_eq!(taken, [0, 1, 2]);
        pool.give_back(2);
        pool.give_back(0);
        assert_eq!([pool.take(), pool.take(), pool.take()], [Some(0), Some(2), None]);
    }

    #[test]
    fn the_reserve_is_apart_and_its_slots_go_back_to_it() {
        let pool = pool(1, 2, 0);
        let reserved = [pool.take_reserved(), pool.take_reserved(), pool.take_reserved()];
        assert_eq!(reserved, [Some(1), Some(2), None]);
        assert_eq!([pool.take(), pool.take()], [Some(0), None]);
        pool.give_back(1);
        assert_eq!(pool.take(), None);
        assert_eq!(pool.take_reserved(), Some(1));
        pool.give_back(0);
        assert_eq!([pool.take_reserved(), pool.take()], [None, Some(0)]);
    }
}
