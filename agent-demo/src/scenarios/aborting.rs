//! Frames that must not unwind, and deaths that are no panic.

use std::hint::black_box;
use std::{process, thread};

use panic_agent::record::{AbortReason, HandlerKind};

use super::{CANNOT_UNWIND, MAIN, MAIN_ROOT, NOUNWIND, USER, catch, panic};
use crate::{Outcome, Scenario, ThreadName};

const FFI: ThreadName = ThreadName::Named("ffi");
/// The destructors of the `extern "C"` frame hide its boundary from the search: the tables say that main
/// catches, and the second hook call corrects it.
const HIDDEN_BOUNDARY: &[Outcome] =
    &[Outcome::caught_by(HandlerKind::MainRoot), Outcome::aborted(AbortReason::NounwindBoundary)];

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "extern-c",
        "A panic reaches an `extern \"C\"` function: two hook calls, then abort",
        "a frame that must not unwind",
        extern_c,
    )
    .aborts()
    .panics(&[
        panic("at the boundary", MAIN, NOUNWIND),
        panic(CANNOT_UNWIND, MAIN, NOUNWIND).linked("cannot_unwind", 0),
    ])
    .twin("extern-c-unwind"),
    Scenario::new(
        "extern-c-unwind",
        "A panic passes an `extern \"C-unwind\"` function and is caught",
        "a foreign frame that may unwind",
        extern_c_unwind,
    )
    .panics(&[panic("through the boundary", MAIN, USER).dropped_at("aborting::extern_c_unwind")])
    .twin("extern-c"),
    Scenario::new(
        "extern-c-with-locals",
        "The `extern \"C\"` function also owns a value with a destructor",
        "a frame that must not unwind",
        extern_c_with_locals,
    )
    .aborts()
    .panics(&[
        panic("past the local", MAIN, HIDDEN_BOUNDARY).turns_out(NOUNWIND),
        panic(CANNOT_UNWIND, MAIN, NOUNWIND).linked("cannot_unwind", 0),
    ])
    .twin("extern-c-catches"),
    Scenario::new(
        "extern-c-catches",
        "The `extern \"C\"` function catches before its boundary, as it should",
        "a frame that must not unwind",
        extern_c_catches,
    )
    .panics(&[panic("before the boundary", MAIN, USER).dropped_at("aborting::careful")])
    .twin("extern-c"),
    Scenario::new(
        "extern-c-in-catch",
        "A `catch_unwind` further out does not help against the boundary",
        "a frame that must not unwind",
        extern_c_in_catch,
    )
    .aborts()
    .panics(&[
        panic("at the boundary", MAIN, NOUNWIND),
        panic(CANNOT_UNWIND, MAIN, NOUNWIND).linked("cannot_unwind", 0),
    ])
    .twin("extern-c-unwind"),
    Scenario::new(
        "extern-c-on-thread",
        "The boundary is on a spawned thread and kills the whole process",
        "a frame that must not unwind",
        extern_c_on_thread,
    )
    .aborts()
    .panics(&[
        panic("at the boundary", FFI, NOUNWIND),
        panic(CANNOT_UNWIND, FFI, NOUNWIND).linked("cannot_unwind", 0),
    ])
    .twin("thread-join-ignored"),
    Scenario::new("abort-call", "`process::abort()`: no panic", "death without a panic", abort_call)
        .aborts()
        .twin("main-panics"),
    Scenario::new(
        "allocation-fails",
        "Memory runs out: no hook call, abort",
        "death without a panic",
        allocation_fails,
    )
    .aborts()
    .twin("capacity-overflow"),
    Scenario::new(
        "capacity-overflow",
        "The size is so large that std panics instead",
        "a failure of std",
        capacity_overflow,
    )
    .exits(101)
    .panics(&[panic("capacity overflow", MAIN, MAIN_ROOT)])
    .twin("allocation-fails"),
];

#[inline(never)]
extern "C" fn boundary() {
    panic!("at the boundary");
}

fn extern_c() {
    black_box(boundary as extern "C" fn())();
}

#[inline(never)]
extern "C-unwind" fn passage() {
    panic!("through the boundary");
}

fn extern_c_unwind() {
    let caught = catch(|| black_box(passage as extern "C-unwind" fn())());
    println!("caught: {}", caught.is_some());
}

fn extern_c_with_locals() {
    #[inline(never)]
    fn inner() {
        panic!("past the local");
    }
    #[inline(never)]
    extern "C" fn boundary_with_locals() {
        let local = black_box(String::from("dropped on the way"));
        black_box(inner as fn())();
        drop(local);
    }
    black_box(boundary_with_locals as extern "C" fn())();
}

fn extern_c_catches() {
    #[inline(never)]
    extern "C" fn careful() -> i32 {
        if catch(|| panic!("before the boundary")).is_some() { -1 } else { 0 }
    }
    println!("returned {}", black_box(careful as extern "C" fn() -> i32)());
}

fn extern_c_in_catch() {
    let caught = catch(extern_c);
    println!("caught: {}", caught.is_some());
}

fn extern_c_on_thread() {
    let handle = thread::Builder::new().name("ffi".into()).spawn(extern_c);
    let _ = handle.expect("a thread can be started").join();
}

fn abort_call() {
    process::abort();
}

fn allocation_fails() {
    let bytes: Vec<u8> = Vec::with_capacity(black_box(isize::MAX as usize));
    println!("{}", black_box(bytes).capacity());
}

fn capacity_overflow() {
    let words: Vec<u64> = Vec::with_capacity(black_box(usize::MAX));
    println!("{}", black_box(words).capacity());
}
