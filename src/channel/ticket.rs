//! A slot in somebody's hands: the panicking thread's, then the writer's.
//!
//! Runs on: panicking threads ([`ClaimedSlot`]) and the writer ([`ReceivedSlot`]).
//! Must not: allocate, lock, panic.
//!
//! These two types are why the record needs no lock: each is made only by the step that hands the slot
//! over, cannot be copied, and ends with the step that hands it on.

use super::slot::Slot;
use super::sync::Ordering;
use super::{Channel, layout};
use crate::record::{LossReason, RawRecord};

/// Names one publication of a slot, so that the hook can wait until it was written.
///
/// In the high half the slot, in the low half how often it had been written before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket(u64);

impl Ticket {
    fn new(slot: u32, written_before: u32) -> Self {
        Self(u64::from(slot) << 32 | u64::from(written_before))
    }

    pub(super) fn slot(self) -> u32 {
        (self.0 >> 32) as u32
    }

    pub(super) fn written_before(self) -> u32 {
        self.0 as u32
    }
}

/// A slot that this thread may write. Dropped without `publish` it goes back to the pool.
pub(crate) struct ClaimedSlot<'a> {
    channel: &'a Channel,
    slot: &'a Slot,
    index: u32,
}

impl<'a> ClaimedSlot<'a> {
    /// For a slot that was just taken from the pool.
    pub(super) fn new(channel: &'a Channel, index: u32) -> Option<Self> {
        let slot = channel.pool.slot(index)?;
        slot.mark_claimed();
        let mut claimed = Self { channel, slot, index };
        claimed.record().clear();
        Some(claimed)
    }

    /// The record, to be written.
    pub(crate) fn record(&mut self) -> &mut RawRecord {
        let record = self.slot.record.write();
        // SAFETY: this value was made for a slot out of the pool, so no other thread reaches the record
        // until `publish` or `drop`; `&mut self` keeps this thread from reaching it twice. Any bytes are a
        // valid record.
        unsafe { &mut *record }
    }

    /// Hands the slot to the writer.
    ///
    /// # Cost
    /// No allocation; a few atomic operations; one system call when the writer has to be woken.
    pub(crate) fn publish(self) -> Ticket {
        let Self { channel, slot, index } = self;
        core::mem::forget(self);
        // Relaxed: the writer changes it only while it owns the slot, and we got the slot after that.
        let written_before = slot.written.word().load(Ordering::Relaxed);
        if channel.pool.is_lasting() {
            let record = slot.record.read();
            // SAFETY: the slot was claimed by this thread and is not published yet, so nobody else reaches the
            // record.
            let checksum = unsafe { &*record }.checksum(layout::place(index, written_before));
            slot.seal(checksum);
        }
        slot.mark_published();
        if !channel.send(index) {
            channel.losses.record(LossReason::PoolFull);
            channel.release(index);
        }
        Ticket::new(index, written_before)
    }
}

impl Drop for ClaimedSlot<'_> {
    fn drop(&mut self) {
        self.channel.abandon(self.index);
    }
}

/// A slot that the writer may read. Dropping it marks it written and gives it back to the pool.
pub(crate) struct ReceivedSlot<'a> {
    channel: &'a Channel,
    slot: &'a Slot,
    index: u32,
}

impl<'a> ReceivedSlot<'a> {
    /// For a number that came out of the queue.
    pub(super) fn new(channel: &'a Channel, index: u32) -> Option<Self> {
        Some(Self { channel, slot: channel.pool.slot(index)?, index })
    }

    /// The record.
    pub(crate) fn record(&self) -> &RawRecord {
        let record = self.slot.record.read();
        // SAFETY: the slot's number came out of the queue, once per publication, so this value is its only
        // owner until `drop` gives it back; nobody writes the record meanwhile.
        unsafe { &*record }
    }

    /// Its number, for another value of this slot: it is not released.
    pub(super) fn keep(self) -> u32 {
        let index = self.index;
        core::mem::forget(self);
        index
    }
}

impl Drop for ReceivedSlot<'_> {
    fn drop(&mut self) {
        self.channel.release(self.index);
    }
}
