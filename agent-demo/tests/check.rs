//! The judge itself: right lines pass, and each kind of wrong line is named.

use std::time::Duration;
use std::{fs, iter};

use agent_demo::check::{Deviation, deviations, wrong_reactions};
use agent_demo::child::Observed;
use agent_demo::{Exit, Lines, Probes, Profile, Setting, catalogue};
use serde_json::{Value, json};

/// A `panic` line whose verdict is the last word; `handler` and `reason` may be empty.
fn panic_line(message: &str, thread: &str, [stop, handler, reason, fate]: [&str; 4]) -> Value {
    let word = |word: &str| if word.is_empty() { Value::Null } else { json!(word) };
    let handler = if handler.is_empty() { Value::Null } else { json!({ "kind": handler }) };
    let uncaught = match fate {
        "unknown" => Value::Null,
        fate => json!(!matches!(fate, "caught" | "runtime_caught")),
    };
    let [basis, landing] = match fate {
        "aborted" => [json!("predicted"), Value::Null],
        _ => [json!("confirmed"), handler.clone()],
    };
    let mut line = json!({
        "schema": 1, "kind": "panic", "id": "00000000000000ff-1", "ts": "", "ts_ms": 0, "pid": 1,
        "level": "error", "fingerprint": "0", "message": message, "thread": thread, "fate": fate,
        "receipt": "discarded", "basis": basis, "uncaught": uncaught, "silent": false, "swallowed": false,
        "reason": word(reason), "landing": landing, "hops": 0, "lineage": [],
        "incident": "00000000000000ff-1", "hook": true,
        "mono_ns": 0, "labels": {}, "soft_errors": [], "images": [], "frames": [],
        "thread_facts": { "main": true, "foreign": false, "detached": "joinable" },
        "prediction": { "stop": stop, "abort_reason": word(reason), "handler": handler },
        "stack": {
            "source": "tables", "end": "bottom", "physical": 1, "trimmed_inner": 0, "not_recorded": 0,
            "cut_for_size": 0
        },
    });
    match fate {
        "caught" => with(&mut line, &dropped_in(message)),
        "unknown" => with(
            &mut line,
            &json!({ "receipt": "unknown", "silent": null, "swallowed": null, "reason": "x" }),
        ),
        _ => {}
    }
    line
}

fn with(line: &mut Value, fields: &Value) {
    let (Some(line), Some(fields)) = (line.as_object_mut(), fields.as_object()) else { panic!("no objects") };
    line.extend(fields.clone());
}

/// The program dropped the payload unread, where the scenario with this message does.
fn dropped_in(message: &str) -> Value {
    let (file, function) = match message {
        "one of many" => ("src/scenarios/ending.rs", "demo::ending::storm::{{closure}}"),
        _ => ("src/scenarios/catching.rs", "demo::catching::catch_around"),
    };
    json!({ "receipt": "received", "swallowed": true, "received_at": { "function": function, "file": file } })
}

fn end_line(panics: u64, written: u64, pool_full: u64) -> Value {
    json!({
        "schema": 1, "kind": "end", "id": "00000000000000ff", "ts": "", "ts_ms": 0, "pid": 1,
        "level": "info", "message": "", "panics": panics, "written": written,
        "losses": {
            "pool_full": pool_full, "reentered": 0, "writer_thread": 0, "sink_failed": 0,
            "sink_panicked": 0, "no_writer": 0, "filtered": 0, "too_large": 0, "subscriber_full": 0
        },
    })
}

fn judge(scenario: &str, profile: Profile, exit: Exit, lines: &[Value]) -> Vec<Deviation> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("lines.jsonl");
    let text: Vec<String> = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(&file, text.concat()).unwrap();
    let lines = Lines::read(&file).unwrap();
    let (stdout, stderr, took) = (String::new(), String::new(), Duration::ZERO);
    let observed = Observed { exit, stdout, stderr, lines, file, took };
    let setting = Setting { profile, probes: Probes::On };
    deviations(&catalogue::find(scenario).unwrap().expectation(profile), setting, &observed)
}

const USER: [&str; 4] = ["catch", "user", "", "caught"];
const MAIN_ROOT: [&str; 4] = ["catch", "main_root", "", "main_died"];
const NOT_TOLD: [&str; 4] = ["catch", "unknown", "", "unknown"];
const STRATEGY: [&str; 4] = ["abort", "", "strategy_abort", "aborted"];
const INSIDE: &str = "inside the catch";

