//! tokio: the executor stops every panic of a task, and whoever holds the handle may find out.

use panic_agent::record::HandlerKind;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{self, JoinSet, LocalSet};

use super::gate::{Gate, OpensOnDrop};
use super::{MAIN, MAIN_ROOT, USER, catch, panic};
use crate::{Hops, Outcome, Scenario, ThreadName};

pub(super) const TOKIO_TASK: &[Outcome] = &[Outcome::caught_by(HandlerKind::TokioTask)];
const TOKIO_BLOCKING: &[Outcome] = &[Outcome::caught_by(HandlerKind::TokioBlocking)];
pub(super) const WORKER: ThreadName = ThreadName::Prefix("tokio-rt-worker");

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "tokio-handle-dropped",
        "A task dies whose handle was dropped",
        "spawn, panic, handle dropped",
        handle_dropped,
    )
    .panics(&[panic("the task dies unseen", WORKER, TOKIO_TASK).discarded()])
    .twin("tokio-block-on-panics"),
    Scenario::new(
        "tokio-join-read",
        "The `JoinError` of a dead task is printed",
        "spawn, panic, result read",
        join_read,
    )
    .panics(&[panic("the task dies seen", WORKER, TOKIO_TASK).read_at("tokio_tasks::join_read")])
    .twin("tokio-join-unwrapped"),
    Scenario::new(
        "tokio-join-unwrapped",
        "`task.await.unwrap()` kills main in turn",
        "a second panic hides the first",
        join_unwrapped,
    )
    .exits(101)
    .panics(&[
        panic("the task dies first", WORKER, TOKIO_TASK).read_at("tokio_tasks::join_unwrapped"),
        panic("JoinError::Panic", MAIN, MAIN_ROOT).linked("unwrap", 0),
    ])
    .twin("tokio-join-read"),
    Scenario::new(
        "tokio-current-thread",
        "A task dies on the main thread, which survives",
        "spawn, panic, result ignored",
        on_current_thread,
    )
    .panics(&[panic("on the thread of main", MAIN, TOKIO_TASK).dropped_at("tokio_tasks::on_current_thread")])
    .twin("tokio-block-on-panics"),
    Scenario::new(
        "tokio-block-on-panics",
        "The future of `block_on` itself panics: main dies",
        "a panic outside of any task",
        block_on_panics,
    )
    .exits(101)
    .panics(&[panic("in the main future", MAIN, MAIN_ROOT)])
    .twin("tokio-current-thread"),
    Scenario::new(
        "tokio-spawn-inside-catch",
        "A task that was spawned inside a catch dies elsewhere",
        "the child panics, the parent catches",
        spawn_inside_catch,
    )
    .panics(&[panic("not in the catch", WORKER, TOKIO_TASK).dropped_at("tokio_tasks::spawn_inside_catch")])
    .twin("tokio-catch-in-task"),
    Scenario::new(
        "tokio-catch-in-task",
        "A task catches its own panic",
        "a catch in the program",
        catch_in_task,
    )
    .panics(&[panic("inside the task's catch", WORKER, USER).dropped_at("tokio_tasks::catch_in_task")])
    .twin("tokio-spawn-inside-catch"),
    Scenario::new(
        "tokio-blocking-dropped",
        "A blocking task dies whose handle was dropped",
        "spawn, panic, handle dropped",
        blocking_dropped,
    )
    .panics(&[panic("the blocking task dies", WORKER, TOKIO_BLOCKING).discarded()])
    .twin("tokio-blocking-joined"),
    Scenario::new(
        "tokio-blocking-joined",
        "A blocking task dies and main resumes its panic",
        "a panic moves between threads",
        blocking_joined,
    )
    .exits(101)
    .panics(&[
        panic("the blocking task dies", WORKER, TOKIO_BLOCKING).thrown_again(Hops::Exactly(1), MAIN_ROOT)
    ])
    .twin("tokio-blocking-dropped"),
    Scenario::new(
        "tokio-join-set-dropped",
        "A `JoinSet` is dropped with a dead task inside",
        "spawn, panic, handle dropped",
        join_set_dropped,
    )
    .panics(&[panic("dead in the set", WORKER, TOKIO_TASK).discarded()])
    .twin("tokio-join-all"),
    Scenario::new(
        "tokio-join-all",
        "`JoinSet::join_all` moves the panic to main without a hook call",
        "a panic moves between threads",
        join_all,
    )
    .exits(101)
    .panics(&[panic("one of the set", WORKER, TOKIO_TASK).thrown_again(Hops::Exactly(1), MAIN_ROOT)])
    .twin("tokio-join-set-dropped"),
    Scenario::new(
        "tokio-local-set",
        "A task of a `LocalSet` dies",
        "spawn, panic, result ignored",
        local_set,
    )
    .panics(&[panic("in the local set", MAIN, TOKIO_TASK).dropped_at("tokio_tasks::local_set")])
    .twin("tokio-block-on-panics"),
    Scenario::new(
        "tokio-select-arm",
        "The ready arm of `select!` panics inside a task",
        "a panic in `select!`",
        select_arm,
    )
    .panics(&[panic("in the ready arm", MAIN, TOKIO_TASK).dropped_at("tokio_tasks::select_arm")])
    .twin("tokio-try-recv-arm"),
    Scenario::new(
        "tokio-try-recv-arm",
        "The arm for an empty channel panics outside of any task",
        "a panic in `select!`",
        try_recv_arm,
    )
    .exits(101)
    .panics(&[panic("nothing received: Empty", MAIN, MAIN_ROOT)])
    .twin("tokio-select-arm"),
    Scenario::new(
        "tokio-request",
        "The task of a request dies; its client sees a closed channel",
        "the handler of a request panics",
        request,
    )
    .panics(&[panic("in the handler of a request", WORKER, TOKIO_TASK).discarded()])
    .twin("tokio-join-unwrapped"),
    Scenario::new(
        "tokio-join-next-ignored",
        "`while set.join_next().await.is_some()` throws the errors away",
        "spawn, panic, result ignored",
        join_next_ignored,
    )
    .panics(&[panic("one of the set", WORKER, TOKIO_TASK).dropped_at("tokio_tasks::join_next_ignored")])
    .twin("tokio-join-next-read"),
    Scenario::new(
        "tokio-join-next-read",
        "The errors of `join_next` are printed",
        "spawn, panic, result read",
        join_next_read,
    )
    .panics(&[panic("one of the set", WORKER, TOKIO_TASK).read_at("tokio_tasks::join_next_read")])
    .twin("tokio-join-next-ignored"),
];

