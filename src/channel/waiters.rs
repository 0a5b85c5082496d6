//! Threads that wait for the writer, and how the writer knows that there are any.
//!
//! Runs on: threads that have decided to wait, and the writer (`changed`, `happened`).
//! Must not: allocate, lock, panic; cost the writer a system call when nobody waits.

use std::time::{Duration, Instant};

use super::sync::{AtomicU32, Futex, Ordering, fence};

/// A count of waiting threads, and a word for those that wait for something other than a word of their own.
#[derive(Default)]
pub(super) struct Waiters {
    count: AtomicU32,
    /// Changes with every event that happened while somebody waited.
    events: Futex,
}

impl Waiters {
    /// Waits until the word is not `old` any more; `false` when the deadline passed first. Reads it with
    /// Acquire. Calls `nudge` once, before it sleeps.
    pub(super) fn wait_for_change(
        &self,
        word: &Futex,
        old: u32,
        deadline: Option<Duration>,
        nudge: impl FnOnce(),
    ) -> bool {
        let end = deadline.and_then(|deadline| Instant::now().checked_add(deadline));
        let _counted = Counted::new(self);
        nudge();
        loop {
            if word.word().load(Ordering::Acquire) != old {
                return true;
            }
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return false;
            }
            word.wait(old, left);
        }
    }

    /// Waits until `attempt` succeeds, trying again after every event; `None` when the deadline passed.
    pub(super) fn wait_for_event<T>(
        &self,
        deadline: Option<Duration>,
        mut attempt: impl FnMut() -> Option<T>,
    ) -> Option<T> {
        let end = deadline.and_then(|deadline| Instant::now().checked_add(deadline));
        let _counted = Counted::new(self);
        loop {
            // Acquire, paired with the Release in `happened`: an event that is in this number, the attempt
            // sees; one that is not in it changes the word, and the wait returns.
            let events = self.events.word().load(Ordering::Acquire);
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            // Once more even when the time is over: the wake-up may have been for us alone.
            if let Some(success) = attempt() {
                return Some(success);
            }
            if left.is_some_and(|left| left.is_zero()) {
                return None;
            }
            self.events.wait(events, left);
        }
    }

    /// By whoever has changed the word: wakes those that wait for it.
    pub(super) fn changed(&self, word: &Futex) {
        if self.any() {
            word.wake_all();
        }
    }

    /// By whoever has made an attempt worth while: wakes those that wait for one.
    pub(super) fn happened(&self) {
        if self.any() {
            self.events.word().fetch_add(1, Ordering::Release);
            self.events.wake_all();
        }
    }

    /// By the writer: whether anybody waits.
    pub(super) fn any(&self) -> bool {
        // Our change before our look at the count; see the module of the channel.
        fence(Ordering::SeqCst);
        self.count.load(Ordering::Relaxed) != 0
    }
}

/// One waiting thread, counted while this lives.
struct Counted<'a>(&'a Waiters);

impl<'a> Counted<'a> {
    fn new(waiters: &'a Waiters) -> Self {
        waiters.count.fetch_add(1, Ordering::Relaxed);
        // Our count before our look at what we wait for.
        fence(Ordering::SeqCst);
        Self(waiters)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::Relaxed);
    }
}
