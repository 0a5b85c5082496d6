//! Where threads meet.
//!
//! Runs on: any thread of a scenario, also one that unwinds. Must not: time out; a scenario that hangs is
//! killed by its parent.

use std::sync::{Condvar, Mutex, PoisonError};

/// Closed at first; once opened it stays open.
pub(super) struct Gate {
    open: Mutex<bool>,
    changed: Condvar,
}

impl Gate {
    pub(super) const fn new() -> Self {
        Self { open: Mutex::new(false), changed: Condvar::new() }
    }

    pub(super) fn open(&self) {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    /// Waits until it is open.
    pub(super) fn wait(&self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        while !*open {
            open = self.changed.wait(open).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Opens a gate when dropped: a local of this type says "this thread is unwinding, its hook has run".
pub(super) struct OpensOnDrop(pub(super) &'static Gate);

impl Drop for OpensOnDrop {
    fn drop(&mut self) {
        self.0.open();
    }
}
