//! Programs with tasks of tokio; the verdicts, with probes and without.

use std::rc::Rc;

use panic_agent::tokio::{JoinError, JoinHandle, JoinSet, spawn, spawn_blocking, spawn_local};
use panic_agent::{init, label};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tokio::task::{LocalSet, yield_now};

use crate::Case;
use crate::outcome::Outcome;
use crate::wrappers::{WITHOUT_PROBES, everywhere, is};

fn runtime() -> Runtime {
    Builder::new_current_thread().build().expect("a runtime")
}

/// Waits without asking what became of it.
async fn ended<T>(handle: &JoinHandle<T>) {
    while !handle.is_finished() {
        yield_now().await;
    }
}

/// Panics when it is dropped.
struct Last(&'static str);

impl Drop for Last {
    fn drop(&mut self) {
        panic!("{}", self.0);
    }
}

/// Never ends, and panics when it is given up.
async fn until_dropped(message: &'static str) {
    let _last = Last(message);
    std::future::pending().await
}

pub(crate) const CASES: &[Case] = everywhere! {
    "a_handle_knows_whether_its_task_was_awaited_and_read":
    || {
        let _agent = init();
        runtime().block_on(async {
            let read = spawn(async { panic!("awaited and read") }).await.map(|(): ()| ()).unwrap_err();
            assert!(read.to_string().ends_with(": awaited and read"));
            drop(spawn(async { panic!("awaited and ignored") }).await.map(|(): ()| ()));
            let (alive, over) = tokio::sync::oneshot::channel::<()>();
            drop(spawn(async move {
                let _alive = alive;
                panic!("dropped before")
            }).abort_handle());
            over.await.expect_err("nothing is sent");
            let late = spawn(async { panic!("dropped after") });
            ended::<()>(&late).await;
            drop(late);
        });
    },
    |run| {
        run.ended_with(0);
        let task = |message, receipt, silent, swallowed| {
            is(run, message, json!(["runtime_caught", "tokio_task", receipt, silent, swallowed, "confirmed"]));
        };
        task("awaited and read", "read", false, false);
        task("awaited and ignored", "received", false, true);
        task("dropped before", "discarded", true, false);
        task("dropped after", "discarded", true, false);
    };

    "a_cancelled_task_is_no_panic_unless_its_destructor_panics":
    || {
        let _agent = init();
        runtime().block_on(async {
            let quiet = spawn(std::future::pending::<()>());
            quiet.abort();
            assert!(matches!(quiet.await, Err(JoinError::Cancelled(_))));
            let loud = spawn(until_dropped("cancelled"));
            yield_now().await;
            loud.abort();
            let Err(JoinError::Panicked(caught)) = loud.await else { panic!("it is a panic") };
            assert_eq!(caught.message(), Some("cancelled"));
        });
    },
    |run| {
        run.ended_with(0);
        assert_eq!(run.lines().messages(), ["cancelled"]);
        is(run, "cancelled", json!(["runtime_caught", "tokio_task", "read", false, false, "confirmed"]));
    };

    "a_function_that_blocks_is_a_task_like_others":
    || {
        let _agent = init();
        runtime().block_on(async {
            let _request = label("request", 17);
            let read = spawn_blocking(|| panic!("blocking, read")).await.map(|(): ()| ()).unwrap_err();
            assert!(read.to_string().ends_with(": blocking, read"));
            drop(spawn_blocking(|| panic!("blocking, ignored")).await.map(|(): ()| ()));
            let late = spawn_blocking(|| panic!("blocking, dropped"));
            ended::<()>(&late).await;
            drop(late);
        });
    },
    |run| {
        run.ended_with(0);
        let task = |message, receipt, silent, swallowed| {
            is(run, message, json!(["runtime_caught", "tokio_blocking", receipt, silent, swallowed, "confirmed"]));
        };
        task("blocking, read", "read", false, false);
        task("blocking, ignored", "received", false, true);
        task("blocking, dropped", "discarded", true, false);
        for panic in run.lines().of("panic") {
            assert_eq!(panic["labels"]["request"], "17", "{panic:#}");
            assert_ne!(panic["labels"]["tokio_task"], Value::Null, "{panic:#}");
        }
    };

    "a_set_keeps_every_panic_until_it_is_asked_for":
    || {
        let _agent = init();
        runtime().block_on(async {
            let mut set = JoinSet::new();
            set.spawn(async { panic!("in the set, read") });
            let next = set.join_next().await.expect("a task").map(|(): ()| ()).unwrap_err();
            assert!(next.to_string().ends_with("read"));
            assert!(set.try_join_next().is_none() && set.is_empty());

            set.spawn_blocking(|| panic!("in the set, ignored"));
            assert_eq!(set.join_all().await.len(), 1);

            let mut set = JoinSet::new();
            set.spawn(async { panic!("in the set, dropped") });
            yield_now().await;
            drop(set);

            let mut set = JoinSet::new();
            set.spawn(until_dropped("in the set, shut down"));
            yield_now().await;
            set.shutdown().await;
            assert!(set.is_empty());

            let (alive, over) = tokio::sync::oneshot::channel::<()>();
            set.spawn(async move {
                let _alive = alive;
                panic!("let go")
            });
            set.detach_all();
            assert!(set.is_empty());
            over.await.expect_err("nothing is sent");

            set.spawn(until_dropped("in the set, cancelled"));
            yield_now().await;
            set.abort_all();
            let Some(Err(JoinError::Panicked(caught))) = set.join_next().await else { panic!("it is a panic") };
            assert_eq!(caught.message(), Some("in the set, cancelled"));
        });
    },
    |run| {
        run.ended_with(0);
        let task = |message, handler, receipt, silent, swallowed| {
            is(run, message, json!(["runtime_caught", handler, receipt, silent, swallowed, "confirmed"]));
        };
        task("in the set, read", "tokio_task", "read", false, false);
        task("in the set, ignored", "tokio_blocking", "received", false, true);
        task("in the set, dropped", "tokio_task", "discarded", true, false);
        task("in the set, shut down", "tokio_task", "discarded", true, false);
        task("let go", "tokio_task", "discarded", true, false);
        task("in the set, cancelled", "tokio_task", "read", false, false);
    };

    "tasks_of_a_local_set_have_labels_and_errors_like_others":
    || {
        let _agent = init();
        let runtime = runtime();
        let local = LocalSet::new();
        local.block_on(&runtime, async {
            let not_send = Rc::new(());
            let read = {
                let _first = label("task", 1);
                spawn_local(async move {
                    let _kept = not_send;
                    yield_now().await;
                    panic!("local, read")
                })
            };
            let _second = label("task", 2);
            let mut set = JoinSet::new();
            set.spawn_local(async { panic!("local, ignored") });
            drop(set.join_next().await.expect("a task").map(|(): ()| ()));
            assert!(read.await.map(|(): ()| ()).unwrap_err().to_string().ends_with(": local, read"));
            drop(spawn_local(until_dropped("local, given up")).abort_handle());
            yield_now().await;
        });
        drop(local);
    },
    |run| {
        run.ended_with(0);
        let task = |message, receipt, silent, swallowed, number: &str| {
            is(run, message, json!(["runtime_caught", "tokio_task", receipt, silent, swallowed, "confirmed"]));
            let lines = run.lines();
            let panic = lines.of("panic").into_iter().find(|line| line["message"] == message).expect("a line");
            assert_eq!(panic["labels"]["task"], number, "{panic:#}");
        };
        task("local, read", "read", false, false, "1");
        task("local, ignored", "received", false, true, "2");
        task("local, given up", "discarded", true, false, "2");
    };
};

/// Ends with a handle that nobody has awaited or dropped.
fn keeps_a_handle() {
    let _agent = init();
    runtime().block_on(async {
        let kept = spawn(async { panic!("kept to the end") });
        ended::<()>(&kept).await;
        std::mem::forget(kept);
    });
}

fn kept(run: &Outcome, receipt: &str, silent: Value, swallowed: Value) {
    run.ended_with(0);
    let expected = json!(["runtime_caught", "tokio_task", receipt, silent, swallowed, "confirmed"]);
    is(run, "kept to the end", expected);
}

pub(crate) const KEPT: &[Case] = &[
    Case {
        name: "a_task_whose_handle_is_kept_to_the_end_is_pending",
        environment: &[],
        program: keeps_a_handle,
        check: |run| kept(run, "pending", json!(true), json!(false)),
    },
    Case {
        // Nobody sees whether the payload is still there.
        name: "a_task_whose_handle_is_kept_to_the_end_is_unknown_without_probes",
        environment: &[WITHOUT_PROBES],
        program: keeps_a_handle,
        check: |run| kept(run, "unknown", Value::Null, Value::Null),
    },
];
