//! Programs that use the wrappers; the verdicts, with probes and without.

use std::cell::RefCell;
use std::sync::mpsc;
use std::time::Duration;

use panic_agent::task::{Stop, TaskGroup};
use panic_agent::thread::{Builder, Policy};
use panic_agent::{catch, catch_silent, ffi, init, label, spawn};
use serde_json::{Value, json};

use crate::Case;
use crate::outcome::Outcome;

pub(crate) const WITHOUT_PROBES: (&str, &str) = ("PANIC_AGENT_PROBES", "off");
pub(crate) const WITHOUT_NAMES: (&str, &str) = ("PANIC_AGENT_SYMBOLS", "off");

/// The same program in every setting that could know less: with everything, without probes, without names.
macro_rules! everywhere {
    ($($name:literal: $program:expr, $check:expr;)+) => {
        &[$(
            $crate::Case { name: $name, environment: &[], program: $program, check: $check },
            $crate::Case {
                name: concat!($name, "_without_probes"),
                environment: &[$crate::wrappers::WITHOUT_PROBES],
                program: $program,
                check: $check,
            },
            $crate::Case {
                name: concat!($name, "_without_names"),
                environment: &[$crate::wrappers::WITHOUT_NAMES],
                program: $program,
                check: $check,
            },
            $crate::Case {
                name: concat!($name, "_without_either"),
                environment: &[$crate::wrappers::WITHOUT_PROBES, $crate::wrappers::WITHOUT_NAMES],
                program: $program,
                check: $check,
            },
        )+]
    };
}
pub(crate) use everywhere;

/// The last word on the panic with this message.
fn verdict(run: &Outcome, message: &str) -> Value {
    let lines = run.lines();
    let word =
        |line: &&Value| line["message"] == message && (line["kind"] == "panic" || line["kind"] == "verdict");
    let last = lines.all().iter().rfind(word);
    last.cloned().unwrap_or_else(|| panic!("no panic {message:?}: {:#?}", lines.all()))
}

/// Fate, handler, receipt, `silent`, `swallowed`, basis of the last word.
#[track_caller]
pub(crate) fn is(run: &Outcome, message: &str, expected: Value) {
    let line = verdict(run, message);
    let found = json!([
        line["fate"],
        line["landing"]["kind"],
        line["receipt"],
        line["silent"],
        line["swallowed"],
        line["basis"]
    ]);
    assert_eq!(found, expected, "{message}: {line:#}");
}

