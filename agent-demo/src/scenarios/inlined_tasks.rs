//! Tasks whose futures an optimised build inlines into tokio's functions; see [`inlined`](super::inlined).

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::task::JoinHandle;

use super::tokio_tasks::{TOKIO_TASK, WORKER, multi_thread};
use super::{USER, panic};
use crate::Scenario;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "inlined-catch-in-task",
        "`catch_unwind` right in an `async` block, which drops the payload",
        "a task with a catch of its own",
        catch_in_task,
    )
    .panics(&[panic("caught in a task", WORKER, USER).dropped_at("inlined_tasks::catch_in_task")])
    .twin("inlined-catch-returned"),
    Scenario::new(
        "inlined-catch-returned",
        "A task returns what it caught, and nobody awaits the task",
        "a task with a catch of its own",
        catch_returned,
    )
    .panics(&[panic("caught for nobody", WORKER, USER).discarded()])
    .twin("inlined-catch-in-task"),
    Scenario::new(
        "inlined-awaited-by-its-like",
        "A task awaits one of its own kind and drops the error in the same function that tokio's catch is in",
        "a task awaits another and ignores the error",
        awaited_by_its_like,
    )
    .panics(&[panic("the first of its kind", WORKER, TOKIO_TASK).dropped_at("inlined_tasks::link")])
    .twin("inlined-dropped-by-its-like"),
    Scenario::new(
        "inlined-dropped-by-its-like",
        "The same, and the handle is dropped after the end of the task",
        "spawn, panic, handle dropped",
        dropped_by_its_like,
    )
    .panics(&[panic("the first of its kind", WORKER, TOKIO_TASK).discarded()])
    .twin("inlined-awaited-by-its-like"),
];

fn catch_in_task() {
    multi_thread().block_on(async {
        let task = tokio::spawn(async {
            let caught = catch_unwind(AssertUnwindSafe(|| panic!("caught in a task")));
            let is_err = caught.is_err();
            drop(caught);
            is_err
        });
        assert!(task.await.unwrap_or_default());
    });
}

fn catch_returned() {
    let runtime = multi_thread();
    let task = runtime.spawn(async { catch_unwind(AssertUnwindSafe(|| panic!("caught for nobody"))).err() });
    while !task.is_finished() {
        std::thread::yield_now();
    }
    drop(task);
}

/// Awaits the one before, or is the first.
async fn link(before: Option<JoinHandle<()>>, awaits: bool) {
    match before {
        None => panic!("the first of its kind"),
        Some(before) if awaits => drop(before.await),
        Some(before) => {
            while !before.is_finished() {
                tokio::task::yield_now().await;
            }
        }
    }
}

fn chain(awaits: bool) {
    multi_thread().block_on(async {
        let first = tokio::spawn(link(None, awaits));
        let second = tokio::spawn(link(Some(first), awaits));
        assert!(second.await.is_ok());
    });
}

fn awaited_by_its_like() {
    chain(true);
}

fn dropped_by_its_like() {
    chain(false);
}
