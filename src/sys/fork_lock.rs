//! Locks that nobody of the parent holds in a forked child.
//!
//! Only the thread that forked lives on in the child. A lock that another one held at that instant would never be free
//! again, so each generation of processes has a lock of its own. What a lock guards must be whole at every instant, or
//! be behind the lock, as in a [`ForkCell`]: the thread that was in the middle of something does not come back.
//!
//! They are std's, which wait in the system alone. `parking_lot` has a table with locks for all waiters of the process,
//! and a child inherits these.
//!
//! Runs on: every thread outside of a panic. Must not: be taken on a panicking thread.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::fork;

/// Generations with a lock of their own; after that they share.
const GENERATIONS: usize = 64;

/// Guards something that is whole at every instant.
pub(crate) type ForkLock = ForkCell<()>;

/// Something behind a lock, for each generation of processes; `None` at first.
#[derive(Debug)]
pub(crate) struct ForkCell<T>([Mutex<Option<T>>; GENERATIONS]);

impl<T> ForkCell<T> {
    pub(crate) const fn new() -> Self {
        Self([const { Mutex::new(None) }; GENERATIONS])
    }

    /// Waits until no other thread of this process has it.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Option<T>> {
        self.of(fork::generation()).lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Likewise. Where this process has none yet it gets a copy of that of its nearest ancestor which has one, unless a
    /// thread had that at the fork.
    pub(crate) fn inherit(&self) -> MutexGuard<'_, Option<T>>
    where
        T: Clone,
    {
        let mut own = self.lock();
        if own.is_none() {
            for ancestor in (0..fork::generation()).rev().take(GENERATIONS - 1) {
                // Free or never: nobody of the ancestor runs here.
                let Ok(theirs) = self.of(ancestor).try_lock() else { break };
                if theirs.is_some() {
                    own.clone_from(&theirs);
                    break;
                }
            }
        }
        own
    }

    fn of(&self, generation: u32) -> &Mutex<Option<T>> {
        let [first, ..] = &self.0;
        self.0.get(generation as usize % GENERATIONS).unwrap_or(first)
    }
}