pub(crate) const CASES: &[Case] = everywhere! {
    "a_caught_panic_that_is_dropped_is_swallowed_and_one_that_is_looked_at_is_read":
    || {
        let _agent = init();
        drop(catch(|| panic!("dropped")));
        let caught = catch(|| panic!("read")).unwrap_err();
        assert_eq!(caught.message(), Some("read"));
        let report = caught.report_within(crate::tools::LONG).expect("a report");
        assert_eq!(Some(report.head.id), caught.id());
        assert_eq!(caught.location().unwrap().file, file!());
        let other = catch(|| std::panic::panic_any(17_u32)).unwrap_err();
        assert_eq!(other.downcast::<u32>().unwrap(), 17);
    },
    |run| {
        run.ended_with(0);
        is(run, "dropped", json!(["caught", "user", "received", false, true, "confirmed"]));
        is(run, "read", json!(["caught", "user", "read", false, false, "confirmed"]));
        let landing = &verdict(run, "dropped")["landing"];
        assert_eq!(landing["file"], "tests/agent/wrappers.rs");
        assert!(landing["line"].as_u64() > Some(60));
        let lines = run.lines();
        let mut of_panics = lines.all().iter().filter(|line| line["kind"] == "panic" || line["kind"] == "verdict");
        let any = of_panics.rfind(|line| line["message"] == Value::Null).expect("a line");
        assert_eq!(any["receipt"], "read");
        assert_eq!(lines.of("finding"), Vec::<&Value>::new());
    };

    "threads_of_ours_die_like_others_and_say_whether_they_were_joined":
    || {
        let _agent = init();
        let _request = label("request", 17);
        drop(spawn(|| panic!("joined and ignored")).join());
        assert!(spawn(|| panic!("joined and read")).join().unwrap_err().message().is_some());
        thread_local! {
            // Dropped when the thread is past its root; a local would be while the panic is still unwinding.
            static ALIVE: RefCell<Option<mpsc::Sender<()>>> = const { RefCell::new(None) };
        }
        let (alive, ended) = mpsc::channel::<()>();
        let lost = Builder::new().name("lost").label("queue", "images").spawn(move || {
            ALIVE.set(Some(alive));
            panic!("never joined")
        });
        drop(lost.map(|lost: panic_agent::thread::JoinHandle<()>| lost));
        ended.recv().expect_err("nothing is sent");
    },
    |run| {
        run.ended_with(0);
        is(run, "joined and ignored", json!(["thread_died", "thread_root", "received", false, true, "confirmed"]));
        is(run, "joined and read", json!(["thread_died", "thread_root", "read", false, false, "confirmed"]));
        let lines = run.lines();
        let lost = lines.of("panic").into_iter().find(|line| line["message"] == "never joined").expect("a line");
        assert_eq!(lost["labels"], json!({ "request": "17", "queue": "images" }));
        assert_eq!(lost["thread"], "lost");
        let last = verdict(run, "never joined");
        // What nobody joins is dropped by the thread itself, which may be later than its last word here.
        assert!(["discarded", "pending"].contains(&last["receipt"].as_str().expect("a word")), "{last:#}");
        assert_eq!((&last["fate"], &last["silent"]), (&json!("thread_died"), &json!(true)), "{last:#}");
    };

    "the_border_to_c_is_a_catch":
    || {
        let _agent = init();
        assert_eq!(ffi::catch(|| panic!("at the border"), |caught| i32::from(caught.message().is_some())), 1);
        assert_eq!(ffi::catch(|| panic!("unread"), |_caught| -1), -1);
    },
    |run| {
        run.ended_with(0);
        is(run, "at the border", json!(["caught", "ffi", "read", false, false, "confirmed"]));
        is(run, "unread", json!(["caught", "ffi", "received", false, true, "confirmed"]));
    };

    "a_resumed_panic_is_one_panic":
    || {
        let _agent = init();
        let outer = catch(|| -> () { catch(|| panic!("goes on")).unwrap_err().resume() }).unwrap_err();
        assert_eq!(outer.message(), Some("goes on"));
        assert!(outer.report_within(crate::tools::LONG).is_ok());
        let elsewhere = std::thread::spawn(move || catch(|| -> () { outer.resume() }).unwrap_err().id());
        assert!(elsewhere.join().expect("it is caught").is_some());
    },
    |run| {
        run.ended_with(0);
        assert_eq!(run.lines().messages(), ["goes on"]);
        is(run, "goes on", json!(["caught", "user", "read", false, false, "confirmed"]));
    };

    "a_worker_is_started_again_until_it_gives_up":
    || {
        let _agent = init();
        let mut attempts = 0;
        let policy = Policy::Restart { max: 2, backoff: Duration::from_millis(1) };
        let worker = Builder::new().name("worker").on_panic(policy).spawn_worker(move || -> () {
            attempts += 1;
            panic!("attempt {attempts}")
        });
        let caught = worker.expect("a thread").join().unwrap_err();
        assert_eq!(caught.message(), Some("attempt 3"));
        assert_eq!(caught.also().len(), 2);
    },
    |run| {
        run.ended_with(0);
        assert_eq!(run.lines().messages(), ["attempt 1", "attempt 2", "attempt 3"]);
        is(run, "attempt 3", json!(["runtime_caught", "supervisor", "read", false, false, "confirmed"]));
        let lines = run.lines();
        let finding = lines.only("finding");
        assert_eq!(finding["code"], "worker_gave_up");
        assert!(finding["message"].as_str().expect("a text").contains("`worker` panicked 3 times"));
    };

    "a_group_that_is_dropped_is_a_finding_and_its_panics_are_discarded":
    || {
        let _agent = init();
        let group = TaskGroup::<(), ()>::new();
        group.spawn(|_| panic!("in the group"));
        while group.running() > 0 {
            std::thread::yield_now();
        }
        drop(group);
        let group = TaskGroup::<(), ()>::new();
        group.spawn(|_| panic!("waited for"));
        group.spawn(|cancel| {
            while !cancel.wait_timeout(Duration::from_secs(1)) {}
            Err(Stop::Cancelled)
        });
        let error = group.wait().unwrap_err();
        assert_eq!(error.panics().next().and_then(|caught| caught.message()), Some("waited for"));
    },
    |run| {
        run.ended_with(0);
        is(run, "in the group", json!(["runtime_caught", "task_group", "discarded", true, false, "confirmed"]));
        is(run, "waited for", json!(["runtime_caught", "task_group", "read", false, false, "confirmed"]));
        let lines = run.lines();
        let finding = lines.only("finding");
        assert_eq!(finding["code"], "group_dropped");
        assert!(finding["message"].as_str().expect("a text").contains("how 1 of its tasks"));
    };

    "a_catch_inside_a_destructor_does_not_take_the_outer_panic_for_its_own":
    || {
        struct Inner;
        impl Drop for Inner {
            fn drop(&mut self) {
                let _std = std::panic::catch_unwind(|| panic!("same"));
                assert_eq!(catch(|| panic!("inner")).unwrap_err().message(), Some("inner"));
            }
        }
        let _agent = init();
        let outer = catch(|| {
            let _inner = Inner;
            panic!("outer")
        });
        let outer = outer.map(|(): ()| ()).unwrap_err();
        let report = outer.report_within(crate::tools::LONG).expect("a report");
        assert_eq!(report.message.as_deref(), Some("outer"));
    },
    |run| {
        run.ended_with(0);
        is(run, "outer", json!(["caught", "user", "read", false, false, "confirmed"]));
        is(run, "inner", json!(["caught", "user", "read", false, false, "confirmed"]));
    };
};

