//! Programs that react to what becomes of their panics, each with a twin that has no reason to.

use std::os::unix::process::ExitStatusExt as _;
use std::panic::catch_unwind;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use panic_agent::act::{Action, Event, Reaction};
use panic_agent::{Agent, AgentBuilder, Console, flush, stats};

use crate::Case;
use crate::outcome::Outcome;
use crate::tools::{LONG, caught, on_a_thread};

fn agent() -> AgentBuilder {
    Agent::builder().console(Console::Off)
}

/// A thread dies, and its handle is gone: nobody can ever see the error.
fn dies_unseen() {
    let (go, gone) = mpsc::channel::<()>();
    let body = move || {
        let _handle_is_gone = gone.recv();
        panic!("nobody knows");
    };
    drop(thread::Builder::new().name("index-1".to_owned()).spawn(body).expect("a thread"));
    drop(go);
}

/// A service that waits for requests that never come; it fails when nothing ends it.
fn serve() -> ! {
    let (_clients, requests) = mpsc::channel::<()>();
    let _none = requests.recv_timeout(LONG);
    std::process::exit(1)
}

/// The same for a program that nothing ends: all that was raised is written, and it is alive.
fn goes_on() {
    assert!(flush(LONG));
}

/// The finding of a reaction that ended the process: it is of the only panic, and so is the end line.
#[track_caller]
fn ended_by(run: &Outcome, event: &str, action: &str) {
    let lines = run.lines();
    let panic = &lines.only("panic")["id"];
    let finding = lines.only("finding");
    assert_eq!((&finding["code"], &finding["panic"]), (&"ended_by_reaction".into(), panic));
    let Some(end) = lines.of("end").pop() else {
        return assert_eq!(action, "abort");
    };
    let by = serde_json::json!({ "panic": panic, "event": event, "action": action });
    assert_eq!(end["ended_by"], by);
    assert_eq!(lines.all().last(), Some(end));
}

