//! What one line in a test crate says where errors are seen, and what it does to the exit status.

use std::process::Command;

use panic_agent::audit::DENIED_STATUS;
use serde_json::Value;

use crate::fixtures;
use crate::ran::{Ran, copy_of_package, empty};

#[test]
fn a_binary_in_which_nothing_happens_says_nothing() {
    Ran::test("clean").quiet(0);
    Ran::test("joins_and_looks").quiet(0);
    Ran::test("awaits_a_task").quiet(0);
    Ran::of("audited", &["--list"], &[]).quiet(0);
}

#[test]
fn a_test_that_passes_although_a_thread_died_behind_it_is_denied() {
    let ran = Ran::test("loses_a_thread");
    ran.denied("silent_death", "tests::loses_a_thread")
        .said("connection lost")
        .said("status is 102 in place of 0");
    assert!(ran.stdout.contains("test tests::loses_a_thread ... ok"), "{}", ran.stdout);
    Ran::of("audited", &["tests::loses_a_thread", "--exact", "--test-threads=1"], &[])
        .denied("silent_death", "tests::loses_a_thread");
}

#[test]
fn a_task_that_dies_is_a_thread_that_dies() {
    Ran::test("loses_a_task").denied("silent_death", "tests::loses_a_task").said("a tokio task");
}

#[test]
fn what_is_said_and_not_denied_leaves_the_status_alone() {
    Ran::test("joins_and_ignores").warned("received", "tests::joins_and_ignores").said("dropped unread in ");
    Ran::test("catches_and_ignores").warned("swallowed", "tests::catches_and_ignores");
}

#[test]
fn a_failed_run_stays_failed_and_is_audited_all_the_same() {
    let ran = Ran::test("fails");
    assert_eq!(ran.status, Some(101), "{}", ran.stderr);
    ran.said("    deny silent_death: ");
    assert!(!ran.stderr.contains("in place of 0"), "{}", ran.stderr);
    // The panic of the test itself is no finding.
    assert!(ran.stderr.contains("1 finding in `audited`"), "{}", ran.stderr);
}

#[test]
fn deliberate_deaths_are_folded_by_name_and_by_message() {
    let ran = Ran::test("panics_in_a_thread");
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    ran.said("0 findings in `audited`, 0 denied\n  folded: 1 by the name of the test\n");
    Ran::test("loses_a_thread_with_a_reason").said("  folded: 1 by the message\n");
}

#[test]
fn should_panic_must_be_satisfied_by_the_package_itself_or_by_a_text() {
    Ran::test("is_refused_by_another")
        .warned("wrong_should_panic", "tests::is_refused_by_another")
        .said("dependency/src/lib.rs:5");
    Ran::test("refuses").quiet(0);
    Ran::test("is_refused_by_another_with_this_text").quiet(0);
}

#[test]
fn an_exit_in_a_test_is_not_hidden_any_more() {
    Ran::test("leaves")
        .denied("hidden_exit", "tests::leaves")
        .said("      at       audited::tests::leaves (")
        .said("/src/lib.rs:");
    // Another status tells of itself.
    Ran::test("leaves_with_a_status").quiet(3);
}

#[test]
fn levels_in_the_line_win_over_the_defaults() {
    let levels = |name| Ran::of("levels", &[name, "--exact"], &[]);
    levels("joins_and_ignores").denied("received", "joins_and_ignores").said("`audited::levels`");
    levels("catches_and_ignores").quiet(0);
}

#[test]
fn a_binary_without_a_harness_is_audited_too() {
    let ran = Ran::of("no_harness", &["loses-a-thread"], &[]);
    assert_eq!(ran.status, Some(DENIED_STATUS), "{}", ran.stderr);
    ran.said("    deny silent_death: ");
    Ran::of("no_harness", &[], &[]).quiet(0);
}

#[test]
fn a_status_that_a_policy_of_the_program_asked_for_is_kept() {
    let ran = Ran::of("no_harness", &["status-of-a-policy"], &[]);
    assert_eq!(ran.status, Some(3), "{}", ran.stderr);
    ran.said("    warn received: ");
}

#[test]
fn a_policy_beside_the_package_decides_and_a_bad_one_is_no_policy() {
    let package = empty("policy");
    let run = |policy: &str| {
        std::fs::write(package.join("panic-audit.toml"), policy).unwrap();
        let here = [("CARGO_MANIFEST_DIR", package.to_str().unwrap())];
        Ran::of("audited", &["tests::loses_a_thread", "--exact"], &here)
    };
    run("warn = [\"silent_death\"]").warned("silent_death", "tests::loses_a_thread");
    run("allow = [\"silent_death\"]").quiet(0);
    let entry =
        |class: &str| format!("[[expect]]\nclass = \"{class}\"\nfile = \"src/*.rs\"\nreason = \"known\"");
    let ran = run(&entry("silent_death"));
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    ran.said("  folded: 1 by an `[[expect]]` entry\n");
    run(&entry("late")).denied("silent_death", "tests::loses_a_thread");
    run(&format!("strict_entries = true\n{}", entry("late")))
        .said("`[[expect]]` entries that matched nothing: 1");
    let ran = run("deny = [\"silent-death\"]");
    assert_eq!(ran.status, Some(DENIED_STATUS), "{}", ran.stderr);
    ran.said("panic-audit.toml:1: `deny`: `silent-death` is not a class; accepted: late, silent_death, ");
    // Also when there is nothing to find.
    let here = [("CARGO_MANIFEST_DIR", package.to_str().unwrap())];
    assert_eq!(Ran::of("audited", &["tests::clean", "--exact"], &here).status, Some(DENIED_STATUS));
    std::fs::remove_dir_all(&package).unwrap();
}

