//! Destinations for lines: files that rotate, standard streams, memory, and what a destination of your own implements.
//!
//! Runs on: the writer thread. Must not: be called from a panicking thread.

mod file;
mod memory;
mod pretty;
mod standard;

use std::io;
use std::path::PathBuf;

pub use file::{FileSink, Rotation, rotations};
pub(crate) use file::{MIN_ROTATION_AGE, MIN_ROTATION_BYTES};
pub use memory::MemorySink;
pub(crate) use pretty::pretty;
pub use standard::StandardSink;

pub use crate::files::FileTrust;
pub use crate::record::line::EncodedLine;

use crate::error::Error;
use crate::files::DEFAULT_FILE;

/// Where lines go.
pub(crate) enum Output {
    /// Append to this file.
    File(PathBuf),
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A destination of the user's.
    Sink(Box<dyn Sink>),
}

/// The default file, if nothing was asked for.
pub(crate) fn or_default(outputs: &mut Vec<Output>) {
    if outputs.is_empty() {
        outputs.push(Output::File(PathBuf::from(DEFAULT_FILE)));
    }
}

/// The file of the lines, absolute; `None` when they go to no file.
pub(crate) fn log_path(outputs: &[Output]) -> Option<PathBuf> {
    let mut files = outputs.iter().filter_map(|output| match output {
        Output::File(path) => Some(path),
        _ => None,
    });
    std::path::absolute(files.next()?).ok()
}

/// How often a file gets a stack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stacks {
    /// With each panic: every line says all that is known when it is written.
    #[default]
    Each,
    /// Once in each file: the first line with a stack shows it, and later ones name it (`stack_id`). A storm takes about a
    /// tenth of the bytes. [`LineReader`](crate::record::LineReader) and the tool put lines together again; whatever
    /// else reads the file has to do that itself. Other destinations get whole lines.
    Once,
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
        let reopen = |output: &Output| match output {
            Output::File(path) => std::path::absolute(path).ok().map(Self::File),
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

/// Opens the destinations.
///
/// # Errors
/// When a file cannot be opened.
pub(crate) fn open_all(
    outputs: Vec<Output>,
    trust: FileTrust,
    rotation: Rotation,
) -> Result<Vec<Box<dyn Sink>>, Error> {
    let open = |output| -> Result<Box<dyn Sink>, Error> {
        Ok(match output {
            Output::File(path) => Box::new(
                FileSink::open_with(&path, trust, rotation)
                    .map_err(|error| Error::open_file(&path, error))?,
            ),
            Output::Stdout => Box::new(StandardSink::stdout()),
            Output::Stderr => Box::new(StandardSink::stderr()),
            Output::Sink(sink) => sink,
        })
    };
    outputs.into_iter().map(open).collect()
}

/// A destination for lines.
///
/// The writer thread of the agent makes all calls, one at a time. If a call returns an error, the line counts as lost
/// ([`LossReason::SinkFailed`](crate::record::LossReason::SinkFailed)). If a call panics, the panic is caught and counted, and
/// the sink stays in use.
pub trait Sink: Send {
    /// Writes one line.
    ///
    /// # Errors
    /// If the line did not reach the destination.
    fn write(&mut self, line: &EncodedLine<'_>) -> io::Result<()>;

    /// Writes several lines that are due together, in order: verdicts and others, but no `panic` line. The default calls
    /// [`write`](Self::write) for each. Override it if one large write is cheaper than many small ones.
    ///
    /// # Errors
    /// If at least one line did not reach the destination. The others may have.
    fn write_all(&mut self, lines: &[EncodedLine<'_>]) -> io::Result<()> {
        let mut outcome = Ok(());
        for line in lines {
            outcome = outcome.and(self.write(line));
        }
        outcome
    }

    /// Flushes buffered lines. Called when the queue is empty and at the end.
    ///
    /// # Errors
    /// If lines that were written may not have arrived.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Returns one sentence about a problem that loses no line, such as a failed rotation. Called after each flush. The agent
    /// emits it as a `finding` line with the code `sink_trouble`, so return each problem once.
    fn take_trouble(&mut self) -> Option<String> {
        None
    }
}
