//! The word index on real input: what its user sees, and what only the agent's file tells.

use std::fs;
use std::path::Path;
use std::process::Output;

use agent_demo::{Lines, child};
use tempfile::TempDir;

const EXE: &str = env!("CARGO_BIN_EXE_agent-demo");
/// Letters of two bytes and spaces of one: some snippet is cut inside a letter.
const WIDE: &str = "Η Επιτροπή επιβεβαιώνει ότι το μέτρο ισχύει από σήμερα.\n";
const ASCII: &str = "The commission confirms that the measure applies.\n";

fn index(files: &[(&str, &[u8])], arguments: &[&str]) -> (Output, Lines, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let texts = directory.path().join("texts");
    fs::create_dir_all(texts.join("below")).unwrap();
    for (name, bytes) in files {
        fs::write(texts.join(name), bytes).unwrap();
    }
    let mut command = child::command(Path::new(EXE), directory.path());
    command.args(["index", "texts", "--panics", "agent.jsonl"]).args(arguments);
    let output = child::finish(command).unwrap();
    let lines = Lines::read(&directory.path().join("agent.jsonl")).unwrap();
    (output, lines, directory)
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn ascii_text_kills_nobody() {
    let files = [("a.txt", ASCII.as_bytes()), ("below/b.txt", ASCII.as_bytes())];
    let (output, lines, _directory) = index(&files, &["--threads", "2"]);
    assert!(output.status.success());
    assert!(stdout(&output).contains("indexed 6 words in 2 files"), "{}", stdout(&output));
    assert_eq!(stderr(&output), "");
    assert_eq!(lines.panics, []);
}

#[test]
fn wide_letters_kill_every_worker_and_the_status_is_still_0() {
    let files = [("1.txt", WIDE), ("2.txt", WIDE), ("3.txt", ASCII), ("4.txt", ASCII)]
        .map(|(name, text)| (name, text.as_bytes()));
    let (output, _, _directory) = index(&files, &["--threads", "2"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).contains("in 0 files"), "{}", stdout(&output));
    assert_eq!(stderr(&output).matches("is not a char boundary").count(), 2, "{}", stderr(&output));
}

#[test]
fn the_lines_name_the_thread_and_the_file_of_each_dead_worker() {
    let files = [("1.txt", WIDE.as_bytes()), ("2.txt", WIDE.as_bytes()), ("3.txt", ASCII.as_bytes())];
    let (_, lines, _directory) = index(&files, &["--threads", "2"]);
    assert_eq!(lines.panics.len(), 2, "{lines:?}");
    for report in &lines.panics {
        assert!(report.summary().contains("is not a char boundary"), "{}", report.summary());
        assert!(report.thread.as_deref().is_some_and(|name| name.starts_with("indexer-")));
        assert_eq!(report.fate, panic_agent::record::Fate::ThreadDied);
        assert_eq!(report.head.service.as_deref(), Some("agent-demo-index"));
        assert!(report.labels["file"].ends_with(".txt"), "{:?}", report.labels);
    }
    let mut files: Vec<&str> = lines.panics.iter().map(|report| report.labels["file"].as_str()).collect();
    files.sort_unstable();
    assert_eq!(files, ["texts/1.txt", "texts/2.txt"]);
}

#[test]
fn one_dead_worker_of_two_leaves_the_rest_to_the_other() {
    let files = [("1.txt", WIDE.as_bytes()), ("2.txt", ASCII.as_bytes()), ("3.txt", ASCII.as_bytes())];
    let (output, _, _directory) = index(&files, &["--threads", "2"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).contains("in 2 files"), "{}", stdout(&output));
}

#[test]
fn what_is_no_text_is_skipped_by_name_and_nobody_dies() {
    let files: [(&str, &[u8]); 2] = [("good.txt", ASCII.as_bytes()), ("latin1.txt", b"na\xefve\n")];
    let (output, lines, _directory) = index(&files, &["--out", "index.json"]);
    assert!(output.status.success());
    assert!(stderr(&output).contains("skipped texts/latin1.txt: invalid utf-8"), "{}", stderr(&output));
    assert!(stdout(&output).contains("in 1 files"), "{}", stdout(&output));
    assert_eq!(lines.panics, []);
}

#[test]
fn the_index_is_written_with_the_first_place_of_each_word() {
    let (output, _, directory) = index(&[("a.txt", b"one two\nthree two\n")], &["--out", "index.json"]);
    assert!(output.status.success());
    let text = fs::read_to_string(directory.path().join("index.json")).unwrap();
    let index: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(index["files"], 1);
    assert_eq!(index["words"]["two"][0]["line"], 1);
    assert_eq!(index["words"]["three"][0]["snippet"], "three two");
}

#[test]
fn a_missing_directory_is_an_error_that_names_it() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = child::command(Path::new(EXE), directory.path());
    command.args(["index", "nowhere"]);
    let output = child::finish(command).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("cannot index `nowhere`: No such file"), "{}", stderr(&output));
}

#[test]
fn a_mistyped_scenario_is_answered_with_a_suggestion() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = child::command(Path::new(EXE), directory.path());
    command.args(["run", "extern-d"]);
    let output = child::finish(command).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("did you mean `extern-c`"), "{}", stderr(&output));
}