pub(crate) const OTHERS: &[Case] = &[
    Case {
        name: "only_a_silent_catch_leaves_nothing_on_the_console",
        environment: &[],
        program: || {
            let _agent = init();
            drop(catch_silent(|| panic!("quiet")));
            drop(catch(|| panic!("loud")));
        },
        check: |run| {
            run.ended_with(0);
            assert!(!run.stderr.contains("quiet") && run.stderr.contains("loud"), "{}", run.stderr);
            assert_eq!(run.lines().messages(), ["quiet", "loud"]);
        },
    },
    Case {
        name: "without_an_agent_a_catch_has_message_place_and_id_and_the_console_is_the_same",
        environment: &[],
        program: || {
            let caught = catch(|| panic!("message {}", 1)).unwrap_err();
            assert_eq!(caught.message(), Some("message 1"));
            assert_eq!(caught.location().unwrap().file, file!());
            assert_eq!(caught.report().unwrap_err(), panic_agent::record::NoReport::NoAgent);
            let second = catch_silent(|| panic!("quiet")).unwrap_err();
            assert_ne!(caught.id().unwrap(), second.id().unwrap());
        },
        check: |run| {
            run.ended_with(0);
            assert!(!run.has("panics.jsonl"));
            assert!(run.stderr.contains("message 1") && !run.stderr.contains("quiet"), "{}", run.stderr);
        },
    },
    Case {
        name: "an_agent_that_comes_after_the_first_catch_takes_over",
        environment: &[],
        program: || {
            let early = catch_silent(|| panic!("early")).unwrap_err();
            let _agent = init();
            let caught = catch(|| panic!("reported")).unwrap_err();
            assert_eq!(
                caught.report_within(crate::tools::LONG).expect("a report").head.id,
                caught.id().unwrap()
            );
            assert_ne!(early.id().unwrap().instance(), caught.id().unwrap().instance());
        },
        check: |run| {
            run.ended_with(0);
            assert_eq!(run.lines().messages(), ["reported"]);
            assert_eq!(run.stderr.matches("reported").count(), 1, "{}", run.stderr);
        },
    },
    Case {
        name: "a_policy_changes_the_status_of_a_process_that_ends_well",
        environment: &[],
        program: || {
            let _agent = init();
            let policy = Policy::ExitCode(41);
            let dying = Builder::new().on_panic(policy).spawn(|| panic!("remembered")).expect("a thread");
            drop(dying.join());
            print!("and no newline");
        },
        check: |run| {
            run.ended_with(41);
            assert_eq!(run.lines().totals(), (1, 1, 0), "everything is written");
            assert_eq!(run.stdout, "and no newline");
        },
    },
    Case {
        name: "a_policy_leaves_a_status_alone_that_says_something_already",
        environment: &[],
        program: || {
            let _agent = init();
            let policy = Policy::ExitCode(41);
            drop(Builder::new().on_panic(policy).spawn(|| panic!("remembered")).expect("a thread").join());
            panic!("main dies of something else");
        },
        check: |run| run.ended_with(101),
    },
    Case {
        name: "a_policy_ends_the_process_after_the_report_is_written",
        environment: &[],
        program: || {
            let _agent = init();
            let policy = Policy::Abort;
            let dying =
                Builder::new().name("vital").on_panic(policy).spawn(|| panic!("the end")).expect("a thread");
            drop(dying.join());
            unreachable!("the process is gone");
        },
        check: |run| {
            use std::os::unix::process::ExitStatusExt as _;
            assert_eq!(run.status.signal(), Some(6), "{}", run.stderr);
            assert_eq!(run.lines().messages(), ["the end"]);
            assert!(run.complaints()[0].contains("`vital` panicked"), "{}", run.stderr);
        },
    },
    Case {
        name: "a_policy_warns_on_the_console",
        environment: &[],
        program: || {
            drop(
                Builder::new()
                    .name("vital")
                    .on_panic(Policy::Warn)
                    .spawn(|| panic!("text"))
                    .expect("a thread")
                    .join(),
            );
        },
        check: |run| {
            run.ended_with(0);
            assert_eq!(run.complaints(), ["thread `vital` panicked and ends: text"]);
        },
    },
];
