//! Gives each line to every sink.
//!
//! Runs on: the writer thread. Must not: let a sink's panic or error keep the others from their line.

use std::io;

use crate::config::user_code::guarded;
use crate::record::{EncodedLine, LossReason};
use crate::sink::Sink;

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
