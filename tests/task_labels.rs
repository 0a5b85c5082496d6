//! Labels of tasks against a model, over random interleavings on one, two and four worker threads: a panic carries
//! the labels of its own task and of no other.

use std::collections::BTreeMap;
use std::time::Duration;

use panic_agent::task::FutureExt as _;
use panic_agent::{Agent, catch_silent, label};

const TASKS: u64 = 60;
const STEPS: u64 = 20;

/// xorshift64*.
#[derive(Clone)]
struct Random(u64);

impl Random {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % below
    }
}

/// The labels of the panic that is raised here, by its report.
fn labels_here() -> BTreeMap<String, String> {
    let caught = catch_silent(|| panic!("labels")).unwrap_err();
    let report = caught.report_within(Duration::from_secs(60)).expect("a report");
    let mut labels = report.labels.clone();
    // The label that a task of ours has besides is its own id.
    if let Some(task) = labels.remove("tokio_task") {
        assert_eq!(Some(task), tokio::task::try_id().map(|id| id.to_string()));
    }
    labels
}

fn expect(pairs: &[(&str, u64)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), value.to_string())).collect()
}

/// Yields, looks at its labels, and nests scopes, at random. Returns how often it looked.
async fn task(number: u64, mut random: Random) -> u64 {
    let mut looked = 0;
    for step in 0..STEPS {
        match random.next(6) {
            0 => {
                // A scope within one poll.
                let _inner = label("step", step);
                assert_eq!(labels_here(), expect(&[("task", number), ("step", step)]));
                looked += 1;
            }
            1 => {
                // A scope over several polls, perhaps on several threads.
                let inner = async {
                    tokio::task::yield_now().await;
                    assert_eq!(labels_here(), expect(&[("task", number), ("part", step)]));
                    tokio::task::yield_now().await;
                };
                inner.labelled("part", step).await;
                looked += 1;
            }
            2 => {
                // Another task, which inherits.
                let child = panic_agent::tokio::spawn(async move {
                    tokio::task::yield_now().await;
                    labels_here()
                });
                assert_eq!(child.await.unwrap(), expect(&[("task", number)]));
                looked += 1;
            }
            3 => {
                // A thread for what blocks, which inherits, too.
                let child = panic_agent::tokio::spawn_blocking(labels_here);
                assert_eq!(child.await.unwrap(), expect(&[("task", number)]));
                looked += 1;
            }
            4 => {
                // A task of the runtime's own has no labels, on the same threads.
                let stranger = tokio::spawn(async {
                    tokio::task::yield_now().await;
                    labels_here()
                });
                assert_eq!(stranger.await.unwrap(), BTreeMap::new());
                looked += 1;
            }
            _ => tokio::task::yield_now().await,
        }
        assert!(random.next(8) != 0 || labels_here() == expect(&[("task", number)]));
    }
    looked
}

#[test]
fn no_label_of_another_task_ever_appears() {
    let agent = Agent::builder().sink(panic_agent::sink::MemorySink::new()).install().unwrap();
    for workers in [1, 2, 4] {
        for seed in [3, 11] {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(workers).build().unwrap();
            let looked = runtime.block_on(async {
                // A label of the thread that spawns, which nobody inherits any more.
                let tasks: Vec<_> = (0..TASKS)
                    .map(|number| {
                        let _task = label("task", number);
                        panic_agent::tokio::spawn(task(number, Random(seed * 1000 + number + 1)))
                    })
                    .collect();
                let mut looked = 0;
                for task in tasks {
                    looked += task.await.unwrap();
                }
                looked
            });
            println!("{workers} workers, seed {seed}: {looked} panics with the right labels");
            assert!(looked > TASKS * STEPS / 2);
        }
    }
    drop(agent);
}

#[test]
fn a_guard_that_lives_over_an_await_stays_with_its_task() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let (first, second) = (tokio::sync::Notify::new(), tokio::sync::Notify::new());
        let holder = async {
            let guard = label("held", 1);
            first.notify_one();
            second.notified().await;
            drop(guard);
            own_labels()
        };
        let other = async {
            first.notified().await;
            let seen = own_labels();
            second.notify_one();
            seen
        };
        let (after, seen) = tokio::join!(holder.labelled("task", 1), other.labelled("task", 2));
        assert_eq!(seen, ["task=2"], "the guard of the first task is out of force");
        assert_eq!(after, ["task=1"], "and was dropped where it belongs");
    });
    assert!(own_labels().is_empty());
}

/// Labels in force, without an agent's report.
fn own_labels() -> Vec<String> {
    panic_agent::internals::labels_in_force()
}

#[test]
fn labels_are_in_force_while_a_future_is_dropped_and_gone_after_a_panic() {
    struct Last(std::sync::mpsc::Sender<Vec<String>>);
    impl Drop for Last {
        fn drop(&mut self) {
            let _received = self.0.send(own_labels());
        }
    }
    let (sender, receiver) = std::sync::mpsc::channel();
    let last = Last(sender.clone());
    let future = async move {
        let _last = last;
        std::future::pending::<()>().await;
    };
    drop(future.labelled("task", 1));
    assert_eq!(receiver.recv().unwrap(), ["task=1"]);
    let mut panicking = Box::pin(async { panic!("in the poll") }.labelled("task", 2));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let polled = catch_silent(|| {
        let _ready: std::task::Poll<()> = panicking.as_mut().poll(&mut context);
    });
    assert_eq!(polled.unwrap_err().message(), Some("in the poll"));
    assert!(own_labels().is_empty());
}
