//! Threads of `std::thread`: who holds the handle, and what becomes of it.

use std::sync::{Arc, Barrier, mpsc};
use std::thread::{self, JoinHandle};

use super::gate::{Gate, OpensOnDrop};
use super::{MAIN, MAIN_ROOT, THREAD_ROOT, USER, catch, panic, panics};
use crate::{Hops, Message, Scenario, ThreadName};

const WORKER: ThreadName = ThreadName::Named("worker");
/// Longer than the 15 bytes that Linux keeps, and not ASCII.
const LONG_NAME: &str = "ein-Arbeiter-mit-überlangem-Namen";
const CROWD: usize = 16;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "thread-handle-dropped",
        "A thread dies whose `JoinHandle` was dropped: nobody is told, status 0",
        "spawn, panic, handle dropped",
        thread_handle_dropped,
    )
    .panics(&[panic("nobody is told", WORKER, THREAD_ROOT).discarded()])
    .twin("thread-join-unwrapped"),
    Scenario::new(
        "thread-handle-dropped-late",
        "The handle is dropped after the thread has died",
        "spawn, panic, handle dropped",
        thread_handle_dropped_late,
    )
    .panics(&[panic("dropped after the end", WORKER, THREAD_ROOT).discarded()])
    .twin("thread-join-unwrapped"),
    Scenario::new(
        "thread-join-ignored",
        "`let _ = handle.join()`",
        "spawn, panic, result ignored",
        thread_join_ignored,
    )
    .panics(&[panic("joined and ignored", WORKER, THREAD_ROOT).dropped_at("threads::thread_join_ignored")])
    .twin("thread-join-unwrapped"),
    Scenario::new(
        "thread-join-read",
        "The joiner reads the payload",
        "spawn, panic, result read",
        thread_join_read,
    )
    .panics(&[panic("joined and read", WORKER, THREAD_ROOT).read_at("threads::thread_join_read")])
    .twin("thread-join-unwrapped"),
    Scenario::new(
        "thread-join-unwrapped",
        "`join().unwrap()` panics in turn, with a message that says nothing",
        "a second panic hides the first",
        thread_join_unwrapped,
    )
    .exits(101)
    .panics(&[
        panic("the real cause", WORKER, THREAD_ROOT)
            .dropped_at("threads::thread_join_unwrapped")
            .carried_on(),
        panic("Any { .. }", MAIN, MAIN_ROOT).linked("unwrap", 0),
    ])
    .twin("thread-join-resumed"),
    Scenario::new(
        "thread-join-resumed",
        "The joiner resumes the payload: one panic, two threads, one hook call",
        "a panic moves between threads",
        thread_join_resumed,
    )
    .exits(101)
    .panics(&[panic("moves to main", WORKER, THREAD_ROOT).thrown_again(Hops::Exactly(1), MAIN_ROOT)])
    .twin("thread-join-unwrapped"),
    Scenario::new("thread-unnamed", "The dying thread has no name", "threads without a name", thread_unnamed)
        .panics(&[
            panic("from nobody", ThreadName::Unnamed, THREAD_ROOT).dropped_at("threads::thread_unnamed")
        ])
        .twin("thread-long-name"),
    Scenario::new(
        "thread-long-name",
        "The name is longer than the system's limit and not ASCII",
        "threads without a name",
        thread_long_name,
    )
    .panics(&[panic("from a long name", ThreadName::Named(LONG_NAME), THREAD_ROOT)
        .dropped_at("threads::thread_long_name")])
    .twin("thread-unnamed"),
    Scenario::new(
        "thread-crowd",
        "Sixteen threads panic at the same instant",
        "simultaneous panics",
        thread_crowd,
    )
    .panics(&[panics(
        CROWD,
        Message::Contains("all at once"),
        ThreadName::Prefix("crowd-"),
        THREAD_ROOT,
    )
    .dropped_at("threads::thread_crowd")]),
    Scenario::new(
        "thread-restarted",
        "A supervisor restarts a worker that dies three times",
        "repeats of one panic",
        thread_restarted,
    )
    .panics(&[panics(3, Message::Contains("bad request"), WORKER, THREAD_ROOT)
        .dropped_at("threads::thread_restarted")])
    .twin("thread-careful-worker"),
    Scenario::new(
        "thread-careful-worker",
        "A stored closure panics in the worker that runs it, and the worker catches it",
        "a job of a pool",
        thread_careful_worker,
    )
    .panics(&[panic("stored and called", WORKER, USER).dropped_at("threads::thread_careful_worker")])
    .twin("thread-careless-worker"),
    Scenario::new(
        "thread-careless-worker",
        "A stored closure kills the only worker; the queue loses its receiver",
        "a job of a pool",
        thread_careless_worker,
    )
    .panics(&[panic("stored and called", WORKER, THREAD_ROOT).dropped_at("threads::thread_careless_worker")])
    .twin("thread-careful-worker"),
    Scenario::new(
        "thread-handle-forgotten",
        "The handle is forgotten: the payload lies in it until the process ends",
        "spawn, panic, handle kept",
        thread_handle_forgotten,
    )
    .panics(&[panic("kept in the handle", WORKER, THREAD_ROOT).kept_to_the_end()])
    .twin("thread-join-late"),
    Scenario::new(
        "thread-join-late",
        "The handle is kept, and joined and read at the end",
        "spawn, panic, handle kept",
        thread_join_late,
    )
    .panics(&[panic("kept in the handle", WORKER, THREAD_ROOT).read_at("threads::thread_join_late")])
    .twin("thread-handle-forgotten"),
    Scenario::new(
        "thread-join-is-err",
        "`join().is_err()`: the joiner knows that it died, and not of what",
        "spawn, panic, result ignored",
        thread_join_is_err,
    )
    .panics(&[panic("known to have died", WORKER, THREAD_ROOT).dropped_at("threads::thread_join_is_err")])
    .twin("thread-join-downcast"),
    Scenario::new("thread-join-ok", "`join().ok()`", "spawn, panic, result ignored", thread_join_ok)
        .panics(&[panic("turned into nothing", WORKER, THREAD_ROOT).dropped_at("threads::thread_join_ok")])
        .twin("thread-join-downcast"),
    Scenario::new(
        "thread-join-downcast",
        "`if let Err(error) = join()`, and a `downcast_ref` that finds another type",
        "spawn, panic, result read",
        thread_join_downcast,
    )
    .panics(&[panic("looked at", WORKER, THREAD_ROOT).read_at("threads::thread_join_downcast")])
    .twin("thread-join-is-err"),
];

