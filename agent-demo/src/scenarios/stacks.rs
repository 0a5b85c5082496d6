//! Deep stacks, tiny stacks, and no stack left.

use std::hint::black_box;
use std::thread;

use super::{MAIN, THREAD_ROOT, USER, catch, panic};
use crate::{Scenario, ThreadName};

/// Frames between the panic and the catch.
const DEPTH: u32 = 5_000;
/// The least that Linux allows.
const TINY: usize = 16 * 1024;
/// Enough for everything.
const ROOMY: usize = 1024 * 1024;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "deep-recursion",
        "A panic is caught 5 000 frames further up",
        "a deep stack",
        deep_recursion,
    )
    .panics(&[panic("at the bottom", MAIN, USER).dropped_at("stacks::deep_recursion")])
    .twin("stack-overflow"),
    Scenario::new(
        "deep-recursion-on-thread",
        "A panic kills a thread from 5 000 frames below its root",
        "a deep stack",
        deep_recursion_on_thread,
    )
    .panics(&[panic("at the bottom", ThreadName::Named("deep"), THREAD_ROOT)
        .dropped_at("stacks::deep_recursion_on_thread")])
    .twin("deep-recursion"),
    // Windows ends the process with a status of its own, and Wine the thread alone.
    #[cfg(not(windows))]
    Scenario::new(
        "stack-overflow",
        "The stack overflows: no hook call, abort",
        "death without a panic",
        stack_overflow,
    )
    .aborts()
    .twin("deep-recursion"),
    Scenario::new("tiny-stack", "A thread with 16 KiB of stack panics", "a tiny stack", tiny_stack)
        .panics(
            &[panic("in a small room", ThreadName::Named("tiny"), THREAD_ROOT).dropped_at("stacks::tiny")],
        )
        .twin("tiny-stack-caught"),
    Scenario::new(
        "tiny-stack-caught",
        "A thread with 16 KiB of stack catches its panic",
        "a tiny stack",
        tiny_stack_caught,
    )
    .panics(&[
        panic("in a small room", ThreadName::Named("tiny"), USER).dropped_at("stacks::tiny_stack_caught")
    ])
    .twin("tiny-stack"),
];

#[inline(never)]
fn descend(depth: u32) -> u32 {
    if depth == 0 {
        panic!("at the bottom");
    }
    // The addition after the call keeps the frame.
    black_box(descend(black_box(depth - 1)) + 1)
}

fn deep_recursion() {
    let caught = catch(|| println!("{}", descend(DEPTH)));
    println!("caught: {}", caught.is_some());
}

fn deep_recursion_on_thread() {
    let builder = thread::Builder::new().name("deep".into()).stack_size(16 * ROOMY);
    let handle = builder.spawn(|| descend(DEPTH)).expect("a thread can be started");
    println!("died: {}", handle.join().is_err());
}

#[cfg(not(windows))]
fn stack_overflow() {
    #[inline(never)]
    #[allow(unconditional_recursion)] // the point
    fn forever(depth: u64) -> u64 {
        let page = black_box([depth; 64]);
        black_box(forever(depth + 1) + page[7])
    }
    let handle = thread::Builder::new().name("endless".into()).stack_size(ROOMY).spawn(|| forever(0));
    let _ = handle.expect("a thread can be started").join();
}

fn tiny(run: fn()) {
    let handle = thread::Builder::new().name("tiny".into()).stack_size(TINY).spawn(run);
    let survived = handle.expect("a thread can be started").join().is_ok();
    println!("survived: {survived}");
}

fn tiny_stack() {
    tiny(|| panic!("in a small room"));
}

fn tiny_stack_caught() {
    tiny(|| {
        let _ = catch(|| panic!("in a small room"));
    });
}
