//! How the process ends while panics are open, queued, or over.

use std::sync::{Arc, Barrier};
use std::{process, thread};

use super::gate::Gate;
use super::{MAIN, MAIN_ROOT, THREAD_ROOT, USER, catch, panic, panics};
use crate::{Delivery, Message, Scenario, ThreadName};

/// Storm: far more panics than the agent has slots.
const STORM_THREADS: usize = 4;
const STORM_PANICS: usize = 500;

const UNWINDING: ThreadName = ThreadName::Named("unwinding");

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new("main-panics", "`main` panics: status 101", "main dies", main_panics)
        .exits(101)
        .panics(&[panic("main gives up", MAIN, MAIN_ROOT)])
        .twin("no-panic"),
    Scenario::new("no-panic", "Nothing happens", "no panic", no_panic).twin("main-panics"),
    Scenario::new(
        "main-panics-beside-thread",
        "`main` panics while a thread still works; the thread's locals are never dropped",
        "main dies",
        main_panics_beside_thread,
    )
    .exits(101)
    .panics(&[panic("main gives up first", MAIN, MAIN_ROOT)])
    .twin("thread-handle-dropped"),
    Scenario::new(
        "exit-without-panic",
        "`process::exit(3)`: no panic",
        "exit without a panic",
        exit_without_panic,
    )
    .exits(3)
    .twin("exit-during-unwind"),
    Scenario::new(
        "exit-during-unwind",
        "`process::exit(7)` while another thread is unwinding",
        "the process ends in the middle of an unwinding",
        exit_during_unwind,
    )
    .exits(7)
    .panics(&[panic("cut short", UNWINDING, THREAD_ROOT).cut_short()])
    .finds(&["exit_while_unwinding"])
    .twin("exit-without-panic"),
    Scenario::new(
        "exit-after-unwind",
        "`process::exit(7)` after the other thread has died",
        "the process ends after an unwinding",
        exit_after_unwind,
    )
    .exits(7)
    .panics(&[panic("run to its end", UNWINDING, THREAD_ROOT).dropped_at("ending::exit_after_unwind")])
    .twin("return-during-unwind"),
    Scenario::new(
        "return-during-unwind",
        "`main` returns while another thread is unwinding: status 0",
        "the process ends in the middle of an unwinding",
        return_during_unwind,
    )
    .panics(&[panic("cut short", UNWINDING, THREAD_ROOT).cut_short()])
    .finds(&["exit_while_unwinding"])
    .twin("exit-during-unwind"),
    Scenario::new(
        "exit-in-own-unwind",
        "A destructor calls `process::exit(9)` during the unwinding of its own thread",
        "the process ends in the middle of an unwinding",
        exit_in_own_unwind,
    )
    .exits(9)
    .panics(&[panic("cut short by itself", MAIN, MAIN_ROOT).cut_short()])
    .finds(&["exit_while_unwinding"])
    .twin("main-panics"),
    Scenario::new(
        "abort-after-caught",
        "`process::abort()` right after a caught panic: no exit handler runs",
        "death without a panic",
        abort_after_caught,
    )
    .aborts()
    .panics(&[panic("caught in time", MAIN, USER).dropped_at("ending::abort_after_caught")])
    .delivery(Delivery::AtRisk)
    .twin("return-after-caught"),
    Scenario::new(
        "return-after-caught",
        "`main` returns right after a caught panic",
        "the report is still queued when main returns",
        return_after_caught,
    )
    .panics(&[panic("caught in time", MAIN, USER).dropped_at("ending::return_after_caught")])
    .twin("abort-after-caught"),
    Scenario::new(
        "storm",
        "Four threads panic 500 times each and `main` returns with the queue full",
        "the queue is full when main returns",
        storm,
    )
    .panics(&[panics(
        STORM_THREADS * STORM_PANICS,
        Message::Contains("one of many"),
        ThreadName::Prefix("storm-"),
        USER,
    )
    .dropped_at("ending::storm")])
    .delivery(Delivery::WrittenOrCounted)
    .twin("return-after-caught"),
    Scenario::new(
        "exit-in-thread-unwind",
        "A destructor calls `process::exit(9)` during the unwinding of a spawned thread",
        "the process ends in the middle of an unwinding",
        exit_in_thread_unwind,
    )
    .exits(9)
    .panics(&[panic("cut short by itself", UNWINDING, THREAD_ROOT).cut_short()])
    .finds(&["exit_while_unwinding"])
    .twin("exit-after-unwind"),
];

fn main_panics() {
    panic!("main gives up");
}

fn no_panic() {
    println!("all is well");
}

fn main_panics_beside_thread() {
    static STARTED: Gate = Gate::new();
    static NEVER: Gate = Gate::new();
    struct Speaks;
    impl Drop for Speaks {
        fn drop(&mut self) {
            println!("never printed");
        }
    }
    thread::spawn(|| {
        let _speaks = Speaks;
        STARTED.open();
        NEVER.wait();
    });
    STARTED.wait();
    panic!("main gives up first");
}

fn exit_without_panic() {
    process::exit(3);
}

/// Starts a thread that panics and then hangs in a destructor; returns when it does.
fn wait_for_unwinding_thread() {
    static REACHED: Gate = Gate::new();
    struct Hangs;
    impl Drop for Hangs {
        fn drop(&mut self) {
            static NEVER: Gate = Gate::new();
            REACHED.open();
            NEVER.wait();
        }
    }
    let handle = thread::Builder::new().name("unwinding".into()).spawn(|| {
        let _hangs = Hangs;
        panic!("cut short");
    });
    drop(handle);
    REACHED.wait();
}

fn exit_during_unwind() {
    wait_for_unwinding_thread();
    process::exit(7);
}

fn exit_after_unwind() {
    let handle = thread::Builder::new().name("unwinding".into()).spawn(|| panic!("run to its end"));
    let _ = handle.expect("a thread can be started").join();
    process::exit(7);
}

fn return_during_unwind() {
    wait_for_unwinding_thread();
}

fn exit_in_own_unwind() {
    struct Exits;
    impl Drop for Exits {
        fn drop(&mut self) {
            process::exit(9);
        }
    }
    let _exits = Exits;
    panic!("cut short by itself");
}

fn abort_after_caught() {
    let _ = catch(|| panic!("caught in time"));
    process::abort();
}

fn return_after_caught() {
    let _ = catch(|| panic!("caught in time"));
}

fn storm() {
    let start = Arc::new(Barrier::new(STORM_THREADS));
    let spawn = |number: usize| {
        let start = Arc::clone(&start);
        let run = move || {
            start.wait();
            for _ in 0..STORM_PANICS {
                let _ = catch(|| panic!("one of many"));
            }
        };
        thread::Builder::new().name(format!("storm-{number}")).spawn(run).expect("a thread can be started")
    };
    let threads: Vec<_> = (0..STORM_THREADS).map(spawn).collect();
    for thread in threads {
        println!("survived: {}", thread.join().is_ok());
    }
}

fn exit_in_thread_unwind() {
    static NEVER: Gate = Gate::new();
    let handle = thread::Builder::new().name("unwinding".into()).spawn(exit_in_own_unwind);
    drop(handle);
    NEVER.wait();
}
