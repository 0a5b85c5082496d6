//! Lines that are due together and of which none counts as a report: given to the sinks at once.
//!
//! Runs on: the writer thread. Must not: hold a line over the end of a turn of the writer's loop.

use serde::Serialize;

use super::fan_out::FanOut;
use crate::record::{Line, LineKind};

/// Bytes after which lines are given on.
const FULL: usize = 64 * 1024;

/// Lines of one kind, one behind the other in a reused buffer.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Batch {
    /// Adds a line; one that cannot be serialized is left out.
    pub(crate) fn push<T: Serialize>(&mut self, line: &T) {
        let before = self.bytes.len();
        if serde_json::to_writer(&mut self.bytes, line).is_err() {
            self.bytes.truncate(before);
            return;
        }
        self.bytes.push(b'\n');
        self.ends.push(self.bytes.len());
    }

    /// Whether it is time to give the lines on.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes.len() >= FULL
    }

    /// Gives all lines to every sink. What a sink refuses is no report, so nothing is counted.
    pub(crate) fn give(&mut self, kind: LineKind, sinks: &mut FanOut) {
        if self.ends.is_empty() {
            return;
        }
        let mut begin = 0;
        let lines: Vec<Line<'_>> = self
            .ends
            .iter()
            .map(|end| {
                let line = self.bytes.get(begin..*end).unwrap_or_default();
                begin = *end;
                Line::new(kind, line, None)
            })
            .collect();
        sinks.write_all(&lines).ok();
        self.bytes.clear();
        self.ends.clear();
    }
}
