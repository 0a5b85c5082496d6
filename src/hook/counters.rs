//! How many panics the agent has seen.
//!
//! Runs on: panicking threads, the writer, and whoever asks. Must not: allocate, lock, panic.

use core::sync::atomic::{AtomicU64, Ordering};

/// Counts since the agent was installed.
///
/// `panics` is Release when written and Acquire when read: whoever sees a hook counted also sees what it published or
/// counted as lost before. All else is relaxed. `u64` does not overflow at any rate of panics.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    panics: AtomicU64,
    recorded: AtomicU64,
}

impl Counters {
    /// Calls of the hook, also those whose report was lost. Counted when the report is on its way or its
    /// loss is counted, before the previous hook is called.
    pub(crate) fn panics(&self) -> u64 {
        self.panics.load(Ordering::Acquire)
    }

    /// By the hook, once per call.
    pub(super) fn add_panic(&self) {
        self.panics.fetch_add(1, Ordering::Release);
    }

    /// Number of the newest record, also when it was lost; 0 before the first.
    pub(crate) fn newest(&self) -> u64 {
        self.recorded.load(Ordering::Relaxed)
    }

    /// By the hook: the number of the next record, from 1.
    pub(super) fn next_sequence(&self) -> u64 {
        self.recorded.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }
}
