//! Destructors that panic: alone, during an unwinding, of payloads, results and thread-locals.

use std::panic::panic_any;
use std::thread;

use panic_agent::record::{AbortReason, HandlerKind};

use super::gate::{Gate, OpensOnDrop};
use super::{Bomb, IN_CLEANUP, IN_DROP, MAIN, MAIN_ROOT, THREAD_ROOT, USER, catch, panic, panics};
use crate::{Delivery, Message, Outcome, Scenario, ThreadName};

const WORKER: ThreadName = ThreadName::Named("worker");
/// On Windows the destructors of thread-locals run when std's part of the thread is over.
const ENDING: ThreadName = if cfg!(windows) { ThreadName::Unnamed } else { WORKER };
/// std catches it only to abort: without the name of the catching function that cannot be seen.
const RESULT_DROP: &[Outcome] =
    &[Outcome::aborted(AbortReason::ThreadResultDrop), Outcome::caught_then_unknown(HandlerKind::Unknown)];
/// The frame that calls the destructors of thread-locals must not unwind, and so the tables speak of a
/// boundary; its name tells the rest.
const TLS_DROP: &[Outcome] =
    &[Outcome::aborted(AbortReason::TlsDestructor), Outcome::aborted(AbortReason::NounwindBoundary)];

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "drop-panics-alone",
        "A destructor panics while nothing unwinds",
        "a destructor panics",
        drop_panics_alone,
    )
    .panics(&[panic("alone", MAIN, USER).dropped_at("destructors::drop_panics_alone")])
    .twin("drop-panics-in-unwind"),
    Scenario::new(
        "drop-panics-in-unwind",
        "A destructor panics during an unwinding: three hook calls, then abort",
        "a destructor panics during an unwinding",
        drop_panics_in_unwind,
    )
    .aborts()
    .panics(&[
        panic("first panic", MAIN, MAIN_ROOT).turns_out(IN_DROP),
        panic("second panic", MAIN, IN_DROP).linked("while_unwinding", 0),
        panic(IN_CLEANUP, MAIN, IN_DROP).linked("in_cleanup", 0),
    ])
    .twin("drop-catches-in-unwind"),
    Scenario::new(
        "drop-catches-in-unwind",
        "A destructor panics during an unwinding and catches it itself: the process lives",
        "a second hook call is no proof of death",
        drop_catches_in_unwind,
    )
    .panics(&[
        panic("outer panic", MAIN, USER).dropped_at("destructors::drop_catches_in_unwind"),
        panic("inner panic", MAIN, USER)
            .dropped_at("destructors::Careful as core::ops::drop::Drop>::drop")
            .linked("while_unwinding", 0),
    ])
    .twin("drop-panics-in-unwind"),
    Scenario::new(
        "payload-drop-caught",
        "The destructor of a caught payload panics, and that is caught too",
        "the destructor of a payload panics",
        payload_drop_caught,
    )
    .panics(&[
        panics(1, Message::Null, MAIN, USER).dropped_at("destructors::payload_drop_caught"),
        panic("payload explodes", MAIN, USER).dropped_at("destructors::payload_drop_caught"),
    ])
    .twin("payload-drop-in-thread"),
    Scenario::new(
        "payload-drop-in-thread",
        "The destructor of a payload panics where a detached thread drops it: abort",
        "the destructor of a payload panics",
        payload_drop_in_thread,
    )
    .aborts()
    .panics(&[
        panics(1, Message::Null, WORKER, THREAD_ROOT).discarded().perhaps_silent(),
        panic("payload explodes", WORKER, RESULT_DROP),
    ])
    .delivery(Delivery::AtRisk)
    .twin("payload-drop-caught"),
    Scenario::new(
        "thread-result-drop",
        "The destructor of a thread's return value panics where nobody joins: abort",
        "the destructor of a thread's result panics",
        thread_result_drop,
    )
    .aborts()
    .panics(&[panic("result explodes", WORKER, RESULT_DROP)])
    .delivery(Delivery::AtRisk)
    .twin("thread-result-joined"),
    Scenario::new(
        "thread-result-joined",
        "The destructor of a thread's return value panics in the joiner, who catches it",
        "the destructor of a thread's result panics",
        thread_result_joined,
    )
    .panics(&[panic("result explodes", MAIN, USER).dropped_at("destructors::thread_result_joined")])
    .twin("thread-result-drop"),
    Scenario::new(
        "tls-destructor",
        "The destructor of a thread-local panics at the end of its thread: abort",
        "the destructor of a thread-local panics",
        tls_destructor,
    )
    .aborts()
    .panics(&[panic("local explodes", ENDING, TLS_DROP)])
    .delivery(Delivery::AtRisk)
    .twin("tls-destructor-catches"),
    Scenario::new(
        "tls-destructor-catches",
        "The destructor of a thread-local panics and catches it itself",
        "the destructor of a thread-local panics",
        tls_destructor_catches,
    )
    .panics(&[panic("caught in the local's end", ENDING, USER)
        .dropped_at("destructors::Careful as core::ops::drop::Drop>::drop")])
    .twin("tls-destructor"),
];

fn drop_panics_alone() {
    let caught = catch(|| drop(Bomb("alone")));
    println!("caught: {}", caught.is_some());
}

fn drop_panics_in_unwind() {
    let _bomb = Bomb("second panic");
    panic!("first panic");
}

fn drop_catches_in_unwind() {
    struct Careful;
    impl Drop for Careful {
        fn drop(&mut self) {
            let caught = catch(|| panic!("inner panic"));
            println!("inner caught: {}", caught.is_some());
        }
    }
    let caught = catch(|| {
        let _careful = Careful;
        panic!("outer panic");
    });
    println!("outer caught: {}", caught.is_some());
}

fn payload_drop_caught() {
    let payload = catch(|| panic_any(Bomb("payload explodes")));
    let caught = catch(|| drop(payload));
    println!("caught: {}", caught.is_some());
}

/// Runs on a thread whose handle is dropped first, and waits for ever: the process aborts.
fn detached(run: impl FnOnce() -> Bomb + Send + 'static) {
    static DROPPED: Gate = Gate::new();
    static NEVER: Gate = Gate::new();
    let handle = thread::Builder::new().name("worker".into()).spawn(|| {
        DROPPED.wait();
        run()
    });
    drop(handle);
    DROPPED.open();
    NEVER.wait();
}

fn payload_drop_in_thread() {
    detached(|| panic_any(Bomb("payload explodes")));
}

fn thread_result_drop() {
    detached(|| Bomb("result explodes"));
}

fn thread_result_joined() {
    let result = thread::spawn(|| Bomb("result explodes")).join();
    let caught = catch(|| drop(result));
    println!("caught: {}", caught.is_some());
}

fn tls_destructor() {
    thread_local! {
        static LOCAL: Bomb = const { Bomb("local explodes") };
    }
    let handle = thread::Builder::new().name("worker".into()).spawn(|| LOCAL.with(|_| ()));
    let _ = handle.expect("a thread can be started").join();
}

fn tls_destructor_catches() {
    static CAUGHT: Gate = Gate::new();
    struct Careful;
    impl Drop for Careful {
        fn drop(&mut self) {
            let _caught = OpensOnDrop(&CAUGHT);
            let _ = catch(|| panic!("caught in the local's end"));
        }
    }
    thread_local! {
        static LOCAL: Careful = const { Careful };
    }
    let handle = thread::Builder::new().name("worker".into()).spawn(|| LOCAL.with(|_| ()));
    let _ = handle.expect("a thread can be started").join();
    CAUGHT.wait();
}
