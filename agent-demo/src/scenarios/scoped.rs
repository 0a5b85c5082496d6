//! Scoped threads: the scope observes its children, and says so with a panic of its own.

use std::thread;

use super::{MAIN, MAIN_ROOT, THREAD_ROOT, USER, catch, panic};
use crate::{Scenario, ThreadName};

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
        panic("lost in the scope", ThreadName::Unnamed, THREAD_ROOT),
        panic(SCOPE_MESSAGE, MAIN, MAIN_ROOT),
    ])
    .twin("scope-child-joined"),
    Scenario::new(
        "scope-child-joined",
        "A child dies and is joined inside the scope: no second panic",
        "`thread::scope`, child joined",
        scope_child_joined,
    )
    .panics(&[panic("joined in the scope", ThreadName::Unnamed, THREAD_ROOT)])
    .twin("scope-child-unjoined"),
    Scenario::new(
        "scope-caught",
        "The scope's own panic is caught around the scope",
        "`thread::scope`, child not joined",
        scope_caught,
    )
    .panics(&[panic("lost in the scope", ThreadName::Unnamed, THREAD_ROOT), panic(SCOPE_MESSAGE, MAIN, USER)])
    .twin("scope-child-unjoined"),
    Scenario::new(
        "scope-body-panics",
        "The body of the scope panics; its children are waited for, then the panic goes on",
        "`thread::scope`, body panics",
        scope_body_panics,
    )
    .exits(101)
    // `scope` catches the body's panic to wait for the children, then resumes it without a hook call.
    .panics(&[panic("in the body", MAIN, USER)])
    .twin("scope-child-unjoined"),
    #[cfg(feature = "libraries")]
    Scenario::new(
        "crossbeam-scope-child",
        "A child of crossbeam's scope dies; the scope returns the payloads as an error",
        "scoped threads that return their panics",
        crossbeam_scope_child,
    )
    .panics(&[panic("in crossbeam's child", ThreadName::Unnamed, THREAD_ROOT)])
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
