//! How long verdicts wait, and what the probes could not follow. Needs the probes.

use std::any::Any;
use std::panic::{catch_unwind, panic_any, set_hook};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, OnceLock};

use panic_agent::record::LineKind;
use panic_agent::sink::EncodedLine;
use panic_agent::{Agent, Sink};
use serde_json::{Value, json};

use crate::Case;
use crate::tools::{Gated, LONG, caught, caught_by};

/// Sends what each line says of a verdict.
struct Verdicts(Sender<(LineKind, String)>);

impl Sink for Verdicts {
    fn write(&mut self, line: &EncodedLine<'_>) -> std::io::Result<()> {
        let fields: Value = serde_json::from_slice(line.json).expect("JSON");
        let words = ["basis", "receipt"].map(|field| fields[field].as_str().unwrap_or_default());
        // The program does not listen to the last lines.
        self.0.send((line.kind(), words.join(" "))).ok();
        Ok(())
    }
}

/// The lines, for the hook that waits for one of them.
static LINES: OnceLock<Mutex<Receiver<(LineKind, String)>>> = OnceLock::new();

/// Waits for a line and gives what it says.
fn next(kind: LineKind) -> String {
    let lines = LINES.get().expect("set before").lock().expect("nobody panics with it");
    loop {
        let (found, words) = lines.recv_timeout(LONG).expect("a line");
        if found == kind {
            return words;
        }
    }
}

/// A panic that lands after its line was written, and whose payload is held until `look` has looked.
fn lands_after_its_line(look: fn()) {
    let (lines, receiver) = channel();
    LINES.set(Mutex::new(receiver)).expect("once");
    // The hook before the agent's is called after it: nothing unwinds before the line is there.
    set_hook(Box::new(|_| assert_eq!(next(LineKind::Panic), "predicted pending")));
    let _agent = Agent::builder().file("panics.jsonl").sink(Verdicts(lines)).install().expect("it starts");
    let payload = catch_unwind(|| panic!("held for a while")).expect_err("it panicked");
    assert!(panic_agent::flush(LONG));
    look();
    drop(payload);
    assert_eq!(next(LineKind::Verdict), "confirmed received");
}

/// Says that a panic's line has come, and takes it when the other end of its channel is gone.
struct Stuck(Sender<()>, Gated);

impl Sink for Stuck {
    fn write(&mut self, line: &EncodedLine<'_>) -> std::io::Result<()> {
        if line.kind() == LineKind::Panic {
            // Nobody listens after the first.
            self.0.send(()).ok();
        }
        self.1.write(line)
    }
}

/// What the verdict lines say of receipts.
fn receipts(lines: &crate::outcome::Lines) -> Vec<&str> {
    lines.of("verdict").iter().map(|line| line["receipt"].as_str().unwrap()).collect()
}

/// Raises a payload of a type of its own.
fn of_its_own_type<const N: usize>() {
    caught_by(|| panic_any([1_u8; N]));
}

macro_rules! each {
    ($($number:literal)*) => { $(of_its_own_type::<$number>();)* };
}

/// Kept until the process ends.
static KEPT: Mutex<Option<Box<dyn Any + Send>>> = Mutex::new(None);

/// Calls `exit` when it is dropped.
struct Exits;

impl Drop for Exits {
    fn drop(&mut self) {
        ends_the_process();
    }
}

#[inline(never)]
fn ends_the_process() {
    std::process::exit(9);
}

/// Says that it is being dropped, and never ends.
struct Stays(Sender<()>);

impl Drop for Stays {
    fn drop(&mut self) {
        self.0.send(()).expect("main waits");
        loop {
            std::thread::park();
        }
    }
}

#[inline(never)]
fn replaces_the_hook() {
    set_hook(Box::new(|_| ()));
}

/// The findings with this code.
fn findings<'a>(lines: &'a crate::outcome::Lines, code: &str) -> Vec<&'a Value> {
    lines.of("finding").into_iter().filter(|line| line["code"] == code).collect()
}

/// Functions of a finding's places.
fn functions(finding: &Value) -> Vec<&str> {
    let places = finding["places"].as_array().expect("a list");
    places.iter().map(|place| place["function"].as_str().expect("a name")).collect()
}

