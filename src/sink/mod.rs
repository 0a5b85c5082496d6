//! Stage 7: where lines end. One file per destination.
//!
//! Runs on: the writer thread. Must not: be called from a panicking thread.

mod file;
#[cfg(any(test, feature = "testing"))]
mod memory;
mod output;
mod pretty;
mod standard;

use std::io;
use std::path::{Path, PathBuf};

pub use file::{FileSink, Rotation};
pub(crate) use file::{MIN_ROTATION_AGE, MIN_ROTATION_BYTES};
#[cfg(any(test, feature = "testing"))]
pub use memory::MemorySink;
pub(crate) use output::Output;
pub(crate) use pretty::Pretty;
pub use standard::StandardSink;

use crate::error::Error;
use crate::files::{DEFAULT_FILE, FileTrust};
use crate::record::EncodedLine;

/// The file of the lines, absolute; `None` when they go to no file.
pub(crate) fn log_path(outputs: &[Output]) -> Option<PathBuf> {
    let default = outputs.is_empty().then_some(Path::new(DEFAULT_FILE));
    let mut files = outputs.iter().filter_map(|output| match output {
        Output::File(path) => Some(path.as_path()),
        _ => None,
    });
    std::path::absolute(default.or_else(|| files.next())?).ok()
}

/// A destination that a forked child can open for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reopen {
    /// Absolute.
    File(PathBuf),
    Stdout,
    Stderr,
}

impl Reopen {
    /// Those among the outputs; a destination of the user's belongs to the parent's writer.
    pub(crate) fn all(outputs: &[Output]) -> Vec<Self> {
        let file = |path: &Path| std::path::absolute(path).ok().map(Self::File);
        if outputs.is_empty() {
            return file(Path::new(DEFAULT_FILE)).into_iter().collect();
        }
        let reopen = |output: &Output| match output {
            Output::File(path) => file(path),
            Output::Stdout => Some(Self::Stdout),
            Output::Stderr => Some(Self::Stderr),
            Output::Sink(_) => None,
        };
        outputs.iter().filter_map(reopen).collect()
    }

    /// Opens it in this process.
    pub(crate) fn open(&self) -> io::Result<Box<dyn Sink>> {
        Ok(match self {
            Self::File(path) => Box::new(FileSink::open(path)?),
            Self::Stdout => Box::new(StandardSink::stdout()),
            Self::Stderr => Box::new(StandardSink::stderr()),
        })
    }
}

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
    fn write(&mut self, line: &EncodedLine<'_>) -> io::Result<()>;

    /// Takes several lines, in order, none of which is a `panic` line: verdicts that are due together. By default
    /// each is given to [`write`](Self::write); a destination for which one large write is cheaper than many small
    /// ones does better.
    ///
    /// # Errors
    /// When at least one line did not reach the destination. The others may have.
    fn write_all(&mut self, lines: &[EncodedLine<'_>]) -> io::Result<()> {
        let mut outcome = Ok(());
        for line in lines {
            outcome = outcome.and(self.write(line));
        }
        outcome
    }

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
