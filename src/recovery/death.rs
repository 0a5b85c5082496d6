//! Lines that a supervisor adds to the log of a process that died.
//!
//! Runs on: the thread that asks. Must not: write a part of a line, or into a file that another user could replace.

use std::path::Path;

use crate::config::{Options, apply_environment};
use crate::error::{Error, ErrorKind, complain};
use crate::record::line::EncodedLine;
use crate::record::{DeathLine, Head, Level, Line, LineKind};
use crate::report::Service;
use crate::report::clock::Clock;
use crate::sink::{FileSink, Rotation, Sink as _};

/// The process instance of a process that had no agent.
const NO_INSTANCE: &str = "0000000000000000";

/// A `death` line about a process that has just ended.
///
/// Time and identity are filled in, the latter from any line of the dead. The cause is `signal`, and everything else
/// `null`, zero or empty: set what you know, and hand the line to [`append`].
///
/// # Examples
/// ```
/// use panic_agent::record::{Line, LineKind};
///
/// let mut death = panic_agent::recovery::death(4711, None);
/// death.signal = Some("SIGKILL".to_owned());
/// assert_eq!(Line::from(death).kind(), LineKind::Death);
/// ```
pub fn death(pid: u32, dead: Option<&Head>) -> DeathLine {
    let id = dead.map_or(NO_INSTANCE, |head| head.id.split('-').next().unwrap_or(&head.id)).to_owned();
    let now = Clock::default().now();
    DeathLine {
        head: Service::of(0, dead).head(LineKind::Death, id, now, pid, Level::Fatal),
        message: String::new(),
        cause: "signal".to_owned(),
        basis: "wait_status".to_owned(),
        status: None,
        signal: None,
        core_dumped: false,
        command: Vec::new(),
        ran_ms: 0,
        usage: None,
        panics: Vec::new(),
        stderr: None,
        starts: 1,
        restart_in_ms: None,
    }
}

/// Adds a line to a log, whole and behind all others, as the agent does. A log that does not exist is made.
///
/// `PANIC_AGENT_FILE_TRUST` applies.
///
/// # Errors
/// [`ErrorKind::Recover`] if the log cannot be opened or written.
pub fn append(log: impl AsRef<Path>, line: &Line) -> Result<(), Error> {
    let log = log.as_ref();
    let failed = |source| {
        let subject = format!("cannot add a line to `{}`", log.display());
        Error::new(ErrorKind::Recover, subject, "name a file that you can write").with_source(source)
    };
    let text = line.encode().unwrap_or_default();
    let mut sink = FileSink::open_with(log, operators_words().trust, Rotation::default()).map_err(failed)?;
    sink.write(&EncodedLine::new(line, &text)).map_err(failed)
}

/// What the operator says of the places of files.
pub(super) fn operators_words() -> Options {
    let mut options = Options::default();
    for warning in apply_environment(&mut options) {
        complain(&warning);
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::testing::Dir;
    use crate::record::{LineContent, LineReader};
    use crate::testing::samples;

    #[test]
    fn a_line_is_added_behind_the_others_and_read_back() {
        let directory = Dir::new("death");
        let log = directory.join("panics.jsonl");
        let before = Line::from(samples::report()).encode().unwrap();
        std::fs::write(&log, &before).unwrap();
        let line = Line::from(death(7, Some(&Line::from(samples::report()).head())));
        assert_eq!(line.head().id, "0000000000000abc", "the instance alone");
        append(&log, &line).unwrap();
        let bytes = std::fs::read(&log).unwrap();
        let read: Vec<_> = LineReader::new(&bytes[before.len()..]).map(Result::unwrap).collect();
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].content, LineContent::Line(line));
        assert!(append(directory.join("no/such/directory"), &Line::from(death(7, None))).is_err());
    }
}
