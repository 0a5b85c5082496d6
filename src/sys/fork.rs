//! Tells a forked child from its parent.
//!
//! Runs on: every thread (read), and in a child right after `fork` (the handler). Must not: allocate, lock,
//! panic; the handler must not do anything that is not async-signal-safe.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::{loader, system};

/// How many forks lie between the process in which the handler was registered and this one. Written by the
/// child handler only, while the child has a single thread; read by everyone. Relaxed: the child starts
/// as a copy of its parent's memory, and no other memory is published by it.
static GENERATION: AtomicU32 = AtomicU32::new(0);

/// Whether the handler was registered; it stays so in children. Written by [`watch`] only.
static WATCHED: AtomicBool = AtomicBool::new(false);

/// Registers the child handler, once for the life of the process.
///
/// A child made by a bare `clone` system call runs no handlers and is not noticed: its records would name the
/// parent, and a wait in it ends at its deadline.
pub(crate) fn watch() {
    if WATCHED.swap(true, Ordering::Relaxed) {
        return;
    }
    // SAFETY: that of the child does nothing that is forbidden there, and the others only wait, with a bound.
    unsafe { system::at_fork(loader::before_fork, loader::in_parent, in_child) };
}

/// Changes in a forked child and in nothing else.
///
/// # Cost
/// One load.
pub(crate) fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

extern "C" fn in_child() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
    loader::in_child();
}
