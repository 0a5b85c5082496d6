//! Groups of a thousand tasks with a limit, some of which panic, fail or are cancelled: what comes back is what was
//! put in, on threads and on a runtime.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use panic_agent::sink::MemorySink;
use panic_agent::task::{CancelToken, GroupError, Stop, TaskError, TaskGroup};
use panic_agent::{Agent, catch_silent};

const TASKS: u64 = 1000;
const LIMIT: usize = 8;

/// What a task is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    Succeed,
    Panic,
    Fail,
    Cancel,
}

/// xorshift64*: the same plans for the same seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn plan(&mut self) -> Plan {
        match self.next() % 10 {
            0..=5 => Plan::Succeed,
            6 => Plan::Fail,
            7 | 8 => Plan::Panic,
            _ => Plan::Cancel,
        }
    }
}

/// Carries a plan out; counts what it did where nothing can be lost.
fn carry_out(plan: Plan, number: u64, done: &[AtomicUsize; 4]) -> Result<u64, Stop<String>> {
    done[plan as usize].fetch_add(1, Ordering::Relaxed);
    match plan {
        Plan::Succeed => Ok(number),
        Plan::Panic => panic!("task {number} panics"),
        Plan::Fail => Err(Stop::Failed(format!("task {number} fails"))),
        Plan::Cancel => Err(Stop::Cancelled),
    }
}

/// Every panic has a report of its own, with the message that came back.
fn check_reports(error: &GroupError<u64, String>) {
    let mut ids = BTreeSet::new();
    for caught in error.panics() {
        let report = caught.report_within(Duration::from_secs(60)).expect("a report");
        assert_eq!(report.message.as_deref(), caught.message());
        assert!(ids.insert(report.head.id.to_string()), "one report for each");
    }
}

/// The agent of this process.
fn agent() {
    static AGENT: OnceLock<panic_agent::AgentGuard> = OnceLock::new();
    AGENT.get_or_init(|| {
        // As many reports at once as tasks.
        Agent::builder().sink(MemorySink::new()).slots(2048).install().expect("the first agent")
    });
}

fn check(kind: &str, seed: u64, outcome: Result<Vec<u64>, GroupError<u64, String>>, done: &[AtomicUsize; 4]) {
    let [succeeded, panicked, failed, cancelled] = done.each_ref().map(|count| count.load(Ordering::Relaxed));
    let error = outcome.expect_err("some task fails");
    let mut panics: Vec<_> = error.panics().map(|caught| caught.message().unwrap().to_owned()).collect();
    let failures = error.failures().filter(|failure| matches!(failure, TaskError::Failed(_))).count();
    let not_run = TASKS as usize - succeeded - panicked - failed - cancelled;
    println!(
        "{kind}, seed {seed}: {succeeded} succeeded, {panicked} panicked, {failed} failed, {cancelled} stopped, \
         {not_run} not run"
    );
    assert_eq!(error.completed.len(), succeeded);
    assert_eq!(panics.len(), panicked);
    assert_eq!(failures, failed);
    assert_eq!(error.cancelled, cancelled + not_run);
    check_reports(&error);
    panics.sort();
    panics.dedup();
    assert_eq!(panics.len(), panicked, "each panic once");
    let all = error.completed.len() + 1 + error.others.len() + error.cancelled;
    assert_eq!(all as u64, TASKS, "nothing is lost, nothing is added");
}

/// The first failure keeps the rest from running, so in half of the seeds the failures come last. Groups with an even
/// half of the seed keep going, so that everything runs.
fn plans(seed: u64) -> Vec<Plan> {
    let mut random = Random(seed);
    let mut plans: Vec<_> = (0..TASKS).map(|_| random.plan()).collect();
    if seed.is_multiple_of(2) {
        plans.sort_by_key(|plan| matches!(plan, Plan::Panic | Plan::Fail));
    }
    plans
}

fn keeps_going(seed: u64) -> bool {
    (seed / 2).is_multiple_of(2)
}

/// Where everything runs, the counts are those of the plan itself.
fn check_plan(seed: u64, done: &[AtomicUsize; 4]) {
    let count = |plan| plans(seed).into_iter().filter(|planned| *planned == plan).count();
    let planned = [Plan::Succeed, Plan::Panic, Plan::Fail, Plan::Cancel].map(count);
    assert_eq!(done.each_ref().map(|count| count.load(Ordering::Relaxed)), planned);
    assert!(planned[1] > 100 && planned[2] > 50 && planned[3] > 50, "{planned:?}");
}

