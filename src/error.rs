//! What can go wrong before the agent runs. Once it runs it degrades and says so in its lines.
//!
//! Runs on: the thread that installs the agent. Must not: be used on a panicking thread.

use core::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why the agent could not start, or why a value was rejected.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    subject: String,
    advice: &'static str,
    source: Option<io::Error>,
}

/// The kind of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An agent is already installed in this process.
    AlreadyInstalled,
    /// The output file cannot be opened for writing.
    OpenFile,
    /// The writer thread cannot be spawned.
    SpawnWriter,
    /// The memory for the slots cannot be allocated.
    AllocatePool,
    /// The installing thread is panicking, and std does not allow it to set a hook.
    Panicking,
    /// A value is out of range.
    InvalidValue,
    /// The spools of a directory cannot be listed.
    Recover,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, subject: impl Into<String>, advice: &'static str) -> Self {
        Self { kind, subject: subject.into(), advice, source: None }
    }

    pub(crate) fn with_source(mut self, source: io::Error) -> Self {
        self.source = Some(source);
        self
    }

    pub(crate) fn open_file(path: &Path, source: io::Error) -> Self {
        Self::new(
            ErrorKind::OpenFile,
            format!("cannot open `{}` for appending", PathBuf::from(path).display()),
            "set PANIC_AGENT_FILE to a writable path, `stdout` or `stderr`",
        )
        .with_source(source)
    }

    /// Returns the kind of the error.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.subject)?;
        if let Some(source) = &self.source {
            write!(f, ": {source}")?;
        }
        if !self.advice.is_empty() {
            write!(f, "; {}", self.advice)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}

/// One line on stderr. Written directly, so that a test harness's capture does not swallow it.
pub(crate) fn complain(problem: &dyn fmt::Display) {
    let line = format!("panic-agent: {problem}\n");
    // Nothing can be done when stderr is closed.
    let _written = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
}
