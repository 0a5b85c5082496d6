//! Whether the thread runs on an alternate stack for signals that is too short for a stack walk.
//!
//! Runs on: panicking threads, and probes. Must not: allocate, lock, panic.
//!
//! std gives each thread 8 KiB for handlers, of which the kernel's frame takes up to half. A panic in such a handler must
//! not overflow it. Ordinary stacks are not looked at: they are at least 16 KiB, and a walk goes with that.

use core::cell::Cell;

/// Bytes that a walk may take, from the call of the hook on; what it takes is in `docs/panic-context.md`. Without
/// optimisation everything takes about three times as much.
const WALK_NEEDS: usize = if cfg!(debug_assertions) { 16 * 1024 } else { 8 * 1024 };
/// Two looks at most this far apart belong to one range.
const NEAR: usize = 64 * 1024;

thread_local! {
    /// Lowest and highest address at which this thread was seen on its ordinary stack. An alternate stack lies outside,
    /// unless it is a local variable between the two. No destructor, so it can always be read.
    static ORDINARY: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

/// Whether a walk from here could overflow an alternate stack.
///
/// # Cost
/// A comparison where the thread panicked before at about this depth; else one system call.
pub(crate) fn is_short() -> bool {
    let here = 0_u8;
    let here = (&raw const here).addr();
    let (low, high) = ORDINARY.get();
    if (low..=high).contains(&here) {
        return false;
    }
    let Some(start) = alternate() else {
        let is_near = here.abs_diff(low) < NEAR || here.abs_diff(high) < NEAR;
        ORDINARY.set(if is_near { (low.min(here), high.max(here)) } else { (here, here) });
        return false;
    };
    here.saturating_sub(start) < WALK_NEEDS
}

/// The lower end of the alternate stack that this thread runs on.
fn alternate() -> Option<usize> {
    let mut stack = libc::stack_t { ss_sp: core::ptr::null_mut(), ss_flags: 0, ss_size: 0 };
    // SAFETY: nothing is set, and `stack` is writable.
    let status = unsafe { libc::sigaltstack(core::ptr::null(), &raw mut stack) };
    (status == 0 && stack.ss_flags & libc::SS_ONSTACK != 0).then(|| stack.ss_sp.addr())
}
