//! Panics that nobody wrote: the failures of std that real programs die of.

use std::cell::RefCell;
use std::hint::black_box;

use super::{MAIN, MAIN_ROOT, USER, catch, panic};
use crate::Scenario;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new("index-out-of-bounds", "`values[9]` of three", "a failure of std", index_out_of_bounds)
        .exits(101)
        .panics(&[panic("the len is 3 but the index is 9", MAIN, MAIN_ROOT)])
        .twin("index-caught"),
    Scenario::new("index-caught", "`values[9]` of three, caught", "a failure of std", index_caught)
        .panics(&[panic("the len is 3 but the index is 9", MAIN, USER).dropped_at("failures::index_caught")])
        .twin("index-out-of-bounds"),
    Scenario::new("unwrap-none", "`None.unwrap()`", "a failure of std", unwrap_none)
        .exits(101)
        .panics(&[panic("called `Option::unwrap()` on a `None` value", MAIN, MAIN_ROOT)]),
    Scenario::new("expect-err", "`Err(..).expect(..)`", "a failure of std", expect_err)
        .exits(101)
        .panics(&[panic("a number: ParseIntError", MAIN, MAIN_ROOT)]),
    Scenario::new("str-boundary", "A text cut inside a character", "a failure of std", str_boundary)
        .exits(101)
        .panics(&[panic("not a char boundary", MAIN, MAIN_ROOT)])
        .twin("str-boundary-ascii"),
    Scenario::new(
        "str-boundary-ascii",
        "The same cut in an ASCII text",
        "a failure of std",
        str_boundary_ascii,
    )
    .twin("str-boundary"),
    Scenario::new("division-by-zero", "A division by zero", "a failure of std", division_by_zero)
        .exits(101)
        .panics(&[panic("attempt to divide by zero", MAIN, MAIN_ROOT)]),
    Scenario::new("already-borrowed", "A `RefCell` borrowed twice", "a failure of std", already_borrowed)
        .exits(101)
        .panics(&[panic("already borrowed", MAIN, MAIN_ROOT)]),
    Scenario::new("assertion", "`assert_eq!` with a message", "a failure of std", assertion)
        .exits(101)
        .panics(&[panic("sums differ", MAIN, MAIN_ROOT)]),
    Scenario::new(
        "overflow-in-debug",
        "An addition overflows: a panic with debug assertions, a wrong result without",
        "a panic of one build only",
        overflow_in_debug,
    )
    .exits(101)
    .panics(&[panic("attempt to add with overflow", MAIN, MAIN_ROOT)])
    .debug_assertions_only()
    .twin("overflow-checked"),
    Scenario::new(
        "overflow-checked",
        "The same addition, checked in every build",
        "a panic of one build only",
        overflow_checked,
    )
    .exits(101)
    .panics(&[panic("the sum overflows", MAIN, MAIN_ROOT)])
    .twin("overflow-in-debug"),
    Scenario::new("debug-assertion", "`debug_assert!` fails", "a panic of one build only", debug_assertion)
        .exits(101)
        .panics(&[panic("only checked in debug builds", MAIN, MAIN_ROOT)])
        .debug_assertions_only()
        .twin("assertion"),
];

fn index_out_of_bounds() {
    println!("{}", black_box(&[1, 2, 3][..])[black_box(9)]);
}

fn index_caught() {
    let caught = catch(index_out_of_bounds);
    println!("caught: {}", caught.is_some());
}

fn unwrap_none() {
    println!("{}", black_box(None::<u32>).unwrap());
}

fn expect_err() {
    println!("{}", black_box("seven").parse::<u32>().expect("a number"));
}

fn str_boundary() {
    println!("{}", &black_box("naïve")[..3]);
}

fn str_boundary_ascii() {
    println!("{}", &black_box("naive")[..3]);
}

fn division_by_zero() {
    println!("{}", 1 / black_box(0));
}

fn already_borrowed() {
    let cell = RefCell::new(1);
    let _first = cell.borrow();
    println!("{}", cell.borrow_mut());
}

fn assertion() {
    assert_eq!(black_box(2) + 2, 5, "sums differ");
}

fn overflow_in_debug() {
    // No output: the result differs from build to build.
    black_box(black_box(u8::MAX) + black_box(1));
}

fn overflow_checked() {
    println!("{}", black_box(u8::MAX).checked_add(1).expect("the sum overflows"));
}

fn debug_assertion() {
    debug_assert!(black_box(false), "only checked in debug builds");
}
