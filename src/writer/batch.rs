//! Lines that are due together and of which none counts as a report: given to the sinks at once.
//!
//! Runs on: the writer thread. Must not: hold a line over the end of a turn of the writer's loop.

use super::fan_out::FanOut;
use crate::record::{EncodedLine, Line};

/// Bytes after which lines are given on.
const FULL: usize = 64 * 1024;

/// Lines, one behind the other in a reused buffer.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    /// Each line, and where its text ends.
    lines: Vec<(Line, usize)>,
}

impl Batch {
    /// Adds a line; one that cannot be serialized is left out.
    pub(crate) fn push(&mut self, line: Line) {
        if line.encode_into(&mut self.bytes) {
            self.lines.push((line, self.bytes.len()));
        }
    }

    /// Whether it is time to give the lines on.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes.len() >= FULL
    }

    /// Gives all lines to every sink, and returns them. What a sink refuses is no report, so nothing is counted.
    pub(crate) fn give(&mut self, sinks: &mut FanOut) -> impl Iterator<Item = Line> + use<> {
        let mut begin = 0;
        let encoded: Vec<EncodedLine<'_>> = self
            .lines
            .iter()
            .map(|(line, end)| {
                let text = self.bytes.get(begin..*end).unwrap_or_default();
                begin = *end;
                EncodedLine::new(line, text)
            })
            .collect();
        if !encoded.is_empty() {
            sinks.write_all(&encoded).ok();
        }
        self.bytes.clear();
        core::mem::take(&mut self.lines).into_iter().map(|(line, _)| line)
    }
}
