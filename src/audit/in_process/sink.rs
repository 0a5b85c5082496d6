//! Gathers the lines in memory, as far as the audit needs them.
//!
//! Runs on: the writer thread. Must not: fail; a line that cannot be read is counted.

use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::audit::Gathered;
use crate::record::{Line, LineContent, LineReader};
use crate::sink::Sink;

#[derive(Debug)]
pub(super) struct GatheringSink {
    gathered: Arc<Mutex<Gathered>>,
}

impl GatheringSink {
    pub(super) fn new(gathered: Arc<Mutex<Gathered>>) -> Self {
        Self { gathered }
    }
}

impl Sink for GatheringSink {
    fn write(&mut self, line: &Line<'_>) -> io::Result<()> {
        if let Some(report) = line.report {
            self.gathered.lock().panic(report);
            return Ok(());
        }
        // One reader for both forms: what a line says here it says in a file.
        for read in LineReader::new(line.with_newline()) {
            let content =
                read.map_or_else(|error| LineContent::Damaged(error.to_string()), |read| read.content);
            self.gathered.lock().line(content);
        }
        Ok(())
    }
}
