//! Panics of the agent's own, for the calibration of `location`.
//!
//! Runs on: the thread that installs the agent, inside a `catch_unwind`. Must not: be called anywhere else.
#![allow(clippy::panic, clippy::unwrap_used, reason = "to panic is what they are for")]

use core::hint::black_box;
use std::panic::panic_any;

/// Ways to panic that reach std through different functions.
pub(super) const SHAPES: [fn(); 4] = [formatted, constant, unwrapped, any];

/// With arguments.
pub(super) fn formatted() {
    panic!("calibration {}", black_box(1));
}

fn constant() {
    panic!("calibration");
}

fn unwrapped() {
    let none: Option<u8> = black_box(None);
    black_box(none.unwrap());
}

fn any() {
    panic_any(black_box(7_u64));
}

/// Overwrites what earlier calls left on the stack.
#[inline(never)]
pub(super) fn clear_stack() {
    black_box([0_u8; 16 * 1024]);
}
