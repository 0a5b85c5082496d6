//! How long verdicts wait, and what the probes could not follow. Needs the probes.

use std::any::Any;
use std::panic::{catch_unwind, panic_any, set_hook};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, OnceLock};

use panic_agent::{Agent, Line, LineKind, Sink};
use serde_json::{Value, json};

use crate::Case;
use crate::tools::{Gated, LONG, caught, caught_by};

/// Sends what each line says of a verdict.
struct Verdicts(Sender<(LineKind, String)>);

impl Sink for Verdicts {
    fn write(&mut self, line: &Line<'_>) -> std::io::Result<()> {
        let fields: Value = serde_json::from_slice(line.json).expect("JSON");
        let words = ["basis", "receipt"].map(|field| fields[field].as_str().unwrap_or_default());
        // The program does not listen to the last lines.
        self.0.send((line.kind, words.join(" "))).ok();
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
    let agent = Agent::builder().file("panics.jsonl").sink(Verdicts(lines)).install().expect("it starts");
    let payload = catch_unwind(|| panic!("held for a while")).expect_err("it panicked");
    assert!(agent.flush(LONG));
    look();
    drop(payload);
    assert_eq!(next(LineKind::Verdict), "confirmed received");
}

/// Says that a panic's line has come, and takes it when the other end of its channel is gone.
struct Stuck(Sender<()>, Gated);

impl Sink for Stuck {
    fn write(&mut self, line: &Line<'_>) -> std::io::Result<()> {
        if line.kind == LineKind::Panic {
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
        },
        check: |run| {
            run.ended_with(0);
            let lines = run.lines();
            // One of the 64 types belongs to the trial at installation.
            assert_eq!(probes(lines.only("end"), "payload_types_full"), 3);
            let last = lines.of("losses").pop().expect("a line");
            assert_eq!((probes(last, "payload_types_full"), &last["level"]), (3, &json!("warn")));
            let finals = lines.finals();
            let unknown: Vec<_> =
                finals.values().filter(|line| line["reason"] == "payload_not_traced").collect();
            assert!(unknown.iter().all(|line| line["receipt"] == "unknown"));
            assert_eq!((unknown.len(), finals.len()), (3, 66));
        },
    },
    Case {
        name: "events_that_are_lost_are_counted_and_leave_open_panics_unknown",
        environment: &[("PANIC_AGENT_CONSOLE", "off"), ("PANIC_AGENT_SLOTS", "4096")],
        program: || {
            let ((gate, closed), (came, comes)) = (channel(), channel());
            let sink = Stuck(came, Gated(closed));
            let agent = Agent::builder().file("panics.jsonl").sink(sink).install().expect("it starts");
            *KEPT.lock().expect("a lock") = catch_unwind(|| panic!("kept")).err();
            comes.recv_timeout(LONG).expect("a line");
            // The writer is held up by the first line, and each of these is three events.
            for _ in 0..1000 {
                caught("one of many");
            }
            drop(gate);
            assert!(agent.flush(LONG));
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
];
