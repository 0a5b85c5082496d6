//! Runs each example as a user does, in an empty directory, and compares what it prints with what its page promises.
//!
//! Runs on: the test harness. Must not: build. `cargo test` builds the examples with everything else; where a test was chosen by
//! name they may be missing or old, which is a failure and not a skip.
#![cfg(all(
    feature = "probes",
    target_os = "linux",
    target_env = "gnu",
    not(panic_agent_fallback),
    any(target_arch = "x86_64", target_arch = "aarch64")
))]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{fs, str};

use panic_agent::Line;
use panic_agent::record::{LineContent, LineReader};
use serde_json::Value;

/// The executable of an example, beside the directory of this one.
fn executable(example: &str) -> PathBuf {
    let this = std::env::current_exe().expect("a path");
    let target = this.parent().and_then(Path::parent).expect("a directory for the build");
    let executable = target.join("examples").join(example);
    let advice = "run `cargo build --examples` first, or all of `cargo test`";
    assert!(executable.is_file(), "{} is not built: {advice}", executable.display());
    let built = fs::metadata(&executable).and_then(|file| file.modified()).expect("a time");
    // The file of dependencies that cargo leaves beside it: `executable: source source ..`.
    let sources = fs::read_to_string(executable.with_extension("d")).expect("a list of its sources");
    let (_, sources) = sources.split_once(": ").expect("its sources");
    assert!(sources.contains(&format!("docs/examples/{example}.rs")), "{sources}");
    for source in sources.split_ascii_whitespace() {
        let changed = fs::metadata(source).and_then(|file| file.modified());
        assert!(changed.is_ok_and(|changed| changed <= built), "{example} is older than {source}: {advice}");
    }
    executable
}

/// Where an example runs.
fn directory(example: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("examples").join(example)
}

/// The same, without what an earlier run left.
fn empty_directory(example: &str) -> PathBuf {
    let directory = directory(example);
    let _missing = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).expect("a directory");
    directory
}

/// Runs an example to its end, with none of the agent's variables.
fn run(example: &str) -> Output {
    let mut command = Command::new(executable(example));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PANIC_AGENT") {
            command.env_remove(name);
        }
    }
    // A busy machine takes its time to read debug information.
    command.env("PANIC_AGENT_FLUSH_MS", "60000").env("RUST_BACKTRACE", "0");
    let directory = empty_directory(example);
    let output = command.current_dir(&directory).output().expect("a process");
    assert!(output.status.success(), "{example}: {output:?}");
    assert_whole(&directory.join("panics.jsonl"));
    output
}

/// A log ends with its totals, which balance. An example with a destination of its own has none.
fn assert_whole(log: &Path) {
    let Ok(bytes) = fs::read(log) else { return };
    let last = LineReader::new(&bytes[..]).last().expect("lines").expect("a file");
    let LineContent::Line(Line::End(end)) = last.content else { panic!("{}: {last:?}", log.display()) };
    assert!(end.panics > 0 && end.panics == end.written, "{}: {end:?}", log.display());
}

fn stdout(output: &Output) -> &str {
    str::from_utf8(&output.stdout).expect("a text")
}

#[test]
fn install_leaves_the_verdict_that_the_readme_shows() {
    let output = run("install");
    assert_eq!(stdout(&output), "");
    let log = fs::read(directory("install").join("panics.jsonl")).expect("a log");
    let panic = String::from_utf8_lossy(&log);
    let panic = panic.lines().find(|line| line.contains(r#""kind":"panic""#)).expect("a panic");
    let panic: Value = serde_json::from_str(panic).expect("JSON");
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("a page");
    let shown =
        readme.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a verdict");
    let shown: Value = serde_json::from_str(shown).expect("an object");
    let shown = shown.as_object().expect("an object");
    assert!(shown.len() >= 5, "{shown:?}");
    for (field, value) in shown {
        assert!(is_part(value, &panic[field]), "`{field}`: {value} in the README, {}", panic[field]);
    }
}

/// Whether everything shown is what a line has; of paths the end is enough.
fn is_part(shown: &Value, line: &Value) -> bool {
    match (shown, line) {
        (Value::Object(shown), Value::Object(line)) => {
            shown.iter().all(|(field, value)| line.get(field).is_some_and(|line| is_part(value, line)))
        }
        (Value::String(shown), Value::String(line)) => line == shown || line.ends_with(&format!("/{shown}")),
        _ => shown == line,
    }
}

#[test]
fn labels_shows_those_of_the_process_the_request_and_the_call() {
    let output = run("labels");
    let expected = "no price for this order\n  \
        attempt = 2\n  http.method = GET\n  region = eu-1\n  request = 17\n  span_id = b7ad6b7169203331\n  \
        stage = billing\n  trace_id = 0af7651916cd43dd8448eb211c80319c\n";
    assert_eq!(stdout(&output), expected);
}

#[test]
fn verdicts_tells_who_got_each_error_last() {
    let output = run("verdicts");
    let last = |message: &str| stdout(&output).lines().rfind(|line| line.starts_with(message));
    assert_eq!(last("read "), Some("read         ThreadDied, Read, silent: Some(false)"));
    assert_eq!(last("thrown away"), Some("thrown away  ThreadDied, Received, silent: Some(false)"));
    assert_eq!(last("nobody asks"), Some("nobody asks  ThreadDied, Discarded, silent: Some(true)"));
}

#[test]
fn tokio_group_has_one_cause_and_counts_what_it_cancelled() {
    let output = run("tokio_group");
    assert_eq!(stdout(&output), "cause: no such shard\n3 cancelled, 0 other failures\n");
}

#[test]
fn tower_layer_answers_500_and_reports_the_request() {
    let output = run("tower_layer");
    let expected = "GET /price: 500 Internal Server Error\na price above 8\n  \
        http_method = GET\n  http_path = /price\n  request_id = r-17\n";
    assert_eq!(stdout(&output), expected);
}

#[test]
fn health_answers_503_when_a_thread_died_unseen_and_200_when_one_was_joined() {
    let output = run("health");
    let expected =
        "200 OK: ok\n200 OK: ok\n503 Service Unavailable: degraded: 1 panic that nobody can ever see\n";
    assert_eq!(stdout(&output), expected);
}

#[test]
fn audit_finds_what_nobody_saw_and_not_what_was_planned() {
    let output = run("audit");
    let table = stdout(&output);
    assert!(table.contains("2 findings in `program`, 2 denied"), "{table}");
    assert!(table.contains("deny silent_death") && table.contains("no such order"), "{table}");
    assert!(table.contains("deny swallowed") && table.contains("a result that nobody looks at"), "{table}");
    assert!(table.contains("folded: 1 by an `[[expect]]` entry"), "{table}");
}

#[test]
fn every_example_is_run_by_a_test() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples");
    let tests = include_str!("examples.rs");
    let mut seen = 0;
    for entry in fs::read_dir(examples).expect("a directory") {
        let path = entry.expect("an entry").path();
        let example = path.file_stem().and_then(|name| name.to_str()).expect("a name");
        assert!(tests.contains(&format!("run(\"{example}\")")), "nobody runs {example}");
        seen += 1;
    }
    assert!(seen >= 7, "{seen} examples");
}
