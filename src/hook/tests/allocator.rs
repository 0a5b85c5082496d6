//! The allocator of the test binary: counts per thread, and panics inside an allocation when asked to.

use core::cell::Cell;
use std::alloc::{GlobalAlloc, Layout, System};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static PANIC_NEXT: Cell<bool> = const { Cell::new(false) };
}

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

/// Calls of the allocator by this thread that ask for memory.
pub(super) fn allocations() -> u64 {
    ALLOCATIONS.get()
}

/// Lets the next allocation of this thread panic inside the allocator, which catches the panic itself.
pub(super) fn panic_inside_the_next_one() {
    PANIC_NEXT.set(true);
}

fn count() {
    ALLOCATIONS.set(ALLOCATIONS.get() + 1);
    if PANIC_NEXT.replace(false) {
        super::caught(|| panic!("inside the allocator"));
    }
}

// SAFETY: every call is passed on to the system's allocator unchanged; nothing unwinds out of `count`.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's duties are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's duties are passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's duties are passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's duties are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}
