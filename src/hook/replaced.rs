//! Notices that the agent's hook was replaced.
//!
//! std drops a hook when another one is set over it, on the thread that does so. A hook that is taken and called
//! by its successor is not dropped: then the agent goes on seeing every panic and there is nothing to say.
//!
//! Runs on: the thread that sets a hook, which is never panicking (std forbids it), and the writer.
//! Must not: panic.

use core::sync::atomic::{AtomicBool, Ordering};

use crate::capture::stack;
use crate::channel::Channel;
use crate::sys::fork_lock::ForkCell;

/// Frames that are kept of the replacing call.
const FRAMES: usize = 32;

/// Where the hook was dropped, until the writer takes it. Written by [`Replaced::drop`].
static PLACE: ForkCell<Vec<u64>> = ForkCell::new();

/// Whether the hook was dropped. Relaxed: it publishes no other memory.
static DROPPED: AtomicBool = AtomicBool::new(false);

/// Lives in the hook and dies with it.
pub(super) struct Replaced {
    pub(super) channel: &'static Channel,
}

impl Drop for Replaced {
    fn drop(&mut self) {
        let ips = stack::callers(FRAMES);
        DROPPED.store(true, Ordering::Relaxed);
        *PLACE.lock() = Some(ips);
        self.channel.nudge();
    }
}

/// Writer: whether the hook was dropped by somebody who set another one.
pub(crate) fn is_replaced() -> bool {
    DROPPED.load(Ordering::Relaxed)
}

/// Writer: the stack of the call that replaced the hook, if it is still to be taken.
///
/// # Cost
/// One load as long as nobody has replaced it.
pub(crate) fn replacement() -> Option<Vec<u64>> {
    is_replaced().then(|| PLACE.lock().clone()).flatten()
}

/// Writer: the stack of the call that replaced the hook, innermost first, once.
pub(crate) fn take_replacement() -> Option<Vec<u64>> {
    PLACE.lock().take()
}
