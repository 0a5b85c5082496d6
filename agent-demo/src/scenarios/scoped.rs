//! Scoped threads: the scope observes its children, and says so with a panic of its own.

use std::thread;

use super::{MAIN, MAIN_ROOT, THREAD_ROOT, USER, catch, panic, panics};
use crate::{Hops, Message, Scenario, ThreadName};

const DETACHED: ThreadName = ThreadName::Named("detached");
const SCOPE_MESSAGE: &str = "a scoped thread panicked";

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "scope-child-unjoined",
        "A child dies unjoined; the scope panics with a text that hides the cause",
        "`thread::scope`, child not joined",
        scope_child_unjoined,
    )
    .exits(101)
    .panics(&[
        panic("lost in the scope", ThreadName::Unnamed, THREAD_ROOT).discarded().carried_on(),
        panic(SCOPE_MESSAGE, MAIN, MAIN_ROOT).linked("scope", 0),
    ])
    .twin("scope-child-joined"),
    Scenario::new(
        "scope-child-joined",
        "A child dies and is joined inside the scope: no second panic",
        "`thread::scope`, child joined",
        scope_child_joined,
    )
    .panics(&[panic("joined in the scope", ThreadName::Unnamed, THREAD_ROOT)
        .dropped_at("scoped::scope_child_joined")])
    .twin("scope-child-unjoined"),
    Scenario::new(
        "scope-caught",
        "The scope's own panic is caught around the scope",
        "`thread::scope`, child not joined",
        scope_caught,
    )
    .panics(&[
        panic("lost in the scope", ThreadName::Unnamed, THREAD_ROOT).discarded().carried_on(),
        panic(SCOPE_MESSAGE, MAIN, USER).dropped_at("scoped::scope_caught").linked("scope", 0),
    ])
    .twin("scope-child-unjoined"),
    Scenario::new(
        "scope-body-panics",
        "The body of the scope panics; its children are waited for, then the panic goes on",
        "`thread::scope`, body panics",
        scope_body_panics,
    )
    .exits(101)
    // `scope` catches the body's panic to wait for the children, then resumes it without a hook call.
    .panics(&[panic("in the body", MAIN, USER).thrown_again(Hops::Exactly(1), MAIN_ROOT)])
    .twin("scope-child-unjoined"),
    #[cfg(feature = "libraries")]
    Scenario::new(
        "crossbeam-scope-child",
        "A child of crossbeam's scope dies; the scope returns the payloads as an error",
        "scoped threads that return their panics",
        crossbeam_scope_child,
    )
    .panics(&[panic("in crossbeam's child", ThreadName::Unnamed, THREAD_ROOT)
        .dropped_at("scoped::crossbeam_scope_child")])
    .twin("scope-child-unjoined"),
    Scenario::new(
        "crossbeam-scope-joined",
        "A child of crossbeam's scope dies and is joined and read inside the scope",
        "scoped threads that return their panics",
        crossbeam_scope_joined,
    )
    .panics(&[panic("joined in crossbeam's scope", ThreadName::Unnamed, THREAD_ROOT)
        .read_at("scoped::crossbeam_scope_joined")])
    .twin("crossbeam-scope-child"),
    Scenario::new(
        "scope-two-children",
        "Two children die unjoined; the scope's panic speaks of either",
        "`thread::scope`, several dead threads",
        scope_two_children,
    )
    .exits(101)
    .panics(&[
        panics(2, Message::Contains("one of two"), ThreadName::Unnamed, THREAD_ROOT)
            .discarded()
            .perhaps_silent(),
        panic(SCOPE_MESSAGE, MAIN, MAIN_ROOT),
    ])
    .twin("scope-child-unjoined"),
    Scenario::new(
        "scope-grandchild",
        "A child of the scope spawns another one in the scope, which dies: the scope speaks of it, too",
        "`thread::scope`, child not joined",
        scope_grandchild,
    )
    .exits(101)
    .panics(&[
        panic("lost further in", ThreadName::Unnamed, THREAD_ROOT).discarded().carried_on(),
        panic(SCOPE_MESSAGE, MAIN, MAIN_ROOT).linked("scope", 0),
    ])
    .twin("scope-child-joined"),
    Scenario::new(
        "scope-beside-detached",
        "A child of the scope dies, and so did a thread whose handle was dropped: which one the scope means \
         cannot be told",
        "`thread::scope`, several dead threads",
        scope_beside_detached,
    )
    .exits(101)
    .panics(&[
        panic("not of the scope", DETACHED, THREAD_ROOT).discarded().doubted(),
        panic("lost in the scope", ThreadName::Unnamed, THREAD_ROOT).discarded().perhaps_silent(),
        panic(SCOPE_MESSAGE, MAIN, MAIN_ROOT),
    ])
    .twin("scope-child-unjoined"),
];

fn scope_child_unjoined() {
    thread::scope(|scope| {
        scope.spawn(|| panic!("lost in the scope"));
    });
}

fn scope_child_joined() {
    let died = thread::scope(|scope| scope.spawn(|| panic!("joined in the scope")).join().is_err());
    println!("died: {died}");
}

fn scope_caught() {
    let caught = catch(scope_child_unjoined);
    println!("caught: {}", caught.is_some());
}

fn scope_body_panics() {
    thread::scope(|scope| {
        scope.spawn(|| println!("the child runs to its end"));
        panic!("in the body");
    });
}

#[cfg(feature = "libraries")]
fn crossbeam_scope_child() {
    let result = crossbeam_utils::thread::scope(|scope| {
        scope.spawn(|_| panic!("in crossbeam's child"));
    });
    println!("the scope failed: {}", result.is_err());
}

fn dies_joined() {
    panic!("joined in crossbeam's scope");
}

fn crossbeam_scope_joined() {
    let result = crossbeam_utils::thread::scope(|scope| {
        let child = scope.spawn(|_| dies_joined());
        if let Err(payload) = child.join() {
            println!("the child said: {:?}", payload.downcast_ref::<&str>());
        }
    });
    println!("the scope failed: {}", result.is_err());
}

fn scope_two_children() {
    thread::scope(|scope| {
        scope.spawn(|| panic!("one of two"));
        scope.spawn(|| panic!("one of two"));
    });
}

fn scope_grandchild() {
    thread::scope(|scope| {
        scope.spawn(|| {
            scope.spawn(|| panic!("lost further in"));
        });
    });
}

fn scope_beside_detached() {
    let handle = thread::Builder::new().name("detached".into()).spawn(|| panic!("not of the scope"));
    let handle = handle.expect("a thread can be started");
    while !handle.is_finished() {
        thread::yield_now();
    }
    drop(handle);
    scope_child_unjoined();
}
