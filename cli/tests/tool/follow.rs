//! `panic-agent view --follow`.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

use crate::support::{Place, assert_schema, id_of, lines, skip};

#[test]
fn following_ends_when_nobody_reads_any_more() {
    let place = Place::new(&["thread-handle-dropped"]);
    let mut tool = place.command(&["view", "--follow", "--oneline", "thread-handle-dropped.jsonl"]);
    let mut tool = tool.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(tool.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("SILENT"), "{line}");
    // Nothing is appended, and it ends all the same.
    assert_eq!(tool.wait().unwrap().code(), Some(0));
}

#[test]
fn following_goes_on_through_renaming_truncation_and_half_lines() {
    let place = Place::new(&[]);
    let panic = |scenario: &str| {
        let text = lines(scenario);
        text.lines().find(|line| line.contains("\"kind\":\"panic\"")).unwrap().to_owned() + "\n"
    };
    let append = |text: &str| {
        let mut file =
            fs::OpenOptions::new().create(true).append(true).open(place.path("panics.jsonl")).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    };
    // The file comes later.
    let mut tool = place.command(&["view", "--follow", "--oneline"]);
    let mut tool = tool.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    append(&panic("thread-handle-dropped"));
    let (sender, told) = mpsc::channel();
    let out = BufReader::new(tool.stdout.take().unwrap());
    std::thread::spawn(move || out.lines().map_while(Result::ok).all(|line| sender.send(line).is_ok()));
    let (sender, said) = mpsc::channel();
    let err = BufReader::new(tool.stderr.take().unwrap());
    std::thread::spawn(move || err.lines().map_while(Result::ok).all(|line| sender.send(line).is_ok()));
    let wait = |scenario: &str| {
        let line =
            told.recv_timeout(Duration::from_secs(30)).unwrap_or_else(|_| panic!("{scenario} is not told"));
        assert!(line.contains(&id_of(scenario)), "{scenario}: {line}");
    };
    wait("thread-handle-dropped");
    let half = panic("catch-swallowed");
    append(&half[..1000]);
    append(&half[1000..]);
    wait("catch-swallowed");
    // Written to the old file after the renaming, and to the new one.
    fs::rename(place.path("panics.jsonl"), place.path("panics.jsonl.1")).unwrap();
    append(&panic("thread-join-read"));
    wait("thread-join-read");
    fs::OpenOptions::new().write(true).open(place.path("panics.jsonl")).unwrap().set_len(0).unwrap();
    // Shorter than what was there: that is how a truncation is noticed.
    let short =
        panic("thread-handle-dropped").replace(&id_of("thread-handle-dropped"), &id_of("mutex-poisoned"));
    append(&short[..100]);
    let said = said.recv_timeout(Duration::from_secs(30)).expect("the truncation is said");
    assert!(said.contains("was truncated"), "{said}");
    append(&short[100..]);
    wait("mutex-poisoned");
    tool.kill().unwrap();
    tool.wait().unwrap();
}

#[test]
fn what_comes_after_its_story_was_told_is_told_as_such() {
    let place = Place::new(&[]);
    let real = lines("thread-join-unwrapped");
    let line = |kind: &str, number: &str| {
        let id = id_of("thread-join-unwrapped").replace("-1", number);
        let is = |line: &&str| line.contains(&format!("\"kind\":\"{kind}\",\"id\":\"{id}\""));
        real.lines().find(is).unwrap().to_owned() + "\n"
    };
    let mut tool = place.command(&["view", "--follow", "--json", "-"]);
    let mut tool = tool.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = tool.stdin.take().unwrap();
    let mut out = BufReader::new(tool.stdout.take().unwrap()).lines();
    let mut told = |text: String| -> serde_json::Value {
        input.write_all(text.as_bytes()).unwrap();
        serde_json::from_str(&out.next().expect("a line").expect("text")).unwrap()
    };
    let values = [told(line("panic", "-1")), told(line("panic", "-2")), told(line("verdict", "-1"))];
    drop(input);
    assert!(tool.wait().unwrap().success());
    assert_schema("view", &values);
    let flags = |value: &serde_json::Value| {
        (value["kind"].clone(), value["headless"].clone(), value["continued"].clone())
    };
    assert_eq!(flags(&values[0]), ("incident".into(), false.into(), false.into()));
    assert_eq!(flags(&values[1]), ("incident".into(), true.into(), true.into()));
    assert_eq!(values[2]["kind"], "verdict");
    // The twin: the second panic alone has no beginning.
    place.put("second.jsonl", line("panic", "-2"));
    assert!(place.text(&["view", "second.jsonl"]).contains("is not in the files that were read"));
}

#[test]
fn lines_that_are_written_today_are_told() {
    let demo = std::path::Path::new(env!("CARGO_BIN_EXE_panic-agent")).with_file_name("agent-demo");
    if !demo.exists() {
        return skip("`agent-demo` is not built beside the tool (cargo build -p agent-demo)");
    }
    let place = Place::new(&[]);
    let mut run = std::process::Command::new(demo);
    run.args(["run", "thread-join-unwrapped"]).env("PANIC_AGENT_FILE", place.path("panics.jsonl"));
    assert_eq!(run.stderr(Stdio::null()).status().unwrap().code(), Some(101));
    let text = place.text(&["view"]);
    assert!(
        text.contains("the real cause") && text.ends_with("2 panics in 1 incident, 1 ended the process\n"),
        "{text}"
    );
}
