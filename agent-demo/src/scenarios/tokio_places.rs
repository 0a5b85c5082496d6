//! tokio: the same deaths in its other places, each seen and unseen.

use panic_agent::record::HandlerKind;
use tokio::sync::oneshot;
use tokio::task::{self, JoinSet, LocalSet};

use super::gate::{Gate, OpensOnDrop};
use super::tokio_tasks::{TOKIO_TASK, current_thread, multi_thread};
use super::{MAIN, panic};
use crate::{Outcome, Scenario, ThreadName};

const TOKIO_BLOCKING: &[Outcome] = &[Outcome::caught_by(HandlerKind::TokioBlocking)];
const WORKER: ThreadName = ThreadName::Prefix("tokio-rt-worker");

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "tokio-current-thread-dropped",
        "A task dies on the main thread, and its handle was dropped",
        "spawn, panic, handle dropped",
        dropped_on_current_thread,
    )
    .panics(&[panic("unseen on the thread of main", MAIN, TOKIO_TASK).discarded()])
    .twin("tokio-current-thread"),
    Scenario::new(
        "tokio-local-set-dropped",
        "A task of a `LocalSet` dies whose handle was dropped",
        "spawn, panic, handle dropped",
        dropped_in_local_set,
    )
    .panics(&[panic("unseen in the local set", MAIN, TOKIO_TASK).discarded()])
    .twin("tokio-local-set"),
    Scenario::new(
        "tokio-blocking-read",
        "The `JoinError` of a blocking task is printed",
        "spawn, panic, result read",
        blocking_read,
    )
    .panics(&[
        panic("the blocking task dies seen", WORKER, TOKIO_BLOCKING).read_at("tokio_places::blocking_read")
    ])
    .twin("tokio-blocking-dropped"),
    Scenario::new(
        "tokio-block-in-place",
        "A task dies inside `block_in_place`, and its result is ignored",
        "spawn, panic, result ignored",
        block_in_place,
    )
    .panics(&[panic("in place", WORKER, TOKIO_TASK).dropped_at("tokio_places::block_in_place")])
    .twin("tokio-blocking-read"),
    Scenario::new(
        "tokio-join-set-shutdown",
        "`JoinSet::shutdown` throws away the error of a task that had died",
        "spawn, panic, result dropped by the runtime",
        join_set_shutdown,
    )
    .panics(&[panic("dead before the shutdown", WORKER, TOKIO_TASK).discarded()])
    .twin("tokio-join-next-read"),
];

fn dropped_on_current_thread() {
    current_thread().block_on(async {
        let (sender, receiver) = oneshot::channel::<()>();
        drop(task::spawn(async move {
            let _sender = sender;
            panic!("unseen on the thread of main");
        }));
        println!("the task ended: {}", receiver.await.is_err());
    });
}

fn dropped_in_local_set() {
    LocalSet::new().block_on(&current_thread(), async {
        let (sender, receiver) = oneshot::channel::<()>();
        drop(task::spawn_local(async move {
            let _sender = sender;
            panic!("unseen in the local set");
        }));
        println!("the task ended: {}", receiver.await.is_err());
    });
}

fn dies_seen() {
    panic!("the blocking task dies seen");
}

fn blocking_read() {
    let runtime = multi_thread();
    if let Err(error) = runtime.block_on(runtime.spawn_blocking(dies_seen)) {
        println!("says why: {}", error.to_string().contains("dies seen"));
    }
}

fn block_in_place() {
    let runtime = multi_thread();
    let result = runtime.block_on(runtime.spawn(async { task::block_in_place(|| panic!("in place")) }));
    println!("failed: {}", result.is_err());
}

fn join_set_shutdown() {
    static UNWINDING: Gate = Gate::new();
    let runtime = multi_thread();
    let mut set = JoinSet::new();
    set.spawn_on(
        async {
            let _unwinding = OpensOnDrop(&UNWINDING);
            panic!("dead before the shutdown");
        },
        runtime.handle(),
    );
    UNWINDING.wait();
    runtime.block_on(set.shutdown());
}
