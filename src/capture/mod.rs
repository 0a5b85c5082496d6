//! Stage 2: what is known of the thread and the moment of a panic.
//!
//! Runs on: the panicking thread, inside the hook. Must not: allocate, lock, do I/O, panic, or rely on
//! thread-locals with destructors: the thread may be foreign, ending, or short of stack.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

#[cfg(feature = "breadcrumbs")]
pub(crate) mod breadcrumbs;
#[cfg(not(feature = "breadcrumbs"))]
#[path = "no_breadcrumbs.rs"]
pub(crate) mod breadcrumbs;
pub mod labels;
pub(crate) mod nesting;
pub(crate) mod recursion_guard;
pub(crate) mod stack;
pub(crate) mod thread;

use crate::record::{RawRecord, RawWalk};
use crate::{image, sys};
use recursion_guard::RecursionGuard;

/// The panic that this thread unwinds here, outside of the hook: the low bits of its number, 0 for none. `None` when it
/// cannot be told.
#[inline(never)]
pub(crate) fn unwinding_here() -> Option<u32> {
    let anchor = 0u8;
    let mut walk = Box::new(RawWalk::new());
    stack::walk(&mut walk, (&raw const anchor).addr(), usize::MAX);
    nesting::unwinding_here(&walk)
}

/// Fills in what the panic itself does not say: clocks, labels, the stack, the thread.
///
/// The guard proves that this thread is not inside the hook already, so everything thread-local that is
/// used here is free. `anchor` is an address in the innermost frame that does not answer for the panic: std
/// keeps the `PanicHookInfo` in the frame that calls the hook. The thread is identified last, because only the walk tells whether std knows it.
///
/// # Cost
/// No allocation; the walk is the expensive part.
pub(crate) fn capture(record: &mut RawRecord, anchor: usize, max_frames: usize, _inside: &RecursionGuard) {
    record.wall_ns = sys::clock::wall_ns();
    record.mono_ns = sys::clock::mono_ns();
    labels::copy_into(record);
    breadcrumbs::copy_into(record);
    record.process_labels = labels::process::generation();
    stack::walk(&mut record.walk, anchor, max_frames);
    record.images = image::current().map_or(0, image::Snapshot::generation);
    thread::identify(record);
    nesting::note(record);
}
