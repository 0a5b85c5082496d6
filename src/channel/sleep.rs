//! How the writer sleeps, and who wakes it.
//!
//! Runs on: the writer (`sleep`), panicking threads (`published`) and anyone (`wake`).
//! Must not: allocate, lock, panic; make a panicking thread pay a system call while panics keep coming.
//!
//! One word with four states. The writer alone goes `running → polling` and `running → asleep` and takes
//! `notified` back to `running`; anyone else only goes to `notified`.
//!
//! * A writer that has just had work *polls*: it looks again after [`POLL`], and a publication leaves it
//!   alone unless the pool is filling up.
//! * After [`POLLS`] looks without work it is *asleep*: the first publication wakes it.
//!
//! No publication is slept over. The publishing thread puts its number into the queue, then looks at the
//! state; the writer announces its state, then looks at the queue; both with a sequentially consistent
//! fence in between. One of the two fences is the first, so at least one side sees the other's first step:
//! either the publishing thread sees `asleep` and wakes, or the writer sees the number and stays up.

use core::time::Duration;
use std::time::Instant;

use super::sync::{AtomicU32, Futex, Ordering, fence};

/// The writer works, or is about to.
const RUNNING: u32 = 0;
/// The writer looks again soon by itself.
const POLLING: u32 = 1;
/// The writer waits to be woken.
const ASLEEP: u32 = 2;
/// Somebody wants the writer up; it has not noticed yet.
const NOTIFIED: u32 = 3;

/// How long a report may lie while panics keep coming and the pool is not filling up.
const POLL: Duration = Duration::from_millis(2);

/// Looks without work before the writer goes to sleep: a panic every 16 ms still costs no wake-up.
#[cfg(not(panic_agent_loom))]
const POLLS: u32 = 8;
#[cfg(panic_agent_loom)]
const POLLS: u32 = 1;

/// How much a publication wants the writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Urgency {
    /// Soon is enough.
    Normal,
    /// The pool is filling up.
    High,
}

/// The writer's bed.
#[derive(Default)]
pub(super) struct Sleep {
    /// [`RUNNING`] at first.
    state: Futex,
    /// Looks left before falling asleep. Belongs to the writer.
    polls: AtomicU32,
}

impl Sleep {
    /// By the writer: there was work.
    pub(super) fn had_work(&self) {
        self.polls.store(POLLS, Ordering::Relaxed);
    }

    /// By the writer: returns when there is work, when woken, or when the time is over.
    pub(super) fn sleep(&self, timeout: Option<Duration>, has_work: impl Fn() -> bool) {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let polls = self.polls.load(Ordering::Relaxed);
            let (state, nap) = match (polls, left) {
                (0, left) => (ASLEEP, left),
                (_, None) => (POLLING, Some(POLL)),
                (_, Some(left)) => (POLLING, Some(POLL.min(left))),
            };
            let word = self.state.word();
            let announced = word.compare_exchange(RUNNING, state, Ordering::Relaxed, Ordering::Relaxed);
            let over = left.is_some_and(|left| left.is_zero());
            if announced.is_ok() {
                // See the module: our announcement before our look at the queue.
                fence(Ordering::SeqCst);
                if !over && !has_work() {
                    self.state.wait(state, nap);
                }
            }
            // Acquire, paired with the Release of whoever notified: what it did before, we see.
            let woken = word.swap(RUNNING, Ordering::Acquire) == NOTIFIED;
            if over || woken || has_work() {
                return;
            }
            self.polls.store(polls.saturating_sub(1), Ordering::Relaxed);
        }
    }

    /// By the thread that has just put a number into the queue.
    ///
    /// # Cost
    /// A fence and a load; a system call only for the one that wakes the writer.
    pub(super) fn published(&self, urgency: Urgency) {
        // See the module: our number before our look at the state.
        fence(Ordering::SeqCst);
        let word = self.state.word();
        let seen = word.load(Ordering::Relaxed);
        if seen != ASLEEP && (urgency, seen) != (Urgency::High, POLLING) {
            return;
        }
        // If this fails, somebody else wakes the writer or it got up by itself; either way it looks at the
        // queue after our fence.
        if word.compare_exchange(seen, NOTIFIED, Ordering::Release, Ordering::Relaxed).is_ok() {
            self.state.wake_one();
        }
    }

    /// By anyone: gets the writer up, also if it is only about to go to sleep.
    pub(super) fn wake(&self) {
        if matches!(self.state.word().swap(NOTIFIED, Ordering::Release), POLLING | ASLEEP) {
            self.state.wake_one();
        }
    }
}
