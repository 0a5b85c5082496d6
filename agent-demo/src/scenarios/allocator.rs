//! A global allocator that panics on request, and catches that panic itself: an allocator must not unwind.

use std::alloc::System;
use std::cell::Cell;

use super::{MAIN, USER, catch, panic};
use crate::Scenario;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "allocator-panics",
        "The global allocator panics inside an allocation, and catches it",
        "a panic in the allocator",
        allocator_panics,
    )
    .panics(&[panic("in the allocator", MAIN, USER).dropped_at("allocator::panic_if_requested")])
    .twin("allocator-quiet"),
    Scenario::new(
        "allocator-quiet",
        "The same allocation without the request",
        "a panic in the allocator",
        allocator_quiet,
    )
    .twin("allocator-panics"),
];

thread_local! {
    static PANIC_NEXT: Cell<bool> = const { Cell::new(false) };
}

#[allow(unsafe_code)] // implements `GlobalAlloc`
mod wrapper;

pub use wrapper::PanickingAllocator;

/// Panics and catches, once per request.
fn panic_if_requested() {
    // The destructor-free cell can be used at any time of a thread's life; `take` first, because a panic
    // allocates its payload.
    if PANIC_NEXT.try_with(Cell::take).unwrap_or(false) {
        let _ = catch(|| panic!("in the allocator"));
    }
}

fn allocator_panics() {
    PANIC_NEXT.set(true);
    allocator_quiet();
}

fn allocator_quiet() {
    println!("{}", std::hint::black_box(Box::new(7)));
}
