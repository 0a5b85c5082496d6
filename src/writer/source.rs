//! What the writer needs of the channel, so that it can be tested without one.
//!
//! Runs on: the writer thread (`receive`, `park`, `hold`) and any thread (`wake`, `pending`). Must not: block
//! in anything but `park` and `hold`.

use std::time::Duration;

use crate::channel::Channel;
use crate::record::{LossCounters, LossSite, RawRecord};

/// Where published records come from.
pub(crate) trait Inbox: Sync {
    /// Lends the next record to `read`, and marks it written when `read` returns; `false` when there is none.
    fn receive(&self, read: &mut dyn FnMut(&RawRecord)) -> bool;

    /// Sleeps until woken or until the time is over.
    fn park(&self, timeout: Option<Duration>);

    /// Sleeps until woken, until the time is over, or until records fill up the room for them; those that
    /// lie there are left alone.
    fn hold(&self, timeout: Option<Duration>);

    /// Wakes the writer.
    fn wake(&self);

    /// Published and not yet written.
    fn pending(&self) -> u64;

    /// Whether a thread waits for its record to be written.
    fn is_waited_for(&self) -> bool;

    /// Whether half of the room for records is in use.
    fn is_filling_up(&self) -> bool;

    /// OS id of the thread that ends the process, while it waits for a report that came after the end.
    fn ender(&self) -> Option<u32>;

    /// That report is written; the process may be gone at any time.
    fn ender_is_served(&self);

    /// Losses of every stage.
    fn losses(&self) -> &LossCounters;

    /// Places that lost most reports, most first.
    fn loss_sites(&self) -> Vec<LossSite>;
}

impl Inbox for Channel {
    fn receive(&self, read: &mut dyn FnMut(&RawRecord)) -> bool {
        match self.try_receive() {
            Some(slot) => {
                read(slot.record());
                true
            }
            None => false,
        }
    }

    fn park(&self, timeout: Option<Duration>) {
        Channel::park(self, timeout);
    }

    fn hold(&self, timeout: Option<Duration>) {
        Channel::hold(self, timeout);
    }

    fn wake(&self) {
        Channel::wake(self);
    }

    fn pending(&self) -> u64 {
        Channel::pending(self)
    }

    fn is_waited_for(&self) -> bool {
        Channel::is_waited_for(self)
    }

    fn is_filling_up(&self) -> bool {
        Channel::is_filling_up(self)
    }

    fn ender(&self) -> Option<u32> {
        Channel::ender(self)
    }

    fn ender_is_served(&self) {
        Channel::ender_waits(self, 0);
    }

    fn losses(&self) -> &LossCounters {
        &self.losses
    }

    fn loss_sites(&self) -> Vec<LossSite> {
        self.loss_sites.top()
    }
}
