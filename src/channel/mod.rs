//! Stage 3: the only way from a panicking thread to the writer. A fixed pool of slots; only slot numbers
//! cross.
//!
//! Runs on: panicking threads (`claim`, `publish`, `wait_written`) and the writer (`try_receive`, `park`).
//! Must not: allocate, lock or wait on a panicking thread, except for `wait_written` and a blocking
//! overflow policy, which wait with a deadline.

use std::time::Duration;

use crate::error::Error;
use crate::record::{LossCounters, RawRecord};

/// The slots, the queue of their numbers, and the counts of what was lost.
pub(crate) struct Channel {
    /// Losses of every stage.
    pub(crate) losses: LossCounters,
}

/// Names one publication of a slot, so that the hook can wait until it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket(u64);

impl Channel {
    pub(crate) fn new(slots: usize) -> Result<Self, Error> {
        let _ = slots;
        unimplemented!()
    }
    /// A free slot, cleared; `None` when there is none. Never waits.
    pub(crate) fn claim(&self) -> Option<ClaimedSlot<'_>> {
        unimplemented!()
    }
    /// Like [`claim`](Self::claim), but waits for a slot at most this long.
    pub(crate) fn claim_within(&self, deadline: Duration) -> Option<ClaimedSlot<'_>> {
        let _ = deadline;
        unimplemented!()
    }
    /// Waits until the publication was written (its slot released by the writer) or the deadline passed.
    pub(crate) fn wait_written(&self, ticket: Ticket, deadline: Duration) -> bool {
        let _ = (ticket, deadline);
        unimplemented!()
    }

    /// Writer: the next published slot.
    pub(crate) fn try_receive(&self) -> Option<ReceivedSlot<'_>> {
        unimplemented!()
    }
    /// Writer: sleeps until woken or until the time is over.
    pub(crate) fn park(&self, timeout: Option<Duration>) {
        let _ = timeout;
        unimplemented!()
    }
    /// Anyone: wakes the writer.
    pub(crate) fn wake(&self) {
        unimplemented!()
    }
    /// Published and not yet released.
    pub(crate) fn pending(&self) -> u64 {
        unimplemented!()
    }
}

/// A slot that this thread may write. Dropped without `publish` it goes back to the pool.
pub(crate) struct ClaimedSlot<'a>(&'a Channel);
impl ClaimedSlot<'_> {
    pub(crate) fn record(&mut self) -> &mut RawRecord {
        unimplemented!()
    }
    /// Hands the slot to the writer.
    pub(crate) fn publish(self) -> Ticket {
        unimplemented!()
    }
}

/// A slot that the writer may read. Dropping it marks it written and gives it back to the pool.
pub(crate) struct ReceivedSlot<'a>(&'a Channel);
impl ReceivedSlot<'_> {
    pub(crate) fn record(&self) -> &RawRecord {
        unimplemented!()
    }
}
