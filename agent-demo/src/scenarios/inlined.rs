//! Programs whose closures an optimised build inlines into std and into runtimes, so that no function of their own is left
//! on the stack of a catch, of a join or of a drop. What comes of them is the same in every build.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::thread;

use super::{MAIN, MAIN_ROOT, THREAD_ROOT, USER, panic};
use crate::{Scenario, ThreadName};

const UNNAMED: ThreadName = ThreadName::Unnamed;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "inlined-join-is-err",
        "`thread::spawn(|| thread::spawn(..).join().is_err())`: joined in the root of another thread",
        "spawn, panic, result ignored",
        join_is_err,
    )
    .panics(&[panic("joined inside", UNNAMED, THREAD_ROOT).dropped_at("inlined::join_is_err")])
    .twin("inlined-handle-dropped"),
    Scenario::new(
        "inlined-handle-dropped",
        "The same thread, and its handle is dropped after its end",
        "spawn, panic, handle dropped",
        handle_dropped,
    )
    .panics(&[panic("dropped inside", UNNAMED, THREAD_ROOT).discarded()])
    .twin("inlined-join-is-err"),
    Scenario::new(
        "inlined-join-handed-on",
        "One thread joins, another drops what it was handed",
        "spawn, panic, result ignored",
        join_handed_on,
    )
    .panics(&[panic("handed on", UNNAMED, THREAD_ROOT).dropped_at("inlined::join_handed_on")])
    .twin("inlined-handle-dropped"),
    Scenario::new(
        "inlined-catch-in-thread",
        "`catch_unwind` right in the closure of a thread, which goes on",
        "a thread with a catch of its own",
        catch_in_thread,
    )
    .panics(&[panic("caught inside", UNNAMED, USER).dropped_at("inlined::catch_in_thread")])
    .twin("inlined-join-is-err"),
    Scenario::new(
        "inlined-scope-joined",
        "A scoped thread is joined in the root of another thread",
        "`thread::scope`, child joined",
        scope_joined,
    )
    .panics(&[panic("joined in a scope", UNNAMED, THREAD_ROOT).dropped_at("inlined::scope_joined")])
    .twin("inlined-scope-unjoined"),
    Scenario::new(
        "inlined-scope-unjoined",
        "The same without the join: the scope panics, and kills its thread",
        "`thread::scope`, child not joined",
        scope_unjoined,
    )
    .panics(&[
        panic("lost in a scope", UNNAMED, THREAD_ROOT).discarded().carried_on(),
        panic("a scoped thread panicked", UNNAMED, THREAD_ROOT)
            .dropped_at("inlined::scope_unjoined")
            .linked("scope", 0),
    ])
    .twin("inlined-scope-joined"),
    Scenario::new(
        "inlined-lock-poisoned",
        "A guard that is dropped in the frame of the catch poisons a lock, after another panic that ran destructors",
        "a poisoned lock",
        lock_poisoned,
    )
    .exits(101)
    // Either may have poisoned it: none is chosen.
    .panics(&[
        panic("of no concern", MAIN, USER).dropped_at("inlined::lock_poisoned"),
        panic("with the lock held", MAIN, USER).dropped_at("inlined::lock_poisoned"),
        panic("PoisonError", MAIN, MAIN_ROOT),
    ])
    .twin("mutex-poisoned"),
];

fn join_is_err() {
    let outer = thread::spawn(|| thread::spawn(|| panic!("joined inside")).join().is_err());
    assert!(outer.join().unwrap_or_default());
}

fn handle_dropped() {
    let outer = thread::spawn(|| {
        let inner = thread::spawn(|| panic!("dropped inside"));
        while !inner.is_finished() {
            thread::yield_now();
        }
        drop(inner);
    });
    assert!(outer.join().is_ok());
}

fn join_handed_on() {
    let outer = thread::spawn(|| thread::spawn(|| panic!("handed on")).join());
    let error = outer.join().map(Result::err);
    let _ = thread::spawn(move || drop(error)).join();
}

fn catch_in_thread() {
    let careful = thread::spawn(|| {
        let caught = catch_unwind(|| panic!("caught inside"));
        let is_err = caught.is_err();
        drop(caught);
        is_err
    });
    assert!(careful.join().unwrap_or_default());
}

fn scope_joined() {
    let outer =
        thread::spawn(|| thread::scope(|scope| scope.spawn(|| panic!("joined in a scope")).join().is_err()));
    assert!(outer.join().unwrap_or_default());
}

fn scope_unjoined() {
    let outer = thread::spawn(|| {
        thread::scope(|scope| {
            scope.spawn(|| panic!("lost in a scope"));
        });
    });
    let _ = outer.join();
}

/// Has a destructor that is worth a landing pad.
struct Loud<'a>(&'a Mutex<u32>);

impl Drop for Loud<'_> {
    #[inline(never)]
    fn drop(&mut self) {
        drop(self.0.try_lock());
    }
}

#[inline(never)]
fn panics_with_destructor(of: &Mutex<u32>) {
    let _loud = Loud(of);
    panic!("of no concern");
}

fn lock_poisoned() {
    let (other, lock) = (Mutex::new(0), Mutex::new(0));
    drop(catch_unwind(AssertUnwindSafe(|| panics_with_destructor(&other))));
    drop(catch_unwind(AssertUnwindSafe(|| {
        let _held = lock.lock();
        panic!("with the lock held");
    })));
    let value = *lock.lock().unwrap();
    println!("{value}");
}
