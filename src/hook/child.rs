//! What the hook does in a forked child: the writer thread was not forked along, and the slots are shared with the
//! parent, so the report is written here and now.
//!
//! Runs on: the panicking thread of a forked child. Must not: touch the parent's slots; wait without a deadline.

use core::sync::atomic::{AtomicU32, Ordering};
use std::panic::PanicHookInfo;
use std::ptr;

use super::{HookState, payload};
use crate::capture;
use crate::capture::recursion_guard::RecursionGuard;
use crate::record::{LossReason, RawRecord};
use crate::sys::fork;

/// [`fork::generation`] of the process in which an agent was installed last. Relaxed: written before the hook is
/// set.
static NEWEST_HOME: AtomicU32 = AtomicU32::new(0);

/// Writes reports in a forked child, in the hook.
pub(crate) trait ChildWriter: Sync {
    /// Lends an empty record to `fill`, and returns when its line is written; gives the number of the panic.
    ///
    /// Unlike everything else in the hook this allocates, does I/O and takes a lock that no other process holds.
    fn write(&self, fill: &mut dyn FnMut(&mut RawRecord)) -> Result<u64, LossReason>;
}

/// An agent was installed in this process.
pub(super) fn claim_process() {
    NEWEST_HOME.store(fork::generation(), Ordering::Relaxed);
}

impl HookState {
    /// Whether a forked child has an agent of its own, to whose hook this one is the previous.
    pub(super) fn is_superseded(&self) -> bool {
        let generation = fork::generation();
        generation != self.home && generation == NEWEST_HOME.load(Ordering::Relaxed)
    }

    /// In a forked child: makes and writes the report; gives the number of the panic.
    pub(super) fn record_in_child(
        &self,
        info: &PanicHookInfo<'_>,
        inside: &RecursionGuard,
    ) -> Result<u64, LossReason> {
        self.child.ok_or(LossReason::NoWriter)?.write(&mut |record| {
            payload::write(record, info, &self.payloads);
            capture::capture(record, ptr::from_ref(info).addr(), self.max_frames, inside);
        })
    }
}