fn catch_around(profile: Profile, outcome: [&str; 4]) -> Vec<Deviation> {
    let lines = [panic_line(INSIDE, "main", outcome), end_line(1, 1, 0)];
    judge("catch-around", profile, Exit::Code(0), &lines)
}

#[test]
fn the_right_lines_pass() {
    assert_eq!(catch_around(Profile::Debug, USER), []);
}

#[test]
fn a_wrong_outcome_is_named_with_the_right_one() {
    let found = catch_around(Profile::Debug, MAIN_ROOT);
    assert_eq!(
        found[0].to_string(),
        "panic `inside the catch`: expected catch by user, fate caught, \
         found catch by main_root, fate main_died"
    );
}

#[test]
fn an_unknown_handler_is_right_only_where_symbols_are_missing_and_the_roots_never_need_any() {
    assert!(!catch_around(Profile::Lines, NOT_TOLD).is_empty());
    assert_eq!(catch_around(Profile::Stripped, NOT_TOLD), []);
    let lines = [panic_line("main gives up", "main", NOT_TOLD), end_line(1, 1, 0)];
    assert!(!judge("main-panics", Profile::Stripped, Exit::Code(101), &lines).is_empty());
}

#[test]
fn a_missing_line_another_thread_and_a_line_too_many_are_named() {
    let line = panic_line(INSIDE, "main", USER);
    let none = judge("catch-around", Profile::Debug, Exit::Code(0), &[end_line(0, 0, 0)]);
    assert_eq!(none.len(), 1, "{none:?}");
    let twice =
        judge("catch-around", Profile::Debug, Exit::Code(0), &[line.clone(), line, end_line(2, 2, 0)]);
    assert_eq!(twice.len(), 1, "{twice:?}");
    let lines = [panic_line(INSIDE, "other", USER), end_line(1, 1, 0)];
    let other = judge("catch-around", Profile::Debug, Exit::Code(0), &lines);
    assert!(other[0].to_string().contains("expected thread `main`, found thread other"), "{other:?}");
}

#[test]
fn a_wrong_exit_and_a_missing_or_unbalanced_end_are_named() {
    let line = panic_line(INSIDE, "main", USER);
    let with = |exit, end| {
        let lines: Vec<Value> = iter::once(line.clone()).chain(end).collect();
        judge("catch-around", Profile::Debug, exit, &lines)
    };
    assert_eq!(with(Exit::Code(101), Some(end_line(1, 1, 0)))[0].subject, "exit");
    assert_eq!(with(Exit::Code(0), None)[0].subject, "end lines");
    assert_eq!(with(Exit::Code(0), Some(end_line(2, 1, 0)))[0].subject, "balance of the end line");
    assert_eq!(with(Exit::Code(0), Some(end_line(2, 2, 0)))[0].subject, "panic lines");
}

#[test]
fn a_line_that_is_not_what_its_kind_promises_is_named() {
    let torn = [json!({ "kind": "panic" }), end_line(0, 0, 0)];
    assert_eq!(judge("no-panic", Profile::Debug, Exit::Code(0), &torn)[0].subject, "line");
}

#[test]
fn each_wrong_word_of_a_verdict_is_named_and_the_last_line_counts() {
    let line = panic_line(INSIDE, "main", USER);
    let other_place = json!({ "function": "demo::elsewhere", "file": "src/scenarios/catching.rs" });
    for (field, fields) in [
        ("fate", json!({ "fate": "thread_died", "uncaught": true })),
        ("basis", json!({ "basis": "predicted" })),
        ("uncaught", json!({ "uncaught": true })),
        ("receipt", json!({ "receipt": "discarded", "received_at": null })),
        ("received_at", json!({ "received_at": other_place })),
        ("received_at", json!({ "received_at": null })),
        ("silent", json!({ "silent": true })),
        ("swallowed", json!({ "swallowed": false })),
        ("hops", json!({ "hops": 1 })),
        ("landing", json!({ "landing": { "kind": "thread_root" } })),
        ("relation", json!({ "relation": "scope" })),
        ("incident", json!({ "incident": "00000000000000ff-7" })),
    ] {
        let mut verdict = line.clone();
        with(&mut verdict, &json!({ "kind": "verdict" }));
        with(&mut verdict, &fields);
        let lines = [line.clone(), verdict.clone(), end_line(1, 1, 0)];
        let found = judge("catch-around", Profile::Debug, Exit::Code(0), &lines);
        assert_eq!(found.len(), 1, "{field}: {found:?}");
        assert!(found[0].subject.ends_with(&format!(", {field}")), "{found:?}");
        // A verdict that is corrected later is none.
        let mut corrected = line.clone();
        with(&mut corrected, &json!({ "kind": "verdict" }));
        let lines = [line.clone(), verdict, corrected, end_line(1, 1, 0)];
        assert_eq!(judge("catch-around", Profile::Debug, Exit::Code(0), &lines), [], "{field}");
    }
}

