//! `cargo panic-agent test` over a suite that knows nothing of it.
#![cfg(all(target_os = "linux", target_env = "gnu", any(target_arch = "x86_64", target_arch = "aarch64")))]

#[path = "support/mod.rs"]
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use support::{cargo, has, host, library, place, skip, tool, zoo};

/// Runs the tool on the suite; `more` changes the command.
fn audit(args: &[&str], more: impl FnOnce(&mut Command)) -> Output {
    library();
    let mut tool = tool();
    tool.args(args)
        .current_dir(zoo().join("suite"))
        .env("CARGO_TARGET_DIR", place("zoo"))
        .env("CARGO_TERM_COLOR", "never");
    more(&mut tool);
    tool.output().expect("the tool runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What libtest prints, without the order of the tests and the time.
fn results(output: &Output) -> Vec<String> {
    let mut lines: Vec<_> = stdout(output)
        .lines()
        .filter(|line| line.starts_with("test ") || line.starts_with("running "))
        .map(|line| line.split("; finished in").next().unwrap_or_default().to_owned())
        .collect();
    lines.sort();
    lines
}

#[test]
fn a_thread_that_dies_behind_a_test_that_passes_is_denied_and_everything_else_is_as_without_us() {
    let observed = audit(&["test"], |_| ());
    assert_eq!(observed.status.code(), Some(102), "{}", stderr(&observed));
    assert!(stderr(&observed).contains("deny silent_death") && stderr(&observed).contains("nobody looks"));
    assert!(!stderr(&observed).contains("somebody looks"), "{}", stderr(&observed));
    let readme =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).expect("the README");
    let shown =
        readme.split("```text\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a finding");
    for line in shown.lines() {
        let printed = |text: String| text.lines().any(|printed| printed == line);
        let printed = printed(stderr(&observed)) || printed(stdout(&observed));
        assert!(line.is_empty() || printed, "the README shows {line:?}");
    }
    let mut plain = cargo();
    plain.arg("test").current_dir(zoo().join("suite")).env("CARGO_TARGET_DIR", place("zoo"));
    let plain = plain.output().expect("cargo runs");
    assert_eq!(plain.status.code(), Some(0));
    assert_eq!(results(&observed), results(&plain));
    assert!(results(&plain).len() > 4, "the doc test, too");
}

#[test]
fn options_decide_and_arguments_reach_cargo_and_the_tests() {
    let allowed = audit(&["test", "--lib", "--allow", "silent_death"], |_| ());
    assert_eq!(allowed.status.code(), Some(0), "{}", stderr(&allowed));
    let other = audit(&["test", "--", "a_thread_is_looked_at"], |_| ());
    assert_eq!(other.status.code(), Some(0), "{}", stderr(&other));
    assert!(stdout(&other).contains("2 filtered out"));
    let wrong = audit(&["test", "--deny", "everything"], |_| ());
    assert_eq!(wrong.status.code(), Some(2));
    assert!(stderr(&wrong).contains("silent_death"), "the classes are listed");
    let failing = audit(&["test", "--no-such-option"], |_| ());
    assert_eq!(failing.status.code(), Some(1), "cargo's own status");
}

#[test]
fn the_findings_are_written_as_json_and_junit() {
    let directory = tempfile::tempdir_in(place("runs")).expect("a directory");
    let (json, junit) = (directory.path().join("a.json"), directory.path().join("a.xml"));
    let name = |path: &Path| path.to_str().expect("a path").to_owned();
    audit(&["test", "--lib", "--json", &name(&json), "--junit", &name(&junit)], |_| ());
    let lines: Vec<serde_json::Value> = fs::read_to_string(&json)
        .expect("JSON lines")
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let findings: Vec<_> = lines.iter().filter(|line| line["kind"] == "audit_finding").collect();
    assert_eq!(findings.len(), 1);
    assert_eq!((&findings[0]["class"], &findings[0]["binary"]), (&"silent_death".into(), &"suite".into()));
    assert_eq!(findings[0]["test"], "tests::a_thread_is_lost_behind_it");
    let xml = fs::read_to_string(&junit).expect("XML");
    assert!(xml.contains("testsuite name=\"suite\"") && xml.contains("silent_death"), "{xml}");
}

/// The lines of a table that begin a block, and those that say of which tests it is.
fn blocks(output: &Output) -> (usize, Vec<String>) {
    let text = stderr(output);
    let tests =
        |line: &&str| line.starts_with("  test ") || (line.starts_with("  ") && line.contains(" tests: "));
    let number = text.lines().filter(|line| line.starts_with("    warn ")).count();
    (number, text.lines().filter(tests).map(str::to_owned).collect())
}

#[test]
fn a_pool_that_outlives_many_tests_is_one_block_and_two_pools_are_two() {
    let directory = tempfile::tempdir_in(place("runs")).expect("a directory");
    let json = directory.path().join("a.json");
    let of = |module: &str| {
        let json = json.to_str().expect("a path");
        audit(&["test", "--test", "outlived", "--json", json, "--", module], |_| ())
    };
    let one = of("one_pool");
    assert_eq!(one.status.code(), Some(0), "{}", stderr(&one));
    let named = "  6 tests: one_pool::a, one_pool::b, one_pool::c and 3 more".to_owned();
    assert_eq!(blocks(&one), (1, vec![named]), "{}", stderr(&one));
    let lines = fs::read_to_string(&json).expect("JSON lines");
    for test in ["a", "b", "c", "d", "e", "f"] {
        assert!(lines.contains(&format!("\"test\":\"one_pool::{test}\"")), "{lines}");
    }
    let two = of("two_pools");
    let (number, tests) = blocks(&two);
    assert_eq!((number, tests.len()), (2, 2), "{}", stderr(&two));
}

#[test]
fn nextest_finds_the_same() {
    if !has("cargo-nextest") {
        return skip("cargo-nextest is not installed");
    }
    for args in [&["nextest", "run", "--lib"][..], &["test", "--nextest", "--lib"]] {
        let observed = audit(args, |_| ());
        assert_eq!(observed.status.code(), Some(102), "{}", stderr(&observed));
        assert!(stderr(&observed).contains("3 tests run: 3 passed"), "{}", stderr(&observed));
        assert!(stderr(&observed).contains("deny silent_death"), "{}", stderr(&observed));
        assert!(
            stderr(&observed).contains("test tests::a_thread_is_lost_behind_it"),
            "{}",
            stderr(&observed)
        );
    }
}

#[test]
fn the_users_own_runner_is_called_and_is_not_observed_itself() {
    let directory = tempfile::tempdir_in(place("runs")).expect("a directory");
    let (runner, mark) = (directory.path().join("runner"), directory.path().join("mark"));
    fs::write(&runner, format!("#!/bin/sh\necho called >> '{}'\n\"$@\"\n", mark.display()))
        .expect("a script");
    fs::set_permissions(&runner, fs::Permissions::from_mode(0o755)).expect("its mode");
    let variable = format!("CARGO_TARGET_{}_RUNNER", host().to_uppercase().replace('-', "_"));
    let observed = audit(&["test", "--lib"], |tool| {
        tool.env(&variable, &runner);
    });
    assert_eq!(fs::read_to_string(&mark).ok().as_deref(), Some("called\n"), "{}", stderr(&observed));
    assert!(stderr(&observed).contains("deny silent_death"), "{}", stderr(&observed));
    // The suite itself says that its environment has no runner of ours; this one is the user's.
    assert!(stdout(&observed).contains("test tests::a_thread_is_lost_behind_it ... ok"));
}

#[test]
fn the_cache_can_be_looked_at_and_emptied() {
    let cache = tempfile::tempdir_in(place("runs")).expect("a directory");
    let preload = |option: &str| {
        let output = tool()
            .args(["preload", option])
            .env("PANIC_AGENT_CACHE", cache.path())
            .output()
            .expect("it runs");
        (output.status.code(), stdout(&output))
    };
    assert_eq!(preload("--path"), (Some(1), String::new()), "nothing is built yet");
    fs::create_dir(cache.path().join("preload-0123")).expect("a directory");
    fs::create_dir(cache.path().join("of-somebody-else")).expect("a directory");
    assert_eq!(preload("--clean"), (Some(0), "1\n".to_owned()));
    assert_eq!(preload("--clean"), (Some(0), "0\n".to_owned()));
    assert!(cache.path().join("of-somebody-else").is_dir());
    library();
    let there = tool().args(["preload", "--path"]).output().expect("it runs");
    assert!(Path::new(stdout(&there).trim()).is_file());
}

/// A cargo that says what it was called with, and whose test binary audits itself if that is asked for.
fn saying_cargo(directory: &Path) -> std::path::PathBuf {
    let path = directory.join("saying-cargo");
    let audit = r#"{"schema":1,"kind":"audit","binary":"billing","findings":2,"denied":1}"#;
    let script = format!(
        "#!/bin/sh\necho \"called with: $*\"\n[ -z \"$AUDITS\" ] || echo '{audit}' >>\"$PANIC_AGENT_AUDIT_JSON\"\nexit 7\n"
    );
    fs::write(&path, script).expect("a script");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a script that runs");
    path
}

#[test]
fn where_nothing_can_be_preloaded_cargo_runs_as_it_is_and_the_other_way_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let cargo = saying_cargo(directory.path());
    let run = |args: &[&str]| audit(args, |tool| _ = tool.env("CARGO", &cargo));
    let unobserved = run(&["test", "--target", "aarch64-apple-darwin", "--", "one"]);
    assert_eq!(unobserved.status.code(), Some(7), "{}", stderr(&unobserved));
    assert_eq!(stdout(&unobserved), "called with: test --target aarch64-apple-darwin -- one\n");
    let says = ["aarch64-apple-darwin cannot be observed from outside", "no test binary audited itself"];
    for said in says {
        assert!(stderr(&unobserved).contains(said), "{}", stderr(&unobserved));
    }
    // Those that audit themselves are named, and what they found is kept.
    let file = directory.path().join("findings.json");
    let path = file.to_str().expect("UTF-8");
    let audited = audit(&["test", "--json", path, "--target", "aarch64-apple-darwin"], |tool| {
        tool.env("CARGO", &cargo).env("AUDITS", "1");
    });
    assert!(
        stderr(&audited).contains("audited themselves: billing; findings: 2, denied: 1"),
        "{}",
        stderr(&audited)
    );
    assert!(fs::read_to_string(&file).is_ok_and(|text| text.contains("\"kind\":\"audit\"")));
    // What they cannot be asked for is refused.
    let refused = run(&["test", "--junit", path, "--target", "aarch64-apple-darwin"]);
    assert!(!refused.status.success() && stdout(&refused).is_empty());
    assert!(stderr(&refused).contains("leave out `--junit`"), "{}", stderr(&refused));
    // Where it can, this tool is the runner.
    let observed = run(&["test", "--target", &host()]);
    assert!(stdout(&observed).contains(".runner=") && !stderr(&observed).contains("from outside"));
}
