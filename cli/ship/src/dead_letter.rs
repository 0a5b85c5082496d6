//! Records that no receiver will ever take, with the reason, for people.
//!
//! Runs on: the thread of a destination. Must not: say that something is kept before it is.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use super::record::Record;
use super::state::private;

/// The file, made when it is needed.
#[derive(Debug)]
pub(crate) struct DeadLetters {
    pub(crate) path: PathBuf,
    destination: String,
    file: Option<File>,
}

/// A line of it.
#[derive(Serialize)]
struct DeadLetter<'a> {
    schema: &'static str,
    ts: String,
    destination: &'a str,
    id: &'a str,
    event: &'static str,
    reason: &'a str,
    /// False: the receiver may have taken it, and does not say.
    certain: bool,
    line: Option<&'a RawValue>,
}

impl DeadLetters {
    pub(crate) fn new(directory: &Path, destination: &str) -> Self {
        let path = directory.join(format!("{destination}.dead.jsonl"));
        Self { path, destination: destination.to_owned(), file: None }
    }

    /// Keeps a record.
    pub(crate) fn put(&mut self, record: &Record, reason: &str, certain: bool) -> io::Result<()> {
        let letter = DeadLetter {
            schema: "panic-agent.dead-letter/1",
            ts: Timestamp::now().to_string(),
            destination: &self.destination,
            id: &record.id,
            event: record.event.name(),
            reason,
            certain,
            line: serde_json::from_slice(&record.line).ok(),
        };
        let mut text = serde_json::to_vec(&letter)?;
        text.push(b'\n');
        // It may have been moved away.
        let file = match self.file.take().filter(|_| self.path.exists()) {
            Some(file) => file,
            None => private(&self.path)?,
        };
        let file = self.file.insert(file);
        file.write_all(&text)?;
        file.sync_data()
    }
}
