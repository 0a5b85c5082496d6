//! The numbers of published slots or entries, in order of publication.
//!
//! Runs on: panicking threads (`try_send`) and the writer (`try_receive`). Must not: block, allocate; a
//! blocking receive would make every sender take crossbeam's waker lock.
//!
//! A sender that the system stops between the two steps of a send (taking its place, filling it: a few
//! instructions) holds up the receiver until it runs again, never other senders.

use crossbeam_channel::{Receiver, Sender, bounded};

/// Room for every slot at once, so a send of an owned slot always finds room.
pub(super) struct Queue {
    sender: Sender<u32>,
    receiver: Receiver<u32>,
}

impl Queue {
    pub(super) fn new(capacity: usize) -> Self {
        let (sender, receiver) = bounded(capacity);
        Self { sender, receiver }
    }

    /// Appends a slot's number; `false` when there is no room. Everything before it happened before the
    /// receipt of the number.
    ///
    /// # Cost
    /// No allocation; one CAS unless other threads send at the same instant.
    pub(super) fn try_send(&self, index: u32) -> bool {
        self.sender.try_send(index).is_ok()
    }

    /// The oldest number.
    pub(super) fn try_receive(&self) -> Option<u32> {
        self.receiver.try_recv().ok()
    }

    /// Numbers in the queue.
    pub(super) fn len(&self) -> usize {
        self.receiver.len()
    }

    /// Whether nothing is in the queue or on its way into it.
    pub(super) fn is_empty(&self) -> bool {
        self.receiver.is_empty()
    }
}
