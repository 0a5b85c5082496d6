//! Lines of the agent as events.
//!
//! Runs on: the writer thread. Must not: be in force where its own events would make further ones.

use std::io;

use ::tracing::{error, info, warn};

use crate::record::{EncodedLine, FindingLine, Level, Line, Report, VerdictLine};
use crate::sink::Sink;

/// A sink that makes an event of each panic, which says what is known by then, of each later verdict, and of each
/// finding: `error` for `error` and `fatal`, `warn` for what something caught, target `panic_agent`, field `kind` =
/// `panic`, `verdict` or `finding`. Events come from the agent's own thread, so they need a global subscriber, and
/// they belong to no span: the labels are a field.
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
                let Report { level, id, fate, receipt, basis, silent, thread, location, labels, .. } =
                    &**report;
                let place = location.as_ref().map(|at| format!("{}:{}:{}", at.file, at.line, at.column));
                let (thread, place) = (thread.as_deref(), place.as_deref());
                let (kind, text) = ("panic", report.summary());
                at_level!(level, kind, %id, ?fate, ?receipt, ?basis, silent, thread, place, ?labels, "panic: {text}");
            }
            Line::Verdict(verdict) => {
                let VerdictLine { level, id, fate, receipt, basis, silent, message, .. } = &**verdict;
                let message = message.as_deref().unwrap_or("(payload is not a text)");
                at_level!(level, kind = "verdict", %id, ?fate, ?receipt, ?basis, silent, "verdict: {message}");
            }
            Line::Finding(finding) => {
                let FindingLine { level, code, message, panic, .. } = &**finding;
                let panic = panic.map(|id| id.to_string());
                at_level!(level, kind = "finding", code, panic, "finding: {message}");
            }
            _ => {}
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