#[test]
fn threads_give_back_what_was_put_in() {
    agent();
    for seed in 1..=4 {
        let group = TaskGroup::<u64, String>::new().limit(LIMIT);
        let group = if keeps_going(seed) { group.keep_going() } else { group };
        let done = Arc::new([const { AtomicUsize::new(0) }; 4]);
        let running = Arc::new(AtomicUsize::new(0));
        for (number, plan) in plans(seed).into_iter().enumerate() {
            let (done, running) = (done.clone(), running.clone());
            group.spawn(move |_cancel: &CancelToken| {
                let at_once = running.fetch_add(1, Ordering::SeqCst) + 1;
                assert!(at_once <= LIMIT, "{at_once} tasks at once");
                let result = catch_silent(|| carry_out(plan, number as u64, &done));
                running.fetch_sub(1, Ordering::SeqCst);
                result.unwrap_or_else(|caught| caught.resume())
            });
        }
        check("threads", seed, group.wait(), &done);
        if keeps_going(seed) {
            check_plan(seed, &done);
        }
    }
}

#[test]
fn tasks_give_back_what_was_put_in() {
    agent();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    for seed in 1..=4 {
        let done = Arc::new([const { AtomicUsize::new(0) }; 4]);
        let outcome = runtime.block_on(async {
            let group = panic_agent::tokio::TaskGroup::<u64, String>::new().limit(LIMIT);
            let group = if keeps_going(seed) { group.keep_going() } else { group };
            let running = Arc::new(AtomicUsize::new(0));
            for (number, plan) in plans(seed).into_iter().enumerate() {
                let (done, running) = (done.clone(), running.clone());
                group.spawn(move |_cancel| async move {
                    let at_once = running.fetch_add(1, Ordering::SeqCst) + 1;
                    assert!(at_once <= LIMIT, "{at_once} tasks at once");
                    tokio::task::yield_now().await;
                    let result = catch_silent(|| carry_out(plan, number as u64, &done));
                    running.fetch_sub(1, Ordering::SeqCst);
                    result.unwrap_or_else(|caught| caught.resume())
                });
            }
            group.wait().await
        });
        check("tokio", seed, outcome, &done);
        if keeps_going(seed) {
            check_plan(seed, &done);
        }
    }
}

#[test]
fn a_full_group_gives_the_task_back_and_runs_it_later() {
    let (go, gone) = std::sync::mpsc::channel::<()>();
    let group = TaskGroup::<u32, String>::new().limit(1);
    group.spawn(move |_| {
        let _closed = gone.recv();
        Ok(1)
    });
    let panicking = |_: &CancelToken| -> Result<u32, Stop<String>> { panic!("not swallowed") };
    let panic_agent::task::Full(task) = group.try_spawn(panicking).unwrap_err();
    drop(go);
    group.spawn(task);
    let error = group.wait().unwrap_err();
    assert_eq!(error.completed, [1]);
    assert!(matches!(&error.cause, TaskError::Panicked(caught) if caught.message() == Some("not swallowed")));
}

#[test]
fn time_cancels_and_a_cancelled_group_is_neither_failed_nor_panicked() {
    let group = TaskGroup::<(), String>::new().cancel_after(Duration::from_millis(1));
    group.spawn(|cancel| {
        assert!(cancel.wait_timeout(Duration::from_secs(60)));
        Err(Stop::Cancelled)
    });
    let error = group.wait().unwrap_err();
    assert!(matches!(error.cause, TaskError::Cancelled));
    assert_eq!((error.cancelled, error.others.len()), (1, 0));
}

#[test]
fn a_group_that_is_not_done_in_time_comes_back() {
    let (go, gone) = std::sync::mpsc::channel::<()>();
    let group = TaskGroup::<u32, String>::new();
    group.spawn(move |_| {
        let _closed = gone.recv();
        Ok(7)
    });
    let group = group.wait_timeout(Duration::ZERO).unwrap_err();
    drop(go);
    assert_eq!(group.wait().unwrap(), [7]);
}

#[test]
fn tasks_that_the_runtime_drops_are_cancelled() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let group = runtime.block_on(async {
        let group = panic_agent::tokio::TaskGroup::<(), String>::new().limit(1);
        group.spawn(|_| std::future::pending());
        group.spawn(|_| std::future::pending());
        tokio::task::yield_now().await;
        group
    });
    drop(runtime);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(runtime.block_on(group.wait()).unwrap_err().cancelled, 2);
}
