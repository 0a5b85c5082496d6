//! The hook of a process without an agent: it only remembers, for the wrappers.
//!
//! Runs on: the thread that first uses a wrapper (`ensure`), and the panicking thread. Must not: allocate, lock,
//! do I/O or panic on the latter.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::panic;

use super::recent_panics;
use crate::sys::fork_lock::ForkLock;

/// Whether some hook of ours is set. Set once by `install` or `ensure`; relaxed: it publishes nothing.
static HOOKED: AtomicBool = AtomicBool::new(false);
/// Whether the agent's hook is set, which then does all there is to do.
static AGENT: AtomicBool = AtomicBool::new(false);
/// Numbers for panics that have no report.
static SEQUENCE: AtomicU64 = AtomicU64::new(0);
/// Held while a hook of ours is set, because std has no single step for it.
pub(super) static SETTING: ForkLock = ForkLock::new();

/// Whether some hook of ours is set.
pub(super) fn is_set() -> bool {
    HOOKED.load(Ordering::Relaxed)
}

/// The agent's hook is set.
pub(super) fn note_agent() {
    AGENT.store(true, Ordering::Relaxed);
    HOOKED.store(true, Ordering::Relaxed);
}

/// Sets a hook that remembers each panic for the wrappers and calls the previous one, unless an agent is there
/// or it is set already. Nothing happens on a thread that is panicking, where std forbids it.
///
/// # Cost
/// One load after the first time.
#[inline]
pub(crate) fn ensure() {
    if !HOOKED.load(Ordering::Relaxed) {
        set();
    }
}

#[cold]
fn set() {
    if std::thread::panicking() {
        return;
    }
    let _setting = SETTING.lock();
    if HOOKED.swap(true, Ordering::Relaxed) {
        return;
    }
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if AGENT.load(Ordering::Relaxed) {
            return previous(info);
        }
        let sequence = SEQUENCE.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        // Whether it is nested cannot be told without a walk: where that matters nothing is claimed.
        recent_panics::note(sequence, true, true, info.location(), info.payload());
        if !recent_panics::is_silent() {
            previous(info);
        }
    }));
}
