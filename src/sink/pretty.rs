//! A report for people, on standard error.
//!
//! Runs on: the writer thread. Must not: be the only output: it leaves fields out.

use core::fmt::{self, Write as _};

use crate::record::{Fate, HandlerKind, Report};

/// Frames shown; the line in the file has them all.
const MAX_FRAMES_SHOWN: usize = 24;

/// The report as a few lines of text, with a newline at the end.
pub(crate) fn pretty(report: &Report) -> String {
    let mut text = String::with_capacity(1024);
    // Writing to a string does not fail.
    write(&mut text, report).ok();
    text
}

fn write(text: &mut String, report: &Report) -> fmt::Result {
    let thread = report.thread.as_deref().unwrap_or("<unnamed>");
    write!(text, "\npanic {} on thread `{thread}`", report.head.id)?;
    if let Some(location) = &report.location {
        write!(text, " at {}:{}:{}", location.file, location.line, location.column)?;
    }
    writeln!(text)?;
    match &report.message {
        Some(message) => message.lines().try_for_each(|line| writeln!(text, "    {line}"))?,
        None => writeln!(text, "    (payload is not a text)")?,
    }
    write!(text, "  fate: {}", fate(report.fate))?;
    if let Some(handler) = &report.prediction.handler {
        if let Some(owner) = handler_kind(handler.kind) {
            write!(text, ", by {owner}")?;
        }
        if let (Some(file), Some(line)) = (&handler.file, handler.line) {
            write!(text, " at {file}:{line}")?;
        }
    }
    match &report.reason {
        Some(reason) => writeln!(text, " ({reason})")?,
        None => writeln!(text)?,
    }
    if !report.labels.is_empty() {
        let labels: Vec<String> = report.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        writeln!(text, "  labels: {}", labels.join(" "))?;
    }
    for frame in report.frames.iter().take(MAX_FRAMES_SHOWN) {
        let mark = if frame.in_app == Some(true) { '>' } else { ' ' };
        let index = if frame.inlined { String::new() } else { frame.index.to_string() };
        match &frame.function {
            Some(function) => write!(text, "{mark} {index:>3} {function}")?,
            None => write!(text, "{mark} {index:>3} {}", frame.ip)?,
        }
        match (&frame.file, frame.line) {
            (Some(file), Some(line)) => writeln!(text, " at {file}:{line}")?,
            _ => writeln!(text, " in {}", frame.image.as_deref().unwrap_or("?"))?,
        }
    }
    let hidden = report.frames.len().saturating_sub(MAX_FRAMES_SHOWN);
    if hidden > 0 {
        writeln!(text, "      {hidden} more frames in the report")?;
    }
    report.soft_errors.iter().try_for_each(|error| writeln!(text, "  note: {error}"))
}

fn fate(fate: Fate) -> &'static str {
    match fate {
        Fate::Caught => "caught",
        Fate::RuntimeCaught => "caught by a runtime",
        Fate::ThreadDied => "the thread dies",
        Fate::MainDied => "main dies and the process exits with 101",
        Fate::Aborted => "the process aborts",
        Fate::Interrupted => "interrupted by the end of the process",
        Fate::Unknown => "unknown",
    }
}

fn handler_kind(kind: HandlerKind) -> Option<&'static str> {
    Some(match kind {
        HandlerKind::User => "catch_unwind",
        HandlerKind::TestHarness => "the test harness",
        HandlerKind::TokioTask => "a tokio task",
        HandlerKind::TokioBlocking => "a tokio blocking task",
        HandlerKind::Rayon => "rayon",
        HandlerKind::Futures => "FutureExt::catch_unwind",
        HandlerKind::Tower => "a tower middleware",
        HandlerKind::TaskGroup => "a task group",
        HandlerKind::Supervisor => "the supervisor of a worker",
        HandlerKind::Ffi => "the border to another language",
        HandlerKind::Foreign => "another language",
        HandlerKind::ThreadRoot | HandlerKind::MainRoot | HandlerKind::Unknown => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::samples;

    #[test]
    fn a_reader_finds_message_place_fate_and_own_frames() {
        let report = samples::report();
        let text = pretty(&report);
        for expected in
            ["worker-7", "src/main.rs:12:5", "index out of bounds", "fate: ", "app::work", "zone=eu"]
        {
            assert!(text.contains(expected), "{expected} in {text}");
        }
        assert!(text.ends_with('\n'));
    }
}
