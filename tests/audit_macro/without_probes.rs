//! What one line in a test crate says where nobody sees what becomes of errors, and what it does to the exit status. Each test
//! has the twin that comes out differently.

use panic_agent::audit::DENIED_STATUS;
use serde_json::Value;

use crate::ran::{Ran, empty, knows_status, sees_errors};

const LIST: &str = "  not judged, because nobody can tell who saw the error: ";

/// Tests of a binary, without probes, with these variables besides.
fn run(binary: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
    let blind = sees_errors().then_some(("PANIC_AGENT_PROBES", "off"));
    let variables: Vec<_> = variables.iter().copied().chain(blind).collect();
    Ran::of(binary, arguments, &variables)
}

/// One unit test of the fixture.
fn unit(name: &str) -> Ran {
    run("audited", &[&format!("tests::{name}"), "--exact"], &[])
}

/// One test of panics that wrappers of panic-agent stop.
fn wrapper(name: &str) -> Ran {
    run("wrappers", &[name, "--exact"], &[])
}

#[track_caller]
fn never_says(ran: &Ran, text: &str) {
    assert!(!ran.stderr.contains(text), "said: {text:?}\n{}", ran.stderr);
}

/// It says so much of panics that cannot be judged, and finds nothing.
#[track_caller]
fn lists(ran: &Ran, status: i32, panics: &str) {
    assert_eq!(ran.status, Some(status), "{}\n{}", ran.stdout, ran.stderr);
    ran.said(": 0 findings in `").said("  what became of errors cannot be seen here: ");
    ran.said(&format!("{LIST}{panics}\n"));
}

#[test]
fn a_binary_in_which_nothing_is_open_says_nothing() {
    unit("clean").quiet(0);
    // libtest caught them, in tests that were to panic.
    unit("refuses").quiet(0);
    unit("is_refused_by_another_with_this_text").quiet(0);
    run("audited", &["--list"], &[]).quiet(0);
    run("no_harness", &[], &[]).quiet(0);
    run("no_harness", &["loses-a-thread"], &[])
        .said("a thread died: connection lost, at no_harness::main::{");
}

#[test]
fn why_errors_are_not_seen_is_said() {
    let why = if sees_errors() {
        "its probes are switched off (`PANIC_AGENT_PROBES`)"
    } else if knows_status() {
        "that takes a dynamically linked program on Linux, on x86_64 or aarch64"
    } else {
        "its calls go through no table, as those of a program that is linked statically"
    };
    unit("loses_a_thread").said(&format!("  what became of errors cannot be seen here: {why}\n"));
}

#[test]
fn a_thread_that_died_is_listed_and_denied_only_where_a_wrapper_saw_it() {
    let ran = unit("loses_a_thread");
    lists(&ran, 0, "1 panic");
    ran.said("    a thread died: connection lost, at audited::tests::die::{")
        .said("/lib.rs:20), test not known\n");
    let ran = wrapper("loses_a_thread");
    assert_eq!(ran.status, Some(DENIED_STATUS), "{}", ran.stderr);
    ran.said("    deny silent_death: ").said("at       wrappers::loses_a_thread::{");
    never_says(&ran, LIST);
    let of_status = if knows_status() { "in place of 0" } else { "whatever it was" };
    ran.said(&format!(
        "panic-agent: denied, so the status is 102{}{of_status}\n",
        if knows_status() { " " } else { ", " }
    ));
}

#[test]
fn a_task_and_a_catch_are_listed_with_their_tests() {
    let ran = unit("loses_a_task");
    lists(&ran, 0, "1 panic");
    ran.said("    a task of tokio died: nobody awaits this, at ").said(", in test tests::loses_a_task\n");
    // Whether somebody looks is what nobody sees here.
    lists(&unit("awaits_a_task"), 0, "1 panic");
    let ran = unit("catches_and_ignores");
    lists(&ran, 0, "1 panic");
    ran.said("    stopped by `catch_unwind` in audited::tests::catches_and_ignores (")
        .said(": nobody looks, at audited::tests::catches_and_ignores::{")
        .said(", in test tests::catches_and_ignores\n");
}

#[test]
fn a_test_that_fails_of_its_own_panic_is_not_listed_and_stays_failed() {
    let ran = unit("fails");
    lists(&ran, 101, "1 panic");
    ran.said("    a thread died: connection lost");
    never_says(&ran, "this test fails, at");
}

#[test]
fn what_is_meant_is_counted_and_its_twin_listed() {
    let ran = unit("loses_a_thread_with_a_reason");
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    ran.said("  folded: 1 by the message\n");
    never_says(&ran, LIST);
    never_says(&unit("loses_a_thread"), "folded");
}

