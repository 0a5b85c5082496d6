//! What came of a program: status, output, and the lines in its files.
//!
//! Runs on: the threads that judge. Must not: forgive a line that is not JSON.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{ExitStatus, Output};

use serde_json::Value;

/// A program that has ended.
pub(crate) struct Outcome {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// The directory in which it ran.
    pub(crate) directory: PathBuf,
}

impl Outcome {
    pub(crate) fn new(output: &Output, directory: PathBuf) -> Self {
        Self {
            status: output.status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            directory,
        }
    }

    /// The program ended as it should, so its own assertions held.
    #[track_caller]
    pub(crate) fn ended_with(&self, code: i32) {
        assert_eq!(self.status.code(), Some(code), "{}", self.stderr);
    }

    /// Lines on stderr that the agent itself printed.
    pub(crate) fn complaints(&self) -> Vec<&str> {
        self.stderr.lines().filter_map(|line| line.strip_prefix("panic-agent: ")).collect()
    }

    pub(crate) fn has(&self, file: &str) -> bool {
        self.directory.join(file).exists()
    }

    /// Lines of `panics.jsonl`.
    #[track_caller]
    pub(crate) fn lines(&self) -> Lines {
        self.lines_in("panics.jsonl")
    }

    #[track_caller]
    pub(crate) fn lines_in(&self, file: &str) -> Lines {
        let path = self.directory.join(file);
        let text = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}\n{}", path.display(), self.stderr));
        Lines::parse(&text)
    }
}

/// Lines of the agent.
pub(crate) struct Lines(Vec<Value>);

impl Lines {
    #[track_caller]
    pub(crate) fn parse(text: &str) -> Self {
        assert!(text.is_empty() || text.ends_with('\n'), "the last line is not whole: {text}");
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        Self(text.lines().map(parse).collect())
    }

    pub(crate) fn all(&self) -> &[Value] {
        &self.0
    }

    pub(crate) fn of(&self, kind: &str) -> Vec<&Value> {
        self.0.iter().filter(|line| line["kind"] == kind).collect()
    }

    /// The one line of a kind.
    #[track_caller]
    pub(crate) fn only(&self, kind: &str) -> &Value {
        let lines = self.of(kind);
        assert_eq!(lines.len(), 1, "lines of kind {kind}: {lines:#?}");
        lines[0]
    }

    /// The last word on each panic, by id.
    pub(crate) fn finals(&self) -> BTreeMap<&str, &Value> {
        let speaks = |line: &&Value| line["kind"] == "panic" || line["kind"] == "verdict";
        self.0.iter().filter(speaks).map(|line| (line["id"].as_str().unwrap(), line)).collect()
    }

    /// Messages of the `panic` lines.
    pub(crate) fn messages(&self) -> Vec<&str> {
        self.of("panic").iter().map(|line| line["message"].as_str().unwrap_or_default()).collect()
    }

    /// The totals of the `end` line: panics, written, lost.
    #[track_caller]
    pub(crate) fn totals(&self) -> (u64, u64, u64) {
        let end = self.only("end");
        let number = |value: &Value| value.as_u64().expect("a count");
        let losses = end["losses"].as_object().expect("an object");
        // A subscriber that missed a report lost its copy and not the line.
        let lost = losses.iter().filter(|(reason, _)| *reason != "subscriber_full");
        (number(&end["panics"]), number(&end["written"]), lost.map(|(_, count)| number(count)).sum())
    }
}
