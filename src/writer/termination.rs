//! The last words of a process, where its supervisor looks for them: Kubernetes shows the first 4096 bytes of
//! `/dev/termination-log` as the reason why a container ended.
//!
//! Runs on: the writer thread. Must not: create the file; write more than is shown.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

use crate::act::TerminationLog;
use crate::record::{EndedBy, Fate, Line, Report, start_of};

/// What Kubernetes shows of a message (`terminationMessagePath`; "Determine the Reason for Pod Failure").
const SHOWN: usize = 4096;
/// Where Kubernetes lays the file unless told otherwise.
const KUBERNETES: &str = "/dev/termination-log";

/// Where the last words go.
#[derive(Debug, Default)]
pub(crate) struct LastWords(Option<PathBuf>);

impl LastWords {
    pub(crate) fn new(log: &TerminationLog) -> Self {
        Self(match log {
            TerminationLog::Kubernetes => Some(KUBERNETES.into()),
            TerminationLog::File(path) => Some(path.clone()),
            TerminationLog::Off => None,
        })
    }

    /// Writes of a panic that the process is about to die of.
    pub(super) fn of_panic(&self, report: &Report) {
        if matches!(report.fate, Fate::MainDied | Fate::Aborted) && self.0.is_some() {
            self.write(&message(report, None));
        }
    }

    /// Writes of a panic because of which a reaction ends the process.
    pub(super) fn of_reaction(&self, line: &Line, by: &EndedBy) {
        if self.0.is_none() {
            return;
        }
        if let Line::Panic(report) = line {
            self.write(&message(report, Some(by)));
        } else if let Some(verdict) = line.verdict() {
            let thread = verdict.thread.unwrap_or("<unnamed>");
            let message = verdict.message.unwrap_or("<no message>");
            self.write(&format!(
                "panic: {message}\non thread '{thread}'\nverdict: {}, ended by the reaction {}\nid: {}\n",
                by.event, by.action, by.panic
            ));
        }
    }

    /// A file that is not there is not wanted, and nobody can be told of another failure.
    fn write(&self, text: &str) {
        let Some(path) = &self.0 else { return };
        let mut options = OpenOptions::new();
        options.write(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NOFOLLOW);
        if let Ok(mut file) = options.open(path) {
            file.write_all(start_of(text, SHOWN).as_bytes()).ok();
        }
    }
}

/// What a person sees first comes first; the rest may be cut.
fn message(report: &Report, by: Option<&EndedBy>) -> String {
    let mut text = String::new();
    // A string takes everything.
    let _written = writeln!(text, "panic: {}", start_of(report.summary(), SHOWN / 2));
    if let Some(place) = &report.location {
        let _written = write!(text, "at {}:{}:{} ", place.file, place.line, place.column);
    }
    let _written = writeln!(text, "on thread '{}'", report.thread.as_deref().unwrap_or("<unnamed>"));
    let _written = write!(text, "verdict: {}", report.fate.word());
    let _written = match (by, &report.reason) {
        (Some(by), _) => write!(text, ", {}, ended by the reaction {}", by.event, by.action),
        (None, Some(reason)) => write!(text, ", {reason}"),
        (None, None) => Ok(()),
    };
    let _written = writeln!(text, "\nid: {}", report.head.id);
    for frame in report.frames.iter().filter(|frame| frame.in_app == Some(true)) {
        let _written = writeln!(text, "  {}", frame.function.as_deref().unwrap_or("<unnamed>"));
    }
    text
}
