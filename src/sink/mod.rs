//! Stage 7: where lines end. One file per destination.
//!
//! Runs on: the writer thread. Must not: be called from a panicking thread.

use std::io;

use crate::record::Line;

/// A destination for lines.
///
/// All calls come from the agent's writer thread, one at a time. An error counts the line as lost
/// ([`LossReason::SinkFailed`](crate::LossReason::SinkFailed)); a panic is caught, counted and the sink
/// is used again.
pub trait Sink: Send {
    /// Takes one line.
    ///
    /// # Errors
    /// When the line did not reach the destination.
    fn write(&mut self, line: &Line<'_>) -> io::Result<()>;

    /// Brings what was taken to its destination. Called when the queue is empty and at the end.
    ///
    /// # Errors
    /// When lines that were taken may not have arrived.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
