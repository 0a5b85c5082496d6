//! Keeps lines in memory, for tests.
//!
//! Runs on: the writer thread (`write`) and tests (everything else). Must not: be used in production: it
//! grows without a bound.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::record::{EncodedLine, Line, LineKind, Report};
use crate::sink::Sink;

/// A sink whose clones share what was written.
///
/// # Examples
/// ```
/// let sink = panic_agent::sink::MemorySink::new();
/// let for_the_agent = sink.clone();
/// assert_eq!(sink.lines(), Vec::<String>::new());
/// # drop(for_the_agent);
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemorySink {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    kept: Mutex<Kept>,
    grew: Condvar,
}

#[derive(Debug, Default)]
struct Kept {
    lines: Vec<(LineKind, String)>,
    reports: Vec<Arc<Report>>,
    flushes: u64,
}

impl MemorySink {
    /// An empty sink.
    pub fn new() -> Self {
        Self::default()
    }

    /// Every line so far, without newlines.
    pub fn lines(&self) -> Vec<String> {
        self.shared.kept.lock().lines.iter().map(|(_, line)| line.clone()).collect()
    }

    /// The lines of one kind so far, without newlines.
    pub fn lines_of(&self, kind: LineKind) -> Vec<String> {
        let kept = self.shared.kept.lock();
        kept.lines.iter().filter(|(of, _)| *of == kind).map(|(_, line)| line.clone()).collect()
    }

    /// Every report so far.
    pub fn reports(&self) -> Vec<Arc<Report>> {
        self.shared.kept.lock().reports.clone()
    }

    /// How often the writer flushed.
    pub fn flushes(&self) -> u64 {
        self.shared.kept.lock().flushes
    }

    /// Waits until there are `count` lines of one kind; `false` when the time is over before.
    pub fn wait_for(&self, kind: LineKind, count: usize, deadline: Duration) -> bool {
        let mut kept = self.shared.kept.lock();
        let lacks = |kept: &mut Kept| kept.lines.iter().filter(|(of, _)| *of == kind).count() < count;
        !self.shared.grew.wait_while_for(&mut kept, lacks, deadline).timed_out()
    }

    /// Forgets everything.
    pub fn clear(&self) {
        *self.shared.kept.lock() = Kept::default();
    }
}

impl Sink for MemorySink {
    fn write(&mut self, line: &EncodedLine<'_>) -> io::Result<()> {
        let text = core::str::from_utf8(line.json)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?
            .to_owned();
        let mut kept = self.shared.kept.lock();
        kept.lines.push((line.kind(), text));
        if let Line::Panic(report) = line.line {
            kept.reports.push(report.clone());
        }
        drop(kept);
        self.shared.grew.notify_all();
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.shared.kept.lock().flushes += 1;
        self.shared.grew.notify_all();
        Ok(())
    }
}
