//! A log and the spools beside it, as a judge sees them.
//!
//! Runs on: the threads that judge. Must not: forgive a line that is not JSON.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

/// Lines of a log, each parsed, and those that are no JSON.
pub(crate) struct Log {
    pub(crate) lines: Vec<Value>,
    pub(crate) torn: Vec<String>,
}

impl Log {
    /// Reads `panics.jsonl`. A line of spaces alone is where a torn one was.
    pub(crate) fn read(directory: &Path) -> Self {
        let bytes = std::fs::read(directory.join("panics.jsonl")).unwrap_or_default();
        let mut log = Self { lines: Vec::new(), torn: Vec::new() };
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
            match serde_json::from_slice(line) {
                Ok(value) => {
                    crate::words::note(&value);
                    log.lines.push(value);
                }
                Err(_) => log.torn.push(String::from_utf8_lossy(&line[..line.len().min(200)]).into_owned()),
            }
        }
        log
    }

    pub(crate) fn of(&self, kind: &str) -> Vec<&Value> {
        self.lines.iter().filter(|line| line["kind"] == kind).collect()
    }

    /// How often each message has a `panic` line.
    pub(crate) fn messages(&self) -> HashMap<&str, usize> {
        let mut counts = HashMap::new();
        for line in self.of("panic") {
            *counts.entry(line["message"].as_str().unwrap_or_default()).or_default() += 1;
        }
        counts
    }

    /// Ids of `panic` lines that occur more than once.
    pub(crate) fn duplicates(&self) -> usize {
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for line in self.of("panic") {
            *counts.entry(line["id"].as_str().expect("an id")).or_default() += 1;
        }
        counts.values().filter(|count| **count > 1).count()
    }

    /// The last word on the panic with this message: a verdict, or its own line.
    #[track_caller]
    pub(crate) fn last_word(&self, message: &str) -> &Value {
        let panic = self.of("panic").into_iter().find(|line| line["message"] == message);
        let panic = panic.unwrap_or_else(|| panic!("no line for `{message}`: {:#?}", self.lines));
        self.of("verdict").into_iter().rfind(|line| line["id"] == panic["id"]).unwrap_or(panic)
    }
}

/// Files in a directory that are named like spools.
pub(crate) fn spools(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).expect("a directory");
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    names.filter(|name| name.contains(".spool-")).collect()
}

/// Everything about a log that an `end` line promises. Gives the panics that it counts.
pub(crate) fn balances(log: &Log) -> u64 {
    let ends: Vec<usize> = (0..log.lines.len()).filter(|at| log.lines[*at]["kind"] == "end").collect();
    let number = |line: &Value, field: &str| line[field].as_u64().expect("a number");
    let mut counted = 0;
    for at in &ends {
        let end = &log.lines[*at];
        let lost: u64 = end["losses"]
            .as_object()
            .expect("losses")
            .iter()
            .filter(|(reason, _)| *reason != "subscriber_full")
            .map(|(_, lost)| lost.as_u64().expect("a number"))
            .sum();
        let lines = log.lines[..*at].iter().filter(|line| line["kind"] == "panic").count() as u64;
        assert_eq!(number(end, "written"), lines, "{end}");
        assert_eq!(number(end, "panics"), lines + lost, "{end}");
        counted = number(end, "panics");
    }
    let last = ends.last().expect("it says that it ends");
    assert_eq!(log.lines[last + 1..], [Value::Null; 0], "the last word is the last line");
    counted
}

/// Nothing that was raised before the `end` line waits for its last word.
pub(crate) fn none_is_pending(log: &Log) {
    for line in log.of("panic") {
        let verdict = log.of("verdict").into_iter().rfind(|verdict| verdict["id"] == line["id"]);
        let last = verdict.unwrap_or(line);
        assert_ne!(last["fate"], "pending", "{last}");
    }
}