fn probes(line: &Value, field: &str) -> u64 {
    line["probes"][field].as_u64().unwrap_or_else(|| panic!("{field}: {line}"))
}

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "with_a_settle_time_of_0_every_change_of_a_verdict_is_said_at_once",
        environment: &[("PANIC_AGENT_SETTLE_MS", "0")],
        program: || lands_after_its_line(|| assert_eq!(next(LineKind::Verdict), "confirmed pending")),
        check: |run| {
            run.ended_with(0);
            assert_eq!(receipts(&run.lines()), ["pending", "received"]);
        },
    },
    Case {
        name: "with_a_long_settle_time_only_what_does_not_change_any_more_is_said",
        environment: &[("PANIC_AGENT_SETTLE_MS", "60000")],
        program: || lands_after_its_line(|| ()),
        check: |run| {
            run.ended_with(0);
            assert_eq!(receipts(&run.lines()), ["received"]);
        },
    },
    Case {
        name: "the_end_of_the_process_waits_for_no_settle_time",
        environment: &[],
        program: || {
            let _agent = Agent::builder().settle(LONG).install().expect("it starts");
            *KEPT.lock().expect("a lock") = catch_unwind(|| panic!("kept")).err();
        },
        check: |run| {
            run.ended_with(0);
            let lines = run.lines();
            let last = lines.of("verdict").pop().expect("a verdict");
            assert_eq!((&last["receipt"], &last["silent"]), (&json!("pending"), &json!(true)));
        },
    },
    Case {
        name: "a_settle_time_out_of_range_is_refused_by_name",
        environment: &[],
        program: || {
            let error = Agent::builder().settle(2 * LONG).install().expect_err("it is too long");
            assert_eq!(error.kind(), panic_agent::ErrorKind::InvalidValue);
            let text = error.to_string();
            assert!(text.contains("settle = 120s") && text.contains("at most 60 s"), "{text}");
        },
        check: |run| run.ended_with(0),
    },
    Case {
        name: "payloads_without_bytes_are_counted_and_others_are_not",
        environment: &[],
        program: || {
            let _agent = panic_agent::init();
            caught("with bytes");
            caught_by(|| panic_any(()));
            caught_by(|| panic_any(()));
        },
        check: |run| {
            run.ended_with(0);
            let lines = run.lines();
            let end = lines.only("end");
            let expected = json!({
                "events_lost": 0,
                "payloads_without_bytes": 2,
                "payload_types_full": 0,
                "payloads_unidentified": 0,
                "threads_unseen": 0,
            });
            assert_eq!(end["probes"], expected);
            assert!(lines.of("losses").is_empty(), "no lack of room");
        },
    },
    Case {
        name: "without_probes_nothing_is_counted_of_them",
        environment: &[("PANIC_AGENT_PROBES", "off")],
        program: || {
            let _agent = panic_agent::init();
            caught_by(|| panic_any(()));
        },
        check: |run| {
            run.ended_with(0);
            let lines = run.lines();
            let end = lines.only("end");
            assert!(end["probes"].is_null() && end["panics"] == 1, "{end}");
        },
    },
    Case {
        name: "payload_types_beyond_the_table_are_counted_and_their_receipt_is_unknown",
        environment: &[("PANIC_AGENT_CONSOLE", "off")],
        program: || {
            let _agent = panic_agent::init();
            each!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35);
            each!(36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64 65 66);
            each!(67 68 69 70 71 72 73 74 75 76 77 78 79 80 81 82 83 84 85 86 87 88 89 90 91 92 93 94 95 96 97 98);
            each!(99 100 101 102 103 104 105 106 107 108 109 110 111 112 113 114 115 116 117 118 119 120 121 122 123 124 125 126 127 128 129 130);
        },
        check: |run| {
            run.ended_with(0);
            let lines = run.lines();
            // 64 types with copies of their own, and 64 that share one each, of which one belongs to the trial at installation.
            assert_eq!(probes(lines.only("end"), "payload_types_full"), 3);
            let last = lines.of("losses").pop().expect("a line");
            assert_eq!((probes(last, "payload_types_full"), &last["level"]), (3, &json!("warn")));
            let finals = lines.finals();
            let unknown: Vec<_> =
                finals.values().filter(|line| line["reason"] == "payload_not_traced").collect();
            assert!(unknown.iter().all(|line| line["receipt"] == "unknown"));
            assert_eq!((unknown.len(), finals.len()), (3, 130));
        },
    },
    Case {
        name: "events_that_are_lost_are_counted_and_leave_open_panics_unknown",
        environment: &[("PANIC_AGENT_CONSOLE", "off"), ("PANIC_AGENT_SLOTS", "4096")],
        program: || {
            let ((gate, closed), (came, comes)) = (channel(), channel());
            let sink = Stuck(came, Gated(closed));
            let _agent = Agent::builder().file("panics.jsonl").sink(sink).install().expect("it starts");
            *KEPT.lock().expect("a lock") = catch_unwind(|| panic!("kept")).err();
            comes.recv_timeout(LONG).expect("a line");
            // The writer is held up by the first line, and each of these is three events.
            for _ in 0..1000 {
                caught("one of many");
            }
            drop(gate);
            assert!(panic_agent::flush(LONG));
        },
        check: |run| {
            run.ended_with(0);
            let lines = run.lines();
            let lost = probes(lines.only("end"), "events_lost");
            assert!(lost > 0);
            let last = lines.of("losses").pop().expect("a line");
            assert_eq!((probes(last, "events_lost"), &last["level"]), (lost, &json!("warn")));
            let text = last["message"].as_str().expect("a text");
            assert!(text.contains(&format!("{lost} events of the probes were lost")), "{text}");
            let finals = lines.finals();
            let kept = finals.values().find(|line| line["message"] == "kept").expect("the first");
            assert_eq!((&kept["receipt"], &kept["reason"]), (&json!("unknown"), &json!("events_lost")));
            assert!(kept["silent"].is_null());
        },
    },
    Case {
        name: "who_calls_exit_inside_an_unwinding_is_named",
        environment: &[],
        program: || {
            std::mem::forget(panic_agent::init());
            let _exits = Exits;
            panic!("cut short");
        },
        check: |run| {
            run.ended_with(9);
            let lines = run.lines();
            let [finding] = findings(&lines, "exit_while_unwinding")[..] else { panic!("one finding") };
            let panic = lines.only("panic");
            assert_eq!(finding["panic"], panic["id"]);
            let functions = functions(finding);
            assert!(functions[0].starts_with("std::"), "nothing of the agent's: {functions:?}");
            assert!(functions.iter().any(|name| name.contains("ends_the_process")), "{functions:?}");
            assert_eq!(finding["places"][0]["os_thread"], panic["thread_facts"]["os_id"], "its own thread");
        },
    },
    Case {
        name: "when_main_returns_during_an_unwinding_nobody_called_exit",
        environment: &[],
        program: || {
            std::mem::forget(panic_agent::init());
            let (stays, is_dropped) = channel();
            std::thread::spawn(move || {
                let _stays = Stays(stays);
                panic!("cut short");
            });
            is_dropped.recv().expect("it is dropped");
        },
        check: |run| {
            run.ended_with(0);
            let lines = run.lines();
            let [finding] = findings(&lines, "exit_while_unwinding")[..] else { panic!("one finding") };
            assert_eq!(finding["places"], json!([]));
        },
    },
    Case {
        name: "a_process_that_ends_after_its_panics_is_no_finding",
        environment: &[],
        program: || {
            std::mem::forget(panic_agent::init());
            caught("in time");
            ends_the_process();
        },
        check: |run| {
            run.ended_with(9);
            assert!(run.lines().of("finding").is_empty());
        },
    },
    Case {
        name: "who_replaces_the_hook_is_named_and_so_is_each_panic_that_it_hides",
        environment: &[],
        program: || {
            let _agent = panic_agent::init();
            replaces_the_hook();
            caught("hidden");
        },
        check: |run| {
            run.ended_with(0);
            let lines = run.lines();
            let [replaced] = findings(&lines, "hook_replaced")[..] else { panic!("one finding") };
            let functions = functions(replaced);
            assert!(functions.iter().any(|name| name.contains("replaces_the_hook")), "{functions:?}");
            let [hidden] = findings(&lines, "raise_without_hook")[..] else { panic!("one finding") };
            let panic = lines.only("panic");
            assert_eq!((&hidden["panic"], &panic["hook"]), (&panic["id"], &json!(false)));
            assert!(hidden["message"].as_str().unwrap().contains("`hook_replaced`"), "{hidden}");
        },
    },
    Case {
        name: "a_hook_that_keeps_the_agents_and_does_not_call_it_is_told_from_one_that_drops_it",
        environment: &[],
        program: || {
            let _agent = panic_agent::init();
            let kept = std::panic::take_hook();
            set_hook(Box::new(move |info| {
                if info.payload().downcast_ref::<String>().is_some_and(|text| text == "passed on") {
                    kept(info);
                }
            }));
            caught("passed on");
            caught("kept back");
        },
        check: |run| {
            run.ended_with(0);
            let lines = run.lines();
            assert!(findings(&lines, "hook_replaced").is_empty());
            let [hidden] = findings(&lines, "raise_without_hook")[..] else { panic!("one finding") };
            assert!(hidden["message"].as_str().unwrap().contains("keeps it"), "{hidden}");
            let hooks: Vec<_> = lines
                .of("panic")
                .iter()
                .map(|line| (line["message"].clone(), line["hook"].clone()))
                .collect();
            let expected = [("passed on", true), ("kept back", false)];
            assert_eq!(hooks, expected.map(|(message, hook)| (json!(message), json!(hook))));
        },
    },
    Case {
        name: "a_hook_that_always_calls_the_agents_is_no_finding",
        environment: &[],
        program: || {
            let _agent = panic_agent::init();
            let kept = std::panic::take_hook();
            set_hook(Box::new(move |info| kept(info)));
            caught("passed on");
        },
        check: |run| {
            run.ended_with(0);
            assert!(run.lines().of("finding").is_empty());
        },
    },
];
