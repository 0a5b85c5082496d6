//! Cancelled is not panicked: tasks and futures that are given up, and the ones that panic on the way.

use std::future::pending;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task;
use tokio::time::timeout;

use super::gate::{Gate, OpensOnDrop};
use super::tokio_tasks::{TOKIO_TASK, current_thread};
use super::{Bomb, MAIN, MAIN_ROOT, panic};
use crate::{Scenario, ThreadName};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "tokio-abort",
        "A task is aborted: no panic, and `JoinError` says cancelled",
        "cancelled, not panicked",
        abort,
    )
    .twin("tokio-abort-drop-panics"),
    Scenario::new(
        "tokio-abort-drop-panics",
        "A task is aborted and a destructor panics while its future is dropped",
        "cancelled and panicked",
        abort_drop_panics,
    )
    .panics(&[panic("dropped by the abort", MAIN, TOKIO_TASK).dropped_at("tokio_cancel::abort_drop_panics")])
    .twin("tokio-abort"),
    Scenario::new(
        "tokio-timeout",
        "A future is given up after its time: no panic",
        "cancelled, not panicked",
        elapsed,
    )
    .twin("tokio-timeout-drop-panics"),
    Scenario::new(
        "tokio-timeout-drop-panics",
        "A destructor panics while the future that timed out is dropped",
        "cancelled and panicked",
        elapsed_drop_panics,
    )
    .exits(101)
    .panics(&[panic("dropped by the timeout", MAIN, MAIN_ROOT)])
    .twin("tokio-timeout"),
    Scenario::new(
        "tokio-late-panic",
        "The timeout drops the handle, the client is answered, and then the task dies",
        "a panic after the client left",
        late_panic,
    )
    .panics(&[panic("too late for anybody", ThreadName::Prefix("tokio-rt-worker"), TOKIO_TASK).discarded()])
    .twin("tokio-timeout"),
];

fn abort() {
    let result = current_thread().block_on(async {
        let task = task::spawn(pending::<()>());
        task::yield_now().await;
        task.abort();
        task.await
    });
    println!("cancelled: {:?}", result.map_err(|error| error.is_cancelled()));
}

fn abort_drop_panics() {
    let result = current_thread().block_on(async {
        let task = task::spawn(async {
            let _bomb = Bomb("dropped by the abort");
            pending::<()>().await;
        });
        task::yield_now().await;
        task.abort();
        task.await
    });
    println!("panicked: {:?}", result.map_err(|error| error.is_panic()));
}

fn elapsed() {
    let result = current_thread().block_on(async { timeout(Duration::ZERO, pending::<()>()).await });
    println!("elapsed: {}", result.is_err());
}

fn elapsed_drop_panics() {
    let result = current_thread().block_on(async {
        let future = async {
            let _bomb = Bomb("dropped by the timeout");
            pending::<()>().await;
        };
        timeout(Duration::ZERO, future).await
    });
    println!("elapsed: {}", result.is_err());
}

fn late_panic() {
    static UNWINDING: Gate = Gate::new();
    let (answered, was_answered) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build()
        .expect("a runtime can be built");
    let request = runtime.spawn(async {
        let _unwinding = OpensOnDrop(&UNWINDING);
        let _ = was_answered.await;
        panic!("too late for anybody");
    });
    let answer = runtime.block_on(async { timeout(Duration::ZERO, request).await });
    println!("answered with an error: {}", answer.is_err());
    println!("told: {}", answered.send(()).is_ok());
    UNWINDING.wait();
}