#[track_caller]
fn nothing_ended(run: &Outcome) {
    run.ended_with(0);
    let lines = run.lines();
    assert!(lines.of("finding").is_empty());
    assert!(lines.only("end")["ended_by"].is_null());
}

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "a_service_whose_worker_died_unseen_ends_with_the_status_of_the_reaction",
        environment: &[],
        program: || {
            let _agent = agent().on(Event::Silent, Action::Exit(70)).install().expect("it starts");
            dies_unseen();
            serve();
        },
        check: |run| {
            run.ended_with(70);
            ended_by(run, "silent", "exit:70");
            let lines = run.lines();
            let last = lines.finals().into_values().next().expect("a verdict").clone();
            assert_eq!((&last["silent"], &last["fate"]), (&true.into(), &"thread_died".into()));
        },
    },
    Case {
        name: "a_service_whose_worker_is_joined_or_still_held_goes_on",
        environment: &[],
        program: || {
            let _agent = agent().on(Event::Silent, Action::Exit(70)).install().expect("it starts");
            let error = thread::spawn(|| panic!("joined")).join().expect_err("it dies");
            assert_eq!(error.downcast_ref(), Some(&"joined"));
            let (done, over) = mpsc::channel::<()>();
            let held = thread::spawn(move || {
                let _done = done;
                panic!("held")
            });
            assert!(over.recv().is_err());
            goes_on();
            drop(held.join());
        },
        check: nothing_ended,
    },
    Case {
        name: "a_thread_that_died_is_uncaught_although_it_is_joined_and_a_caught_panic_is_not",
        environment: &[],
        program: || {
            let _agent = agent().on(Event::Uncaught, Action::Exit(71)).install().expect("it starts");
            caught("caught");
            goes_on();
            assert_eq!(stats().uncaught, 0);
            on_a_thread("worker", "joined");
            serve();
        },
        check: |run| {
            run.ended_with(71);
            let lines = run.lines();
            let finding = lines.only("finding");
            let dead = lines.of("panic").into_iter().find(|line| line["thread"] == "worker").expect("it");
            assert_eq!(finding["panic"], dead["id"]);
        },
    },
    Case {
        name: "caught_panics_in_any_number_call_for_nothing",
        environment: &[],
        program: || {
            let mut agent = agent();
            for event in [Event::Silent, Event::Uncaught, Event::TaskDied] {
                agent = agent.on(event, Action::Abort);
            }
            let _agent = agent.install().expect("it starts");
            for _ in 0..500 {
                let error = catch_unwind(|| panic!("control flow")).expect_err("it panics");
                assert!(error.is::<&str>());
            }
            goes_on();
        },
        check: nothing_ended,
    },
    Case {
        name: "an_error_that_is_dropped_unread_is_warned_of_and_one_that_is_read_is_not",
        environment: &[],
        program: || {
            let _agent = agent().on(Event::Swallowed, Action::Warn).install().expect("it starts");
            assert_eq!(
                thread::spawn(|| panic!("read")).join().expect_err("it dies").downcast_ref(),
                Some(&"read")
            );
            let _ = thread::Builder::new().name("two".into()).spawn(|| panic!("dropped")).expect("it").join();
            goes_on();
        },
        check: |run| {
            nothing_ended(run);
            let [warning] = run.complaints()[..] else { panic!("{}", run.stderr) };
            assert!(
                warning.starts_with("the error of a panic was dropped unread: thread 'two'"),
                "{warning}"
            );
            assert!(warning.contains("panicked: dropped"), "{warning}");
        },
    },
    Case {
        name: "a_function_is_called_once_with_the_line_and_a_slow_one_holds_up_no_line",
        environment: &[],
        program: || {
            let (told, calls) = mpsc::channel();
            let (go, gate) = mpsc::channel::<()>();
            let gate = std::sync::Mutex::new(gate);
            let call = Action::call(move |occurrence| {
                told.send((occurrence.event, occurrence.line.kind())).expect("the program listens");
                let _gone = gate.lock().expect("one thread").recv();
                panic!("the function itself");
            });
            let _agent = agent().on(Event::Any, call).install().expect("it starts");
            for _ in 0..100 {
                caught("counted");
            }
            assert!(flush(LONG), "no line waits for the function");
            let first = calls.recv_timeout(LONG).expect("a call");
            assert_eq!(first, (Event::Any, panic_agent::record::LineKind::Panic));
            let dropped = stats().losses.subscriber_full;
            assert!((35..=36).contains(&dropped), "64 wait, one is being served: {dropped}");
            drop(go);
            // The panics of the function are panics as well, and called for.
            for _ in 1..64 {
                calls.recv_timeout(LONG).expect("a call");
            }
        },
        check: |run| {
            run.ended_with(0);
            let lines = run.lines();
            let counted = lines.messages().into_iter().filter(|message| *message == "counted").count();
            assert_eq!(counted, 100);
        },
    },
    Case {
        name: "an_abort_leaves_the_line_and_its_verdict",
        environment: &[],
        program: || {
            let _agent = agent().on(Event::Silent, Action::Abort).install().expect("it starts");
            dies_unseen();
            serve();
        },
        check: |run| {
            assert_eq!(run.status.signal(), Some(libc::SIGABRT), "{}", run.stderr);
            ended_by(run, "silent", "abort");
            let lines = run.lines();
            assert_eq!(lines.finals().into_values().next().expect("a verdict")["silent"], true);
        },
    },
    Case {
        name: "the_operators_reaction_takes_the_place_of_the_codes",
        environment: &[("PANIC_AGENT_ON_SILENT", "exit:72"), ("PANIC_AGENT_ON_ANY", "explode")],
        program: || {
            let _agent = agent()
                .on(Event::Silent, Action::Abort)
                .on(Event::Any, Action::Warn)
                .install()
                .expect("it starts");
            dies_unseen();
            serve();
        },
        check: |run| {
            run.ended_with(72);
            ended_by(run, "silent", "exit:72");
            let complaints = run.complaints();
            let [bad, warning] = complaints[..] else { panic!("{complaints:?}") };
            assert!(bad.starts_with("PANIC_AGENT_ON_ANY=`explode` is not understood"), "{bad}");
            assert!(warning.starts_with("a panic: thread 'index-1'"), "that of the code stays: {warning}");
        },
    },
    Case {
        name: "a_reaction_with_conditions_waits_for_them",
        environment: &[],
        program: || {
            let reaction = Reaction::new(Event::Uncaught, Action::Exit(73))
                .thread("index-*")
                .label("tenant", "acme")
                .at(2, Duration::from_secs(3600));
            let _agent = agent().react(reaction).install().expect("it starts");
            let label = panic_agent::label("tenant", "acme");
            on_a_thread("index-1", "without the label: it is another thread's");
            drop(label);
            let dies = |name: &str, tenant: &'static str| {
                let body = move || {
                    let _label = panic_agent::label("tenant", tenant);
                    panic!("{tenant}");
                };
                let thread = thread::Builder::new().name(name.to_owned()).spawn(body).expect("a thread");
                assert!(thread.join().is_err());
            };
            dies("web-1", "acme");
            dies("index-1", "other");
            dies("index-1", "acme");
            goes_on();
            dies("index-2", "acme");
            serve();
        },
        check: |run| {
            run.ended_with(73);
            let lines = run.lines();
            let last = lines.of("panic").pop().expect("a line").clone();
            assert_eq!((&lines.only("finding")["panic"], &last["thread"]), (&last["id"], &"index-2".into()));
        },
    },
    Case {
        name: "a_forked_child_reacts_to_nothing",
        environment: &[],
        program: || {
            let _agent = agent().on(Event::Any, Action::Exit(74)).install().expect("it starts");
            // SAFETY: the child raises one panic, catches it, and ends.
            let child = unsafe { libc::fork() };
            if child == 0 {
                caught("in the child");
                // SAFETY: no handler of the parent shall run.
                unsafe { libc::_exit(0) };
            }
            let mut status = 0;
            // SAFETY: `status` is a place for the status.
            assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
            assert_eq!(status, 0);
            caught("in the parent");
            serve();
        },
        check: |run| run.ended_with(74),
    },
    Case {
        name: "health_is_ok_until_something_dies_unseen",
        environment: &[],
        program: || {
            let _agent = agent().install().expect("it starts");
            on_a_thread("worker", "joined");
            goes_on();
            assert!(stats().health().is_ok());
            assert_eq!(stats().health().threads_died, 1);
            dies_unseen();
            let until = Instant::now() + LONG;
            while stats().health().is_ok() && Instant::now() < until {
                thread::yield_now();
            }
            assert_eq!(stats().health().to_string(), "degraded: 1 panic that nobody can ever see");
        },
        check: |run| run.ended_with(0),
    },
    Case {
        name: "the_last_words_of_main_stand_in_a_termination_log_that_exists",
        environment: &[("PANIC_AGENT_TERMINATION_LOG", "termination-log")],
        program: || {
            std::fs::write("termination-log", "of an earlier run").expect("it is created");
            let _agent = agent().install().expect("it starts");
            caught("not the last words");
            panic!("main gives up");
        },
        check: |run| {
            run.ended_with(101);
            let words = std::fs::read_to_string(run.directory.join("termination-log")).expect("it is there");
            let lines: Vec<&str> = words.lines().collect();
            assert_eq!(lines[0], "panic: main gives up");
            assert!(
                lines[1].starts_with("at tests/agent/acting.rs:") && lines[1].ends_with("on thread 'main'")
            );
            assert!(lines[2].starts_with("verdict: main_died"), "{words}");
            let last = run.lines().of("panic").pop().expect("a line")["id"].clone();
            assert_eq!(lines[3], format!("id: {}", last.as_str().expect("a text")));
        },
    },
    Case {
        name: "a_termination_log_is_not_created_and_not_written_when_the_process_lives",
        environment: &[("PANIC_AGENT_TERMINATION_LOG", "termination-log")],
        program: || {
            let _agent = agent().install().expect("it starts");
            on_a_thread("worker", "joined");
            std::fs::write("termination-log", "untouched").expect("it is created");
            on_a_thread("worker", "joined again");
            goes_on();
            std::fs::rename("termination-log", "kept").expect("it is there");
            panic!("main gives up");
        },
        check: |run| {
            run.ended_with(101);
            assert!(!run.has("termination-log"));
            let kept = std::fs::read_to_string(run.directory.join("kept")).expect("it is there");
            assert_eq!(kept, "untouched");
        },
    },
    Case {
        name: "a_reaction_that_ends_the_process_leaves_its_last_words",
        environment: &[("PANIC_AGENT_TERMINATION_LOG", "termination-log")],
        program: || {
            std::fs::write("termination-log", "").expect("it is created");
            let _agent = agent().on(Event::Silent, Action::Exit(70)).install().expect("it starts");
            dies_unseen();
            serve();
        },
        check: |run| {
            run.ended_with(70);
            let words = std::fs::read_to_string(run.directory.join("termination-log")).expect("it is there");
            assert!(words.starts_with("panic: nobody knows\n") && words.contains("silent"), "{words}");
            assert!(words.contains("ended by the reaction exit:70"), "{words}");
        },
    },
];