fn worker<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    thread::Builder::new().name("worker".into()).spawn(run).expect("a thread can be started")
}

fn thread_handle_dropped() {
    static DROPPED: Gate = Gate::new();
    static UNWINDING: Gate = Gate::new();
    let handle = worker(|| {
        let _unwinding = OpensOnDrop(&UNWINDING);
        DROPPED.wait();
        panic!("nobody is told");
    });
    drop(handle);
    DROPPED.open();
    UNWINDING.wait();
}

fn thread_handle_dropped_late() {
    let handle = worker::<()>(|| panic!("dropped after the end"));
    wait_for_end(&handle);
    drop(handle);
}

fn thread_join_ignored() {
    let _ = worker::<()>(|| panic!("joined and ignored")).join();
}

fn thread_join_read() {
    if let Err(payload) = worker::<()>(|| panic!("joined and read")).join() {
        println!("the worker said {:?}", payload.downcast_ref::<&str>());
    }
}

fn thread_join_unwrapped() {
    worker::<()>(|| panic!("the real cause")).join().unwrap();
}

fn thread_join_resumed() {
    if let Err(payload) = worker::<()>(|| panic!("moves to main")).join() {
        std::panic::resume_unwind(payload);
    }
}

fn thread_unnamed() {
    let _ = thread::spawn(|| panic!("from nobody")).join();
}

fn thread_long_name() {
    let handle = thread::Builder::new().name(LONG_NAME.into()).spawn(|| panic!("from a long name"));
    let _ = handle.expect("a thread can be started").join();
}

fn thread_crowd() {
    let barrier = Arc::new(Barrier::new(CROWD));
    let spawn = |number: usize| {
        let barrier = Arc::clone(&barrier);
        let run = move || {
            barrier.wait();
            panic!("all at once");
        };
        thread::Builder::new().name(format!("crowd-{number}")).spawn(run).expect("a thread can be started")
    };
    let handles: Vec<JoinHandle<()>> = (0..CROWD).map(spawn).collect();
    let died = handles.into_iter().filter_map(|handle| handle.join().err()).count();
    println!("{died} died");
}

fn thread_restarted() {
    for attempt in 1..=3 {
        let result = worker(move || panic!("bad request in attempt {attempt}")).join();
        println!("attempt {attempt} succeeded: {}", result.is_ok());
    }
}

type Job = Box<dyn FnOnce() + Send>;

fn stored() {
    panic!("stored and called");
}

fn thread_careful_worker() {
    let (sender, receiver) = mpsc::channel::<Job>();
    let handle = worker(move || receiver.into_iter().filter_map(|job| catch(job)).count());
    let queued: [Job; 2] = [Box::new(stored), Box::new(|| ())];
    for job in queued {
        sender.send(job).expect("the worker lives");
    }
    drop(sender);
    println!("jobs that panicked: {:?}", handle.join().ok());
}

fn thread_careless_worker() {
    let (sender, receiver) = mpsc::channel::<Job>();
    let handle = worker(move || receiver.into_iter().for_each(|job| job()));
    sender.send(Box::new(stored)).expect("the worker lives");
    let _ = handle.join();
    println!("the queue still takes jobs: {}", sender.send(Box::new(|| ())).is_ok());
}

/// Waits until a thread has left its result behind.
fn wait_for_end<T>(handle: &JoinHandle<T>) {
    while !handle.is_finished() {
        thread::yield_now();
    }
}

fn thread_handle_forgotten() {
    let handle = worker::<()>(|| panic!("kept in the handle"));
    wait_for_end(&handle);
    std::mem::forget(handle);
}

fn thread_join_late() {
    let handle = worker::<()>(|| panic!("kept in the handle"));
    wait_for_end(&handle);
    if let Err(payload) = handle.join() {
        println!("the worker said {:?}", payload.downcast_ref::<&str>());
    }
}

fn thread_join_is_err() {
    let handle = worker::<()>(|| panic!("known to have died"));
    println!("died: {}", handle.join().is_err());
}

fn thread_join_ok() {
    let handle = worker::<()>(|| panic!("turned into nothing"));
    println!("value: {:?}", handle.join().ok());
}

fn thread_join_downcast() {
    let handle = worker::<()>(|| panic!("looked at"));
    if let Err(error) = handle.join() {
        println!("a number: {}", error.downcast_ref::<u32>().is_some());
    }
}
