//! The wrapper around the system's allocator.
//!
//! Runs on: every thread, in every allocation. Must not: unwind.

use std::alloc::{GlobalAlloc, Layout};

use super::{System, panic_if_requested};

/// The system's allocator, which panics (and catches) when a scenario asks for it.
#[derive(Clone, Copy, Debug, Default)]
pub struct PanickingAllocator;

// SAFETY: every block comes from `System` and goes back to it with the layout it came with;
// `panic_if_requested` does not unwind.
unsafe impl GlobalAlloc for PanickingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        panic_if_requested();
        // SAFETY: the caller's promise about `layout` is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise that `alloc` returned `block` for `layout` is passed on.
        unsafe { System.dealloc(block, layout) }
    }
}
