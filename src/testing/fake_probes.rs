//! Events as the probes would send them, sent by hand.
//!
//! Runs on: tests. Must not: be compiled into the library.

use super::samples::FakeSymbols;
use crate::probe::{Event, EventQueue, Language, PanicRef, Stamp, ThreadRef, Trace};
use crate::record::EhAction;

/// A queue that only a test fills. Every panic has the same serial as number, every thread the same number as
/// OS id.
pub(crate) struct FakeProbes {
    pub(crate) queue: &'static EventQueue,
}

impl FakeProbes {
    /// A queue for this many events that wait at the same time.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { queue: Box::leak(Box::new(EventQueue::new(capacity, None))) }
    }

    /// One event, with the stack of these addresses of [`FakeSymbols`].
    pub(crate) fn send(&self, tid: u32, event: Event, symbols: &[u64]) {
        let Some(claimed) = self.queue.claim() else { return };
        claimed.entry.stamp = Stamp { mono_ns: 1, thread: u64::from(tid), tid };
        claimed.entry.event = event;
        claimed.entry.place.fill(|ips| {
            for (ip, symbol) in ips.iter_mut().zip(symbols) {
                *ip = FakeSymbols::BASE + symbol * 16;
            }
            symbols.len()
        });
        claimed.publish();
    }

    /// The thread was started by another.
    pub(crate) fn started(&self, tid: u32, parent: u32) {
        self.spawned(tid, parent, &[]);
    }

    /// The thread was started by another, by a call with this stack.
    pub(crate) fn spawned(&self, tid: u32, parent: u32, symbols: &[u64]) {
        let event =
            Event::Started { parent: u64::from(parent), parent_tid: parent, detached: false, handle: 0 };
        self.send(tid, event, symbols);
    }

    /// The unwinder was entered, after `hops` times before.
    pub(crate) fn raised(&self, tid: u32, sequence: u64, hops: u32) {
        let event = Event::Raised {
            panic: named(sequence),
            exception: 0,
            payload: 0,
            vtable: 0,
            trace: Trace::Traced,
            hops,
            walked: hops > 0,
        };
        self.send(tid, event, &[]);
    }

    /// The frame at this address of [`FakeSymbols`] caught it.
    pub(crate) fn landed(&self, tid: u32, sequence: u64, symbol: u64) {
        self.met(tid, sequence, symbol, EhAction::Catch, Language::Rust);
    }

    /// The frame at this address of [`FakeSymbols`] stopped it.
    pub(crate) fn met(&self, tid: u32, sequence: u64, symbol: u64, action: EhAction, handler: Language) {
        let event = Event::Landed {
            panic: named(sequence),
            exception: 0,
            ip: FakeSymbols::BASE + symbol * 16,
            pad: 0,
            function: 0,
            frame: 0,
            cleanups: 1,
            action,
            handler,
            class: Language::Rust,
        };
        self.send(tid, event, &[]);
    }

    /// The program dropped it.
    pub(crate) fn dropped(&self, tid: u32, sequence: u64, reads: u32) {
        self.send(tid, Event::Dropped { panic: named(sequence), payload: 0, reads }, &[PROGRAM]);
    }

    /// The root of the thread dropped it.
    pub(crate) fn discarded(&self, tid: u32, sequence: u64) {
        self.send(tid, Event::Dropped { panic: named(sequence), payload: 0, reads: 0 }, &[ROOT]);
    }

    /// The dead thread, whose last panic this is, was joined.
    pub(crate) fn joined(&self, tid: u32, target: u32, sequence: u64) {
        let target = ThreadRef {
            handle: 0,
            thread: u64::from(target),
            last_panic: sequence,
            tid: target,
            exited: true,
        };
        self.send(tid, Event::Joined { target }, &[]);
    }
}

/// `app::run` of [`FakeSymbols`].
pub(crate) const PROGRAM: u64 = 6;
/// std's thread root of [`FakeSymbols`].
pub(crate) const ROOT: u64 = 7;

/// The panic with this number.
pub(crate) fn named(sequence: u64) -> PanicRef {
    PanicRef { serial: sequence, hooked: sequence }
}
