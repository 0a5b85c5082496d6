//! The way of events from any thread to the writer.
//!
//! Runs on: any thread (`claim`, `publish`) and the writer (`try_receive`). Must not: allocate, lock or wait.

use super::event::Entry;
use crate::channel::{Carried, Exchange};

/// Entries of a queue by default: about 1.2 MiB, touched as needed.
pub(crate) const DEFAULT_EVENTS: usize = 2048;

/// Events that wait for the writer.
pub(crate) type EventQueue = Exchange<Entry>;

// SAFETY: integers, lengths, and the first variants of enums that begin at 0 (a test asks what they say).
unsafe impl Carried for Entry {
    fn clear(&mut self) {
        self.place.clear();
        self.text.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::event::{Event, PanicRef, Trace};

    #[test]
    fn a_new_entry_of_zeroes_is_an_entry() {
        let queue = EventQueue::new(2, None);
        let claimed = queue.claim().unwrap();
        let text = format!("{:?}", claimed.entry);
        let (panic, trace) = (PanicRef::NONE, Trace::Traced);
        let event =
            Event::Raised { panic, exception: 0, payload: 0, vtable: 0, trace, hops: 0, walked: false };
        assert_eq!(claimed.entry.event, event, "{text}");
        assert!(claimed.entry.place.ips().is_empty() && claimed.entry.text.as_str().is_empty());
    }
}