#[test]
fn a_baseline_takes_what_is_there_and_only_that() {
    let package = empty("baseline");
    let run = |target: &str, arguments: &[&str], write: &str| {
        let place = package.to_str().unwrap();
        Ran::of(
            target,
            arguments,
            &[("CARGO_MANIFEST_DIR", place), ("PANIC_AGENT_AUDIT_WRITE_BASELINE", write)],
        )
    };
    let death = ["tests::loses_a_thread", "--exact"];
    let written = run("audited", &death, "1");
    assert_eq!(written.status, Some(0), "{}", written.stderr);
    written.said("panic-agent: 1 entries in the baseline");
    run("audited", &death, "0").said("0 findings in `audited`, 0 denied\n  folded: 1 in the baseline\n");
    // Another binary adds its own.
    run("levels", &["joins_and_ignores"], "1").said("2 entries in the baseline");
    assert_eq!(run("audited", &death, "0").status, Some(0));
    // Another finding is new.
    assert_eq!(run("audited", &["tests::loses_a_task", "--exact"], "0").status, Some(DENIED_STATUS));
    let path = package.join("panic-audit-baseline.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("silent_death", "silent")).unwrap();
    let ran = run("audited", &death, "0");
    assert_eq!(ran.status, Some(DENIED_STATUS), "{}", ran.stderr);
    ran.said("panic-audit-baseline.json:4: not a baseline: unknown variant `silent`");
    std::fs::remove_dir_all(&package).unwrap();
}

#[test]
fn nextest_runs_the_same_audit_in_a_process_per_test() {
    let found = Command::new("cargo").args(["nextest", "--version"]).output();
    if !found.is_ok_and(|output| output.status.success()) {
        // Past the capture of this test's own output.
        let skipped = b"SKIPPED: cargo-nextest is not installed (cargo install cargo-nextest)\n";
        std::io::Write::write_all(&mut std::io::stderr(), skipped).ok();
        return;
    }
    let copy = copy_of_package("0.0.2");
    let output = Command::new("cargo")
        .args(["nextest", "run", "--no-fail-fast", "--manifest-path"])
        .arg(copy.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(fixtures::target())
        .args(["-E", "test(=tests::loses_a_thread) | test(=tests::clean)"])
        .env_remove("RUSTFLAGS")
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stderr);
    std::fs::remove_dir_all(&copy).unwrap();
    assert!(text.contains("2 tests run: 1 passed, 1 failed"), "{text}");
    assert!(text.contains("deny silent_death") && text.contains("exit code 102"), "{text}");
}

#[test]
fn the_environment_has_the_last_word() {
    let run = |name: &str, value| {
        Ran::of("audited", &[&format!("tests::{name}"), "--exact"], &[("PANIC_AGENT_AUDIT", value)])
    };
    run("loses_a_thread", "off").quiet(0);
    run("loses_a_thread", "warn").warned("silent_death", "tests::loses_a_thread");
    run("joins_and_ignores", "deny").denied("received", "tests::joins_and_ignores");
    run("clean", "nonsense").said("PANIC_AGENT_AUDIT=`nonsense` is not understood and was ignored");
    Ran::of("audited", &["tests::loses_a_thread", "--exact"], &[("PANIC_AGENT", "off")]).quiet(0);
}

#[test]
fn files_are_written_where_the_variables_say() {
    let directory = empty("files");
    let (json, junit) = (directory.join("audit.jsonl"), directory.join("junit"));
    let variables = [
        ("PANIC_AGENT_AUDIT_JSON", json.to_str().unwrap()),
        ("PANIC_AGENT_AUDIT_JUNIT", junit.to_str().unwrap()),
        ("PANIC_AGENT_AUDIT_STACKS", "1"),
        ("GITHUB_ACTIONS", "true"),
    ];
    let ran = Ran::of("audited", &["tests::loses_a_thread", "--exact"], &variables);
    ran.said("::error file=src/lib.rs,line=").said("      stack    ");
    let text = std::fs::read_to_string(&json).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        (lines.len(), &lines[0]["class"], &lines[1]["denied"]),
        (2, &"silent_death".into(), &1.into())
    );
    let xml = std::fs::read_to_string(junit.join("TEST-audited.xml")).unwrap();
    assert!(xml.contains("<failure") && xml.contains("connection lost"), "{xml}");
    let unwritable = [("PANIC_AGENT_AUDIT_JSON", "/no/such/directory/x")];
    Ran::of("audited", &["tests::clean", "--exact"], &unwritable).said("cannot write `/no/such/directory/x`");
    std::fs::remove_dir_all(&directory).unwrap();
}
