//! A log, as a judge sees it.
//!
//! Runs on: the threads that judge. Must not: forgive a line that is not JSON.

use std::path::Path;

use serde_json::Value;

/// Every line of a log.
#[derive(Debug, Default)]
pub(crate) struct Log(pub(crate) Vec<Value>);

impl Log {
    /// Reads a file; no file is no lines.
    #[track_caller]
    pub(crate) fn read(path: &Path) -> Self {
        Self::of(&std::fs::read(path).unwrap_or_default())
    }

    /// Lines of a text.
    #[track_caller]
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
        let parse = |line: &[u8]| {
            serde_json::from_slice(line)
                .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(line)))
        };
        let lines: Vec<Value> = lines.map(parse).collect();
        lines.iter().for_each(crate::words::note);
        Self(lines)
    }

    pub(crate) fn kind(&self, kind: &str) -> Vec<&Value> {
        self.0.iter().filter(|line| line["kind"] == kind).collect()
    }

    /// Messages of the `panic` lines, sorted.
    pub(crate) fn messages(&self) -> Vec<&str> {
        let mut messages: Vec<_> =
            self.kind("panic").iter().map(|line| line["message"].as_str().unwrap_or_default()).collect();
        messages.sort_unstable();
        messages
    }

    /// The last totals: written and lost.
    #[track_caller]
    pub(crate) fn end(&self) -> (u64, u64) {
        let ends = self.kind("end");
        let end = ends.last().unwrap_or_else(|| panic!("no `end` line: {:#?}", self.0));
        let losses = end["losses"].as_object().into_iter().flatten();
        let lost = losses.filter_map(|(_, count)| count.as_u64()).sum();
        (end["written"].as_u64().expect("a count"), lost)
    }
}
