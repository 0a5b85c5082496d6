//! C between Rust and Rust: frames with and without unwind tables, and threads that std did not start.

use std::ffi::c_int;

use super::gate::Gate;
use super::{CANNOT_UNWIND, MAIN, NO_HANDLER, NOUNWIND, USER, catch, panic};
use crate::{Scenario, ThreadName};

type Callback = extern "C-unwind" fn();

unsafe extern "C-unwind" {
    safe fn demo_call(callback: Callback) -> c_int;
    safe fn demo_call_without_tables(callback: Callback) -> c_int;
    safe fn demo_call_on_foreign_thread(callback: Callback) -> c_int;
    safe fn demo_exit_on_foreign_thread() -> c_int;
    safe fn demo_at_exit(callback: Callback) -> c_int;
}

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "c-caller",
        "A panic passes through C code with unwind tables and is caught by Rust",
        "C on the stack",
        c_caller,
    )
    .panics(&[panic("called from C", MAIN, USER).dropped_at("foreign::c_caller")])
    .twin("c-caller-without-tables"),
    Scenario::new(
        "c-caller-without-tables",
        "C code without unwind tables ends the search: abort, although Rust would catch further up",
        "no handler on the stack",
        c_caller_without_tables,
    )
    .aborts()
    .panics(&[panic("called from C", MAIN, NO_HANDLER)])
    .twin("c-caller"),
    Scenario::new(
        "c-caller-extern-c",
        "C calls a Rust callback that is `extern \"C\"`: abort at the callback",
        "a frame that must not unwind",
        c_caller_extern_c,
    )
    .aborts()
    .panics(&[
        panic("in the callback", MAIN, NOUNWIND),
        panic(CANNOT_UNWIND, MAIN, NOUNWIND).linked("cannot_unwind", 0),
    ])
    .twin("c-caller"),
    Scenario::new(
        "foreign-thread",
        "A thread that C started panics: no frame of it catches",
        "no handler on the stack",
        foreign_thread,
    )
    .aborts()
    .panics(&[panic("on a foreign thread", ThreadName::Foreign, NO_HANDLER)])
    .twin("foreign-thread-catches"),
    Scenario::new(
        "foreign-thread-catches",
        "A thread that C started catches its panic",
        "a thread of another language",
        foreign_thread_catches,
    )
    .panics(&[panic("on a foreign thread", ThreadName::Foreign, USER).dropped_at("foreign::careful")])
    .twin("foreign-thread"),
    Scenario::new(
        "exit-handler-panics",
        "An exit handler panics on a stack without any catch",
        "no handler on the stack",
        exit_handler_panics,
    )
    .aborts()
    .panics(&[panic("in the exit handler", ThreadName::Foreign, NO_HANDLER)])
    .twin("exit-handler-catches"),
    Scenario::new(
        "exit-handler-catches",
        "An exit handler catches its panic",
        "a panic in an exit handler",
        exit_handler_catches,
    )
    .panics(&[panic("in the exit handler", ThreadName::Foreign, USER).dropped_at("foreign::careful")])
    .twin("exit-handler-panics"),
];

extern "C-unwind" fn panics_under_c() {
    panic!("called from C");
}

fn c_caller() {
    let caught = catch(|| println!("{}", demo_call(panics_under_c)));
    println!("caught: {}", caught.is_some());
}

fn c_caller_without_tables() {
    let caught = catch(|| println!("{}", demo_call_without_tables(panics_under_c)));
    println!("caught: {}", caught.is_some());
}

fn c_caller_extern_c() {
    #[inline(never)]
    extern "C" fn callback() {
        panic!("in the callback");
    }
    // What C sees is a function pointer; it does not know the difference.
    extern "C-unwind" fn forward() {
        std::hint::black_box(callback as extern "C" fn())();
    }
    let caught = catch(|| println!("{}", demo_call(forward)));
    println!("caught: {}", caught.is_some());
}

extern "C-unwind" fn panics_on_foreign_thread() {
    panic!("on a foreign thread");
}

fn foreign_thread() {
    println!("{}", demo_call_on_foreign_thread(panics_on_foreign_thread));
}

fn foreign_thread_catches() {
    extern "C-unwind" fn careful() {
        let _ = catch(|| panics_on_foreign_thread());
    }
    println!("{}", demo_call_on_foreign_thread(careful));
}

extern "C-unwind" fn panics_at_exit() {
    panic!("in the exit handler");
}

/// Exits with status 0 on a foreign thread, where the last registered handler runs first.
fn exit_with(handler: Callback) {
    static NEVER: Gate = Gate::new();
    println!("registered: {}", demo_at_exit(handler) == 0);
    demo_exit_on_foreign_thread();
    NEVER.wait();
}

fn exit_handler_panics() {
    exit_with(panics_at_exit);
}

fn exit_handler_catches() {
    extern "C-unwind" fn careful() {
        let _ = catch(|| panics_at_exit());
    }
    exit_with(careful);
}