pub(super) fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_time().build().expect("a runtime can be built")
}

pub(super) fn multi_thread() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).build().expect("a runtime can be built")
}

fn handle_dropped() {
    static UNWINDING: Gate = Gate::new();
    let runtime = multi_thread();
    drop(runtime.spawn(async {
        let _unwinding = OpensOnDrop(&UNWINDING);
        panic!("the task dies unseen");
    }));
    UNWINDING.wait();
}

async fn dies_seen() {
    panic!("the task dies seen");
}

fn join_read() {
    let runtime = multi_thread();
    let result = runtime.block_on(runtime.spawn(dies_seen()));
    if let Err(error) = result {
        println!("panicked: {}, {}", error.is_panic(), error.to_string().contains("dies seen"));
    }
}

fn join_unwrapped() {
    let runtime = multi_thread();
    runtime.block_on(runtime.spawn(async { panic!("the task dies first") })).unwrap();
}

fn on_current_thread() {
    let result =
        current_thread().block_on(async { task::spawn(async { panic!("on the thread of main") }).await });
    println!("failed: {}", result.is_err());
}

fn block_on_panics() {
    current_thread().block_on(async { panic!("in the main future") });
}

fn spawn_inside_catch() {
    let runtime = multi_thread();
    let caught = catch(|| {
        let _ = runtime.block_on(runtime.spawn(async { panic!("not in the catch") }));
    });
    println!("caught: {}", caught.is_some());
}

fn catch_in_task() {
    let runtime = multi_thread();
    let task = runtime.spawn(async { catch(|| panic!("inside the task's catch")).is_some() });
    println!("caught: {:?}", runtime.block_on(task).ok());
}

fn blocking_dropped() {
    static UNWINDING: Gate = Gate::new();
    let runtime = multi_thread();
    drop(runtime.spawn_blocking(|| {
        let _unwinding = OpensOnDrop(&UNWINDING);
        panic!("the blocking task dies");
    }));
    UNWINDING.wait();
}

fn blocking_dies() {
    panic!("the blocking task dies");
}

fn blocking_joined() {
    let runtime = multi_thread();
    let result = runtime.block_on(runtime.spawn_blocking(blocking_dies));
    if let Err(error) = result {
        std::panic::resume_unwind(error.into_panic());
    }
}

fn join_set_dropped() {
    static UNWINDING: Gate = Gate::new();
    let runtime = multi_thread();
    let mut set = JoinSet::new();
    set.spawn_on(
        async {
            let _unwinding = OpensOnDrop(&UNWINDING);
            panic!("dead in the set");
        },
        runtime.handle(),
    );
    UNWINDING.wait();
}

fn join_all() {
    let runtime = multi_thread();
    let mut set = JoinSet::new();
    set.spawn_on(async { panic!("one of the set") }, runtime.handle());
    runtime.block_on(set.join_all());
}

fn local_set() {
    let set = LocalSet::new();
    let result = set
        .block_on(&current_thread(), async { task::spawn_local(async { panic!("in the local set") }).await });
    println!("failed: {}", result.is_err());
}

fn select_arm() {
    let result = current_thread().block_on(async {
        task::spawn(async {
            tokio::select! {
                () = std::future::ready(()) => panic!("in the ready arm"),
                () = std::future::pending() => println!("never"),
            }
        })
        .await
    });
    println!("failed: {}", result.is_err());
}

fn try_recv_arm() {
    let (_sender, mut receiver) = mpsc::channel::<u32>(1);
    current_thread().block_on(async {
        match receiver.try_recv() {
            Ok(value) => println!("{value}"),
            Err(error) => panic!("nothing received: {error:?}"),
        }
    });
}

fn request() {
    let runtime = multi_thread();
    let (respond, response) = oneshot::channel::<&str>();
    drop(runtime.spawn(async move {
        let _respond = respond;
        panic!("in the handler of a request");
    }));
    println!("the client got {:?}", runtime.block_on(response).ok());
}

fn set_with_dead_task(runtime: &Runtime) -> JoinSet<()> {
    let mut set = JoinSet::new();
    set.spawn_on(async { panic!("one of the set") }, runtime.handle());
    set
}

fn join_next_ignored() {
    let runtime = multi_thread();
    let mut set = set_with_dead_task(&runtime);
    runtime.block_on(async { while set.join_next().await.is_some() {} });
}

fn join_next_read() {
    let runtime = multi_thread();
    let mut set = set_with_dead_task(&runtime);
    runtime.block_on(async {
        while let Some(result) = set.join_next().await {
            println!("says why: {:?}", result.map_err(|error| error.to_string().contains("one of the set")));
        }
    });
}
