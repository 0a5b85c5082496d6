//! futures: a catch around each poll.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use panic_agent::record::HandlerKind;

use super::tokio_tasks::{TOKIO_TASK, current_thread};
use super::{MAIN, MAIN_ROOT, panic};
use crate::{Outcome, Scenario};

const FUTURES: &[Outcome] = &[Outcome::caught_by(HandlerKind::Futures)];

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "futures-catch",
        "`FutureExt::catch_unwind` stops the panic of a future",
        "a catch around each poll",
        futures_catch,
    )
    .panics(&[panic("in the poll", MAIN, FUTURES).dropped_at("futures::futures_catch")])
    .twin("futures-catch-missed"),
    Scenario::new(
        "futures-catch-missed",
        "The panic comes after the future that is caught",
        "a catch that does not enclose the panic",
        futures_catch_missed,
    )
    .exits(101)
    .panics(&[panic("after the caught future", MAIN, MAIN_ROOT)])
    .twin("futures-catch"),
    Scenario::new(
        "futures-catch-in-task",
        "Inside a task the catch of futures comes before tokio's",
        "a catch around each poll",
        futures_catch_in_task,
    )
    .panics(&[panic("in the poll of a task", MAIN, FUTURES).dropped_at("futures::futures_catch_in_task")])
    .twin("futures-task"),
    Scenario::new(
        "futures-task",
        "The same task without the catch",
        "spawn, panic, result ignored",
        futures_task,
    )
    .panics(&[panic("in the poll of a task", MAIN, TOKIO_TASK).dropped_at("futures::futures_task")])
    .twin("futures-catch-in-task"),
];

fn futures_catch() {
    let result =
        current_thread().block_on(AssertUnwindSafe(async { panic!("in the poll") as () }).catch_unwind());
    println!("caught: {}", result.is_err());
}

fn futures_catch_missed() {
    current_thread().block_on(async {
        let result = AssertUnwindSafe(async { 1 }).catch_unwind().await;
        panic!("after the caught future, which returned {:?}", result.ok());
    });
}

async fn poll_of_a_task() {
    panic!("in the poll of a task");
}

fn futures_catch_in_task() {
    let result = current_thread()
        .block_on(async { tokio::spawn(AssertUnwindSafe(poll_of_a_task()).catch_unwind()).await });
    println!("caught: {:?}", result.map(|caught| caught.is_err()).ok());
}

fn futures_task() {
    let result = current_thread().block_on(async { tokio::spawn(poll_of_a_task()).await });
    println!("failed: {}", result.is_err());
}
