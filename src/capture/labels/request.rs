//! Requests that are being served, so that a panic can say that it came too late for its own.
//!
//! Runs on: threads that serve requests, and the panicking thread (`is_open`: one load). Must not: allocate, lock.

use core::sync::atomic::{AtomicU64, Ordering};

/// Requests that can be open at once and still have late panics told: 32 KiB.
const OPEN: usize = 4096;
/// The part of a ticket that names its place.
const LOW_BITS: u64 = OPEN as u64 - 1;
const _: () = assert!(OPEN.is_power_of_two(), "places are found by the low bits");

/// The ticket of the request in each place; 0 for none. Relaxed: it publishes nothing else.
static REQUESTS: [AtomicU64; OPEN] = [const { AtomicU64::new(0) }; OPEN];
/// Requests so far.
#[cfg(feature = "tower")]
static OPENED: AtomicU64 = AtomicU64::new(0);

/// Names a request for ever; 0 stands for none, or for one that found no place.
pub(crate) type Ticket = u64;

/// A request that is being served, until this is dropped.
#[cfg(feature = "tower")]
#[derive(Debug)]
pub(crate) struct Request(Ticket);

#[cfg(feature = "tower")]
impl Request {
    /// A request begins.
    pub(crate) fn open() -> Self {
        let number = OPENED.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        // The low bits name the place, so a ticket finds it.
        for step in 0..8 {
            let at = number.wrapping_add(step) & LOW_BITS;
            let ticket = number.wrapping_mul(OPEN as u64).wrapping_add(at);
            let free = place(ticket).is_some_and(|place| {
                place.compare_exchange(0, ticket, Ordering::Relaxed, Ordering::Relaxed).is_ok()
            });
            if free {
                return Self(ticket);
            }
        }
        Self(0)
    }

    /// What a task that works for it carries.
    pub(crate) fn ticket(&self) -> Ticket {
        self.0
    }
}

#[cfg(feature = "tower")]
impl Drop for Request {
    fn drop(&mut self) {
        if self.0 != 0
            && let Some(place) = place(self.0)
        {
            place.store(0, Ordering::Relaxed);
        }
    }
}

/// Whether this request is still being served; true for none.
///
/// # Cost
/// One load.
pub(super) fn is_open(ticket: Ticket) -> bool {
    ticket == 0 || place(ticket).is_none_or(|place| place.load(Ordering::Relaxed) == ticket)
}

fn place(ticket: Ticket) -> Option<&'static AtomicU64> {
    REQUESTS.get((ticket & LOW_BITS) as usize)
}
