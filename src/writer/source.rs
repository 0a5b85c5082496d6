//! What the writer needs of the channel, so that it can be tested without one.
//!
//! Runs on: the writer thread (`receive`, `park`, `hold`) and any thread (`wake`, `pending`). Must not: block
//! in anything but `park` and `hold`.

use std::time::Duration;

use crate::channel::Channel;
use crate::record::{LossCounters, LossSite, RawRecord};

/// Where published records come from.
pub(crate) trait Inbox: Sync {
    /// Lends the next record to `read`, and marks it written when `read` is done with it, which it says; else it stays
    /// the next one. `false` when none was taken.
    fn receive(&self, read: &mut dyn FnMut(&RawRecord) -> bool) -> bool;

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

    /// Makes room for records that wait for their names; whether there is enough.
    fn make_room(&self) -> bool {
        !self.is_filling_up()
    }

    /// None of them waits any more.
    fn close_room(&self) {}

    /// Nothing was to be done for long: memory that is not needed is let go.
    fn rest(&self) {}

    /// Whoever panics next is the first of its place.
    fn forget_places(&self) {}

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
    fn receive(&self, read: &mut dyn FnMut(&RawRecord) -> bool) -> bool {
        let Some(slot) = self.try_receive() else { return false };
        let done = read(slot.record());
        if !done {
            self.put_back(slot);
        }
        done
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

    fn make_room(&self) -> bool {
        Channel::make_room(self)
    }

    fn close_room(&self) {
        Channel::close_room(self);
    }

    fn rest(&self) {
        Channel::rest(self);
    }

    fn forget_places(&self) {
        Channel::forget_places(self);
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
