//! Why a policy or a baseline cannot be used.
//!
//! Runs on: threads that audit. Must not: do I/O.

use core::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A policy or baseline file that cannot be used: where, what, and what would be accepted.
#[derive(Debug)]
pub struct PolicyError {
    path: PathBuf,
    line: Option<usize>,
    key: Option<String>,
    problem: String,
    accepted: String,
    source: Option<io::Error>,
}

impl PolicyError {
    pub(crate) fn new(path: &Path, problem: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line: None,
            key: None,
            problem: problem.into(),
            accepted: String::new(),
            source: None,
        }
    }

    /// The file cannot be read.
    pub(crate) fn unreadable(path: &Path, source: io::Error) -> Self {
        let accepted = "a readable file, or no file".to_owned();
        Self { accepted, source: Some(source), ..Self::new(path, "cannot be read") }
    }

    pub(crate) fn at_line(self, line: usize) -> Self {
        Self { line: Some(line), ..self }
    }

    pub(crate) fn key(self, key: impl Into<String>) -> Self {
        Self { key: Some(key.into()), ..self }
    }

    pub(crate) fn accepted(self, accepted: impl Into<String>) -> Self {
        Self { accepted: accepted.into(), ..self }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The line in it, from 1; `None` when the file as a whole is meant.
    pub fn line(&self) -> Option<usize> {
        self.line
    }

    /// The key concerned, such as `deny` or `expect.message`.
    pub fn key_name(&self) -> Option<&str> {
        self.key.as_deref()
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        f.write_str(": ")?;
        if let Some(key) = &self.key {
            write!(f, "`{key}`: ")?;
        }
        f.write_str(&self.problem)?;
        if let Some(source) = &self.source {
            write!(f, ": {source}")?;
        }
        if !self.accepted.is_empty() {
            write!(f, "; accepted: {}", self.accepted)?;
        }
        Ok(())
    }
}

impl std::error::Error for PolicyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}