#[test]
fn a_finding_that_nobody_expects_is_named() {
    let finding = json!({
        "schema": 1, "kind": "finding", "id": "00000000000000ff", "ts": "", "ts_ms": 0, "pid": 1,
        "level": "warn", "code": "unbalanced", "message": "", "panic": null, "places": []
    });
    let lines = [panic_line(INSIDE, "main", USER), finding, end_line(1, 1, 0)];
    let found = judge("catch-around", Profile::Debug, Exit::Code(0), &lines);
    assert_eq!(found[0].subject, "findings", "{found:?}");
}

#[test]
fn a_storm_may_lose_lines_if_it_counts_them() {
    let line = panic_line("one of many", "storm-1", USER);
    let lines = |written: u64, lost: u64| {
        let mut lines = vec![line.clone(); usize::try_from(written).unwrap()];
        lines.push(end_line(written + lost, written, lost));
        judge("storm", Profile::Debug, Exit::Code(0), &lines)
    };
    assert_eq!(lines(300, 1_700), []);
    assert_eq!(lines(300, 1_600).len(), 1);
}

#[test]
fn with_panic_abort_the_first_panic_is_enough_and_must_say_so() {
    let sigabrt = Exit::Signal(6);
    let first = panic_line("first panic", "main", STRATEGY);
    assert_eq!(judge("drop-panics-in-unwind", Profile::Abort, sigabrt, &[first]), []);
    assert_eq!(judge("drop-panics-in-unwind", Profile::Abort, sigabrt, &[]).len(), 1);
    let caught = panic_line("first panic", "main", MAIN_ROOT);
    assert!(!judge("drop-panics-in-unwind", Profile::Abort, sigabrt, &[caught]).is_empty());
}

/// What is wrong with these warnings of a thread that died unseen.
fn reactions(scenario: &str, warnings: &[&str]) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("lines.jsonl");
    let line = panic_line("nobody is told", "worker", ["catch", "thread_root", "", "thread_died"]);
    fs::write(&file, format!("{line}\n")).unwrap();
    let lines = Lines::read(&file).unwrap();
    let stderr: String = warnings
        .iter()
        .map(|what| {
            format!("half a line panic-agent: {what}: thread 'worker' panicked: x (00000000000000ff-1)\n")
        })
        .collect();
    let (stdout, took) = (String::new(), Duration::ZERO);
    let observed = Observed { exit: Exit::Code(0), stdout, stderr, lines, file, took };
    let setting = Setting { profile: Profile::Debug, probes: Probes::On };
    let expected = catalogue::find(scenario).unwrap().expectation(Profile::Debug);
    wrong_reactions(&expected, setting, &observed).iter().map(ToString::to_string).collect()
}

#[test]
fn each_reaction_that_is_missing_or_wrong_or_came_twice_is_named() {
    const ANY: &str = "a panic";
    const UNCAUGHT: &str = "a thread died of a panic";
    const SILENT: &str = "a panic that nobody can ever see";
    const SWALLOWED: &str = "the error of a panic was dropped unread";
    let dropped = |warnings: &[&str]| reactions("thread-handle-dropped", warnings);
    assert_eq!(dropped(&[ANY, UNCAUGHT, SILENT]), [""; 0]);
    for (warnings, event) in [
        (&[ANY, UNCAUGHT][..], "silent"),
        (&[ANY, SILENT], "uncaught"),
        (&[UNCAUGHT, SILENT], "any"),
        (&[ANY, UNCAUGHT, SILENT, SILENT], "silent"),
        (&[ANY, UNCAUGHT, SILENT, SWALLOWED], "swallowed"),
    ] {
        let found = dropped(warnings);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains(&format!("reaction to {event}:")), "{found:?}");
    }
    let found = reactions("no-panic", &[ANY]);
    assert!(found[0].contains("some to no panic of the scenario"), "{found:?}");
}
