//! Gives each line to every sink, and lines of which none counts as a report together when they are due together.
//!
//! Runs on: the writer thread. Must not: let a sink's panic or error keep the others from their line; hold a line over the
//! end of a turn of the writer's loop.

use std::io;

use crate::config::user_code::guarded;
use crate::record::{EncodedLine, Line, LossReason};
use crate::sink::Sink;

/// Bytes after which lines are given on.
const FULL: usize = 64 * 1024;

/// The destinations of lines.
pub(crate) struct FanOut {
    sinks: Vec<Box<dyn Sink>>,
    /// Whether lines were given since the last flush.
    dirty: bool,
}

impl FanOut {
    pub(crate) fn new(sinks: Vec<Box<dyn Sink>>) -> Self {
        Self { sinks, dirty: false }
    }

    /// Gives one line to every sink. A panic is a worse reason than an error, and one reason is reported,
    /// so that a line is counted once.
    ///
    /// # Errors
    /// Why at least one sink did not take the line.
    pub(crate) fn write(&mut self, line: &EncodedLine<'_>) -> Result<(), LossReason> {
        self.dirty = true;
        self.on_each(|sink| sink.write(line))
    }

    /// Gives several lines to every sink, in order.
    ///
    /// # Errors
    /// Why at least one sink did not take all of them.
    pub(crate) fn write_all(&mut self, lines: &[EncodedLine<'_>]) -> Result<(), LossReason> {
        self.dirty = true;
        self.on_each(|sink| sink.write_all(lines))
    }

    /// Flushes every sink that may hold lines.
    ///
    /// # Errors
    /// Why at least one sink may not have delivered what it took.
    pub(crate) fn flush(&mut self) -> Result<(), LossReason> {
        if !core::mem::take(&mut self.dirty) {
            return Ok(());
        }
        self.on_each(|sink| sink.flush())
    }

    fn on_each(&mut self, mut call: impl FnMut(&mut dyn Sink) -> io::Result<()>) -> Result<(), LossReason> {
        let mut result = Ok(());
        for sink in &mut self.sinks {
            match guarded(|| call(&mut **sink).map_err(drop)) {
                Some(Ok(())) => {}
                Some(Err(())) if result == Err(LossReason::SinkPanicked) => {}
                Some(Err(())) => result = Err(LossReason::SinkFailed),
                None => result = Err(LossReason::SinkPanicked),
            }
        }
        result
    }

    /// What does not work although no line was lost.
    pub(crate) fn take_troubles(&mut self) -> Vec<String> {
        self.sinks.iter_mut().filter_map(|sink| guarded(|| sink.take_trouble()).flatten()).collect()
    }
}

/// Lines that are due together, one behind the other in a reused buffer.
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