#[test]
fn an_exit_in_a_test_is_judged_where_its_status_is_known() {
    let (leaves, fails) = (unit("leaves"), unit("leaves_with_a_status"));
    if knows_status() {
        leaves
            .denied("hidden_exit", "tests::leaves")
            .said("at       audited::tests::leaves (")
            .said("denied, so the status is 102 in place of 0\n");
        fails.quiet(3);
        return;
    }
    for (ran, status) in [(leaves, 0), (fails, 3)] {
        assert_eq!(ran.status, Some(status), "{}", ran.stderr);
        ran.said("  not judged, because the status is not known here: 1 exit\n")
            .said("    `exit` was called ");
    }
}

#[test]
fn wrappers_know_what_became_of_their_errors() {
    for (name, class) in [
        ("joins_and_ignores", "received"),
        ("catches_and_ignores", "swallowed"),
        ("ignores_a_group", "received"),
    ] {
        let ran = wrapper(name);
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        ran.said(&format!("    warn {class}: "))
            .said("panic    nobody looks\n")
            .said(&format!("at       wrappers::{name}::{{"));
        never_says(&ran, LIST);
    }
    wrapper("joins_and_looks").quiet(0);
    wrapper("catches_and_looks").quiet(0);
}

#[test]
fn a_hook_that_is_taken_away_is_found() {
    let ran = wrapper("replaces_the_hook");
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    ran.said("    warn hook_replaced: ").said("at       wrappers::replaces_the_hook (");
}

#[test]
fn a_status_that_a_policy_of_the_program_asked_for_is_kept_and_the_audit_is_not_skipped() {
    let ran = run("no_harness", &["status-of-a-policy"], &[]);
    assert_eq!(ran.status, Some(3), "{}", ran.stderr);
    ran.said("    warn received: ");
}

#[test]
fn tests_that_run_on_the_main_thread_are_told_apart_from_the_end_of_the_harness() {
    let tests = ["tests::catches_and_ignores", "tests::clean", "--exact", "--test-threads=1"];
    let ran = run("audited", &tests, &[]);
    lists(&ran, 0, "1 panic");
    ran.said(", in test tests::catches_and_ignores\n");
    // musl has no tables through which a stack could be walked from its `exit` on.
    if knows_status() {
        let leaves = ["tests::leaves", "--exact", "--test-threads=1"];
        run("audited", &leaves, &[]).denied("hidden_exit", "tests::leaves");
    }
}

#[test]
fn files_have_what_could_not_be_judged() {
    let directory = empty("open-files");
    let (json, junit) = (directory.join("audit.jsonl"), directory.join("junit"));
    let variables = [
        ("PANIC_AGENT_AUDIT_JSON", json.to_str().unwrap()),
        ("PANIC_AGENT_AUDIT_JUNIT", junit.to_str().unwrap()),
    ];
    run("audited", &["tests::loses_a_t", "tests::clean"], &variables);
    let text = std::fs::read_to_string(&json).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (totals, open) = lines.split_last().unwrap();
    assert!(open.iter().all(|line| line["kind"] == "audit_unjudged"), "{text}");
    // Two threads, of which one is meant, and a task.
    let meant: Vec<_> = open.iter().map(|line| line["folded"] == "message").collect();
    assert_eq!((open.len(), meant.iter().filter(|meant| **meant).count()), (3, 1), "{text}");
    assert_eq!((&totals["blind"], &totals["findings"]), (&Value::Bool(true), &Value::from(0)), "{text}");
    let xml = std::fs::read_to_string(junit.join("TEST-audited.xml")).unwrap();
    assert!(
        xml.contains("connection lost") && !xml.contains("<failure") && !xml.contains("on purpose"),
        "{xml}"
    );
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn a_baseline_takes_what_was_found_and_nothing_that_is_open() {
    let package = empty("open-baseline");
    let here = package.to_str().unwrap();
    let with = |binary: &str, name: &str, write: &str| {
        let variables = [("CARGO_MANIFEST_DIR", here), ("PANIC_AGENT_AUDIT_WRITE_BASELINE", write)];
        run(binary, &[name, "--exact"], &variables)
    };
    with("audited", "tests::loses_a_thread", "1").said("panic-agent: 0 entries in the baseline");
    let written = with("wrappers", "loses_a_thread", "1");
    assert_eq!(written.status, Some(0), "{}", written.stderr);
    written.said("panic-agent: 1 entries in the baseline");
    let known = with("wrappers", "loses_a_thread", "0");
    assert_eq!(known.status, Some(0), "{}", known.stderr);
    known.said("  folded: 1 in the baseline\n");
    with("wrappers", "joins_and_ignores", "0").said("    warn received: ");
    std::fs::remove_dir_all(&package).unwrap();
}
