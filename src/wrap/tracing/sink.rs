//! Lines of the agent as events.
//!
//! Runs on: the writer thread. Must not: be in force where its own events would make further ones.

use std::io;

use ::tracing::{error, info, warn};

use crate::record::{EncodedLine, FindingLine, Head, Level, Line, Report, VerdictLine};
use crate::sink::Sink;

/// A sink that emits a `tracing` event for each panic, each later verdict and each finding. The event of a panic has what is
/// known at that time. The level is `error` for the levels `error` and `fatal`, and `warn` for a panic that something caught;
/// the target is `panic_agent`, and the field `kind` is `panic`, `verdict` or `finding`. Events are emitted on the agent's
/// thread, so they need a global subscriber. They belong to no span; a field has the labels.
///
/// # Examples
/// ```
/// use panic_agent::{Agent, tracing::TracingSink};
///
/// tracing::subscriber::set_global_default(tracing_subscriber::registry())?;
/// let _agent = Agent::builder().sink(TracingSink::new()).install()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct TracingSink;

impl TracingSink {
    /// A sink for [`AgentBuilder::sink`](crate::AgentBuilder::sink).
    pub fn new() -> Self {
        Self
    }
}

macro_rules! at_level {
    ($level:expr, $($fields:tt)*) => {
        match $level {
            Level::Info => info!(target: "panic_agent", $($fields)*),
            Level::Warn => warn!(target: "panic_agent", $($fields)*),
            Level::Error | Level::Fatal => error!(target: "panic_agent", $($fields)*),
        }
    };
}

impl Sink for TracingSink {
    fn write(&mut self, line: &EncodedLine<'_>) -> io::Result<()> {
        match line.line {
            Line::Panic(report) => {
                let Head { level, id, .. } = &report.head;
                let Report { fate, receipt, basis, silent, thread, location, labels, .. } = &**report;
                let place = location.as_ref().map(|at| format!("{}:{}:{}", at.file, at.line, at.column));
                let (thread, place) = (thread.as_deref(), place.as_deref());
                let (kind, text) = ("panic", report.summary());
                at_level!(level, kind, %id, ?fate, ?receipt, ?basis, silent, thread, place, ?labels, "panic: {text}");
            }
            Line::Verdict(verdict) => {
                let Head { level, id, .. } = &verdict.head;
                let VerdictLine { fate, receipt, basis, silent, message, .. } = &**verdict;
                let message = message.as_deref().unwrap_or("(payload is not a text)");
                at_level!(level, kind = "verdict", %id, ?fate, ?receipt, ?basis, silent, "verdict: {message}");
            }
            Line::Finding(finding) => {
                let FindingLine { head: Head { level, .. }, code, message, panic, .. } = &**finding;
                let panic = panic.map(|id| id.to_string());
                at_level!(level, kind = "finding", code, panic, "finding: {message}");
            }
            _ => {}
        }
        Ok(())
    }
}
