//! Gathers the lines in memory, as far as the audit needs them.
//!
//! Runs on: the writer thread. Must not: fail.

use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::audit::Gathered;
use crate::record::{EncodedLine, LineContent};
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
    fn write(&mut self, line: &EncodedLine<'_>) -> io::Result<()> {
        self.gathered.lock().line(LineContent::Line(line.line.clone()));
        Ok(())
    }
}
