//! Finished reports, inside the process.
//!
//! Runs on: the subscriber's thread. Must not: hold up the writer.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Receiver;

use crate::record::Report;

/// A bounded queue of finished reports. Dropping it ends the subscription.
#[derive(Debug)]
#[must_use = "dropping it ends the subscription"]
pub struct Subscription {
    receiver: Option<Receiver<Arc<Report>>>,
}

impl Subscription {
    pub(super) fn new(receiver: Option<Receiver<Arc<Report>>>) -> Self {
        Self { receiver }
    }

    /// The next report if one is waiting.
    pub fn try_recv(&self) -> Option<Arc<Report>> {
        self.receiver.as_ref()?.try_recv().ok()
    }

    /// The next report; waits for it at most this long. `None` at once when the subscription is closed.
    pub fn recv_timeout(&self, timeout: Duration) -> Option<Arc<Report>> {
        self.receiver.as_ref()?.recv_timeout(timeout).ok()
    }
}
