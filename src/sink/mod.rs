//! Stage 7: where lines end. One file per destination.
//!
//! Runs on: the writer thread. Must not: be called from a panicking thread.

mod file;
#[cfg(any(test, feature = "testing"))]
mod memory;
mod pretty;
#[cfg(unix)]
#[allow(unsafe_code)]
mod raw_fd;
mod standard;
mod whole_line;

use std::io;
use std::path::Path;

pub use file::{Compression, FileSink, Rotation};
pub(crate) use file::{GZIP_AVAILABLE, MIN_ROTATION_AGE, MIN_ROTATION_BYTES};
#[cfg(any(test, feature = "testing"))]
pub use memory::MemorySink;
pub(crate) use pretty::Pretty;
#[cfg(unix)]
pub(crate) use raw_fd::wait_writable;
pub use standard::StandardSink;
pub(crate) use whole_line::RawWrite;

use crate::config::Output;
use crate::error::Error;
use crate::files::FileTrust;
use crate::record::Line;

/// File that receives the lines when nothing else was asked for.
const DEFAULT_FILE: &str = "panics.jsonl";

/// Opens the destinations that were asked for, or the default file.
///
/// # Errors
/// When a file cannot be opened.
pub(crate) fn open_all(
    outputs: Vec<Output>,
    trust: FileTrust,
    rotation: Rotation,
) -> Result<Vec<Box<dyn Sink>>, Error> {
    let file = |path: &Path| -> Result<Box<dyn Sink>, Error> {
        let sink =
            FileSink::open_with(path, trust, rotation).map_err(|error| Error::open_file(path, error))?;
        Ok(Box::new(sink))
    };
    if outputs.is_empty() {
        return Ok(vec![file(Path::new(DEFAULT_FILE))?]);
    }
    outputs
        .into_iter()
        .map(|output| match output {
            Output::File(path) => file(&path),
            Output::Stdout => Ok(Box::new(StandardSink::stdout()) as Box<dyn Sink>),
            Output::Stderr => Ok(Box::new(StandardSink::stderr()) as Box<dyn Sink>),
            Output::Sink(sink) => Ok(sink),
        })
        .collect()
}

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

    /// One sentence about something that does not work although no line was lost, such as a rotation; asked after
    /// each flush. What it gives becomes a `finding` line with the code `sink_trouble`, so it should give
    /// each trouble once.
    fn take_trouble(&mut self) -> Option<String> {
        None
    }
}
