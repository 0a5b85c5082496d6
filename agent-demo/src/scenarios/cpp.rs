//! C++ between Rust and Rust: a Rust panic is a foreign exception there, and the reverse.

use std::ffi::c_int;
use std::thread;

use panic_agent::record::{AbortReason, HandlerKind};

use super::{FOREIGN_ON_MAIN, MAIN, USER, catch, panic};
use crate::{Delivery, Outcome, Scenario};

type Callback = extern "C-unwind" fn();

unsafe extern "C-unwind" {
    safe fn demo_cpp_throw() -> c_int;
    safe fn demo_cpp_catch_all(callback: Callback) -> c_int;
    safe fn demo_cpp_catch_int(callback: Callback) -> c_int;
    safe fn demo_cpp_noexcept(callback: Callback) -> c_int;
    safe fn demo_cpp_rethrow(callback: Callback) -> c_int;
}

/// `catch (...)` stops it; whether it then swallows it (abort) or throws it again is beyond the tables.
const FOREIGN_CATCH: &[Outcome] =
    &[Outcome::caught_then_unknown(HandlerKind::Foreign), Outcome::ABORTED_UNANNOUNCED];

/// The tables of C++ say that nothing may pass.
const FOREIGN_BOUNDARY: &[Outcome] = &[Outcome::aborted(AbortReason::NounwindBoundary)];

const SWALLOWED: &[Outcome] = &[Outcome::ABORTED_UNANNOUNCED];

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "cpp-catch-all",
        "C++ swallows a Rust panic with `catch (...)`: abort",
        "a foreign catch",
        cpp_catch_all,
    )
    .aborts()
    .panics(&[panic("called from C++", MAIN, FOREIGN_CATCH).turns_out_unseen(SWALLOWED)])
    // The tables announce a catch, and the abort follows at its end.
    .delivery(Delivery::AtRisk)
    .twin("cpp-rethrow"),
    Scenario::new(
        "cpp-rethrow",
        "C++ catches a Rust panic, throws it again, and Rust catches it",
        "a foreign catch",
        cpp_rethrow,
    )
    .panics(&[panic("called from C++", MAIN, &[Outcome::caught_then_unknown(HandlerKind::Foreign)])
        .passed_on()
        .dropped_at("cpp::cpp_rethrow")])
    .twin("cpp-catch-all"),
    Scenario::new(
        "cpp-catch-int",
        "`catch (int)` does not match a Rust panic, which passes",
        "a foreign frame that does not catch",
        cpp_catch_int,
    )
    .panics(&[panic("called from C++", MAIN, USER).dropped_at("cpp::cpp_catch_int")])
    .twin("cpp-catch-all"),
    Scenario::new(
        "cpp-noexcept",
        "A Rust panic reaches a `noexcept` function of C++: abort, although Rust would catch further up",
        "a foreign frame that must not unwind",
        cpp_noexcept,
    )
    .aborts()
    .panics(&[panic("called from C++", MAIN, FOREIGN_BOUNDARY)])
    .twin("cpp-catch-int"),
    Scenario::new(
        "cpp-throw-into-catch",
        "A C++ exception reaches `catch_unwind`: abort without a hook call",
        "a foreign exception",
        cpp_throw_into_catch,
    )
    .aborts()
    .panics_under_abort(FOREIGN_ON_MAIN)
    .twin("cpp-catch-int"),
    Scenario::new(
        "cpp-throw-into-thread",
        "A C++ exception reaches the root of a Rust thread: abort without a hook call",
        "a foreign exception",
        cpp_throw_into_thread,
    )
    .aborts()
    .twin("thread-join-ignored"),
];

extern "C-unwind" fn panics_under_cpp() {
    panic!("called from C++");
}

fn cpp_catch_all() {
    println!("C++ returned {}", demo_cpp_catch_all(panics_under_cpp));
}

fn cpp_rethrow() {
    let caught = catch(|| println!("{}", demo_cpp_rethrow(panics_under_cpp)));
    println!("caught: {}", caught.is_some());
}

fn cpp_noexcept() {
    let caught = catch(|| println!("{}", demo_cpp_noexcept(panics_under_cpp)));
    println!("caught: {}", caught.is_some());
}

fn cpp_catch_int() {
    let caught = catch(|| println!("{}", demo_cpp_catch_int(panics_under_cpp)));
    println!("caught: {}", caught.is_some());
}

fn cpp_throw_into_catch() {
    let caught = catch(|| println!("{}", demo_cpp_throw()));
    println!("caught: {}", caught.is_some());
}

fn cpp_throw_into_thread() {
    let _ = thread::spawn(|| println!("{}", demo_cpp_throw())).join();
}
