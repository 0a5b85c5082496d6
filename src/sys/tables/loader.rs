//! Keeps forks apart from looks at the loader's list of images.
//!
//! `dl_iterate_phdr` holds a lock of the C library that `fork` does not make anew: if another thread is inside at the
//! fork, the child's next look never returns (glibc 2.36). So a fork waits for the looks of the agent's threads, which
//! take well below a millisecond, and looks wait for a fork. Both waits are bounded; a child that was forked in the
//! middle of a look knows it and looks no more.
//!
//! Runs on: every thread that looks (`look`), the forking thread (`before_fork`, `in_parent`), and the child
//! (`in_child`). Must not: allocate, lock, panic, or wait without a bound.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Longest wait of either side for the other one, in steps of [`STEP_NS`].
const STEPS: u32 = 500;
const STEP_NS: i64 = 100_000;

/// Threads that look. Sequentially consistent, as is [`FORKING`]: each side announces itself, then looks at the other.
static LOOKING: AtomicU32 = AtomicU32::new(0);
/// Threads inside of `fork`.
static FORKING: AtomicU32 = AtomicU32::new(0);
/// Whether a thread of the parent held the loader's lock when this process was forked. Written in the child handler.
static LOST: AtomicBool = AtomicBool::new(false);

/// Calls `look` unless it would never return; whether it was called.
pub(super) fn look(look: impl FnOnce()) -> bool {
    if LOST.load(Ordering::Relaxed) {
        return false;
    }
    LOOKING.fetch_add(1, Ordering::SeqCst);
    let _looking = Looking;
    for _ in 0..STEPS {
        if FORKING.load(Ordering::SeqCst) == 0 {
            break;
        }
        // Out of the way, and once more. Who has waited in vain looks all the same: the child will know.
        LOOKING.fetch_sub(1, Ordering::SeqCst);
        nap();
        LOOKING.fetch_add(1, Ordering::SeqCst);
    }
    look();
    true
}

/// One announced look; the count ends with it.
struct Looking;

impl Drop for Looking {
    fn drop(&mut self) {
        LOOKING.fetch_sub(1, Ordering::SeqCst);
    }
}

/// By the forking thread.
pub(in crate::sys) extern "C" fn before_fork() {
    FORKING.fetch_add(1, Ordering::SeqCst);
    for _ in 0..STEPS {
        if LOOKING.load(Ordering::SeqCst) == 0 {
            return;
        }
        nap();
    }
}

/// By the forking thread, after the fork.
pub(in crate::sys) extern "C" fn in_parent() {
    FORKING.fetch_sub(1, Ordering::SeqCst);
}

/// By the child, whose memory is that of the instant of the fork.
pub(in crate::sys) fn in_child() {
    if LOOKING.load(Ordering::Relaxed) != 0 {
        LOST.store(true, Ordering::Relaxed);
    }
    LOOKING.store(0, Ordering::Relaxed);
    FORKING.store(0, Ordering::Relaxed);
}

fn nap() {
    let step = libc::timespec { tv_sec: 0, tv_nsec: STEP_NS };
    // SAFETY: `step` is a valid duration, and nobody wants to know what was left of it.
    unsafe { libc::nanosleep(&raw const step, core::ptr::null_mut()) };
}
