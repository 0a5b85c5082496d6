//! A counter of orders that dies of a bad one: nobody joins its thread, orders are accepted as before, and the total that is
//! answered is wrong for ever.
//!
//! Runs on: the runtime's threads, and the thread `orders`. Must not: notice that the thread is dead; that is the bug.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::{io, thread};

/// Takes orders, and knows how many there were.
#[derive(Clone)]
pub(super) struct Orders {
    queue: Sender<String>,
    /// Relaxed: it counts, and publishes nothing.
    total: Arc<AtomicU64>,
    /// Orders that wait are not lost with the thread, so placing one succeeds although nobody counts it.
    _waiting: Arc<Mutex<Receiver<String>>>,
}

impl Orders {
    /// Starts the thread.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn start() -> io::Result<Self> {
        let (queue, orders) = channel::<String>();
        let waiting = Arc::new(Mutex::new(orders));
        let orders = waiting.clone();
        let total = Arc::new(AtomicU64::new(0));
        let counted = total.clone();
        let count = move || {
            // The lock is held only for taking an order.
            let next = || orders.lock().unwrap_or_else(PoisonError::into_inner).recv().ok();
            while let Some(order) = next() {
                let pieces: u64 = order.parse().expect("a number of pieces");
                counted.fetch_add(pieces, Ordering::Relaxed);
            }
        };
        drop(thread::Builder::new().name("orders".to_owned()).spawn(count)?);
        Ok(Self { queue, total, _waiting: waiting })
    }

    /// Accepts an order; it is counted soon.
    pub(super) fn place(&self, order: String) -> &'static str {
        match self.queue.send(order) {
            Ok(()) => "accepted\n",
            Err(_) => "closed\n",
        }
    }

    /// Pieces ordered so far.
    pub(super) fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }
}
