//! Tells a forked child from its parent.
//!
//! Runs on: every thread (read), and in a child right after `fork` (the handler). Must not: allocate, lock,
//! panic; the handler must not do anything that is not async-signal-safe.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

#[cfg(panic_agent_tables)]
use super::loader;

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
    #[cfg(unix)]
    {
        #[cfg(panic_agent_tables)]
        let (before, after): (Option<unsafe extern "C" fn()>, Option<unsafe extern "C" fn()>) =
            (Some(loader::before_fork), Some(loader::in_parent));
        #[cfg(not(panic_agent_tables))]
        let (before, after) = (None, None);
        // SAFETY: the handlers have the signature that `pthread_atfork` asks for and stay valid for ever; that
        // of the child does nothing that is forbidden there. Without memory for the registration (the only failure)
        // forks are not noticed, and a wait in a child still ends at its deadline.
        unsafe { libc::pthread_atfork(before, after, Some(in_child)) };
    }
}

/// Changes in a forked child and in nothing else.
///
/// # Cost
/// One load.
pub(crate) fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

#[cfg(unix)]
extern "C" fn in_child() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
    #[cfg(panic_agent_tables)]
    loader::in_child();
}
