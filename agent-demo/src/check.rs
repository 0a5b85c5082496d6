//! Compares what came of a scenario with what was expected.
//!
//! Runs on: any thread of the parent. Must not: run anything; it is a function of its arguments.

use core::fmt;

use panic_agent::Report;
use serde::Serialize;

use crate::child::Observed;
use crate::{Delivery, Exit, Expectation, ExpectedPanic, Message, Outcome, Profile};

/// One thing that came out differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deviation {
    /// What it is about.
    pub subject: String,
    /// What was expected.
    pub expected: String,
    /// What happened.
    pub found: String,
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, found {}", self.subject, self.expected, self.found)
    }
}

/// What a line says of the end of its unwinding.
pub fn outcome_of(report: &Report) -> Outcome {
    Outcome {
        stop: report.prediction.stop,
        handler: report.prediction.handler.as_ref().map(|handler| handler.kind),
        abort_reason: report.prediction.abort_reason,
        fate: report.fate,
    }
}

/// Everything that came out differently from `expected`; empty when all is well.
pub fn deviations(expected: &Expectation, profile: Profile, observed: &Observed) -> Vec<Deviation> {
    let mut found = Vec::new();
    exit(expected, observed.exit, &mut found);
    lines(expected, profile, observed, &mut found);
    end(expected, observed, &mut found);
    found
}

/// The exit alone: all that can be compared without the agent.
pub fn exit(expected: &Expectation, exit: Exit, found: &mut Vec<Deviation>) {
    if exit != expected.exit {
        deviate(found, "exit", expected.exit, exit);
    }
}

/// What std's own hook printed, against what is expected: this needs no agent, and so it tests the
/// expectation. Only for scenarios that leave std's hook in place.
pub fn printed(expected: &Expectation, profile: Profile, stderr: &str, found: &mut Vec<Deviation>) {
    let total = expected.total();
    let times = stderr.matches("' panicked at ").count();
    let fits = match (profile, expected.exit) {
        // The first panic ends the process; others may come before it is gone.
        (Profile::Abort, Exit::Signal(_)) => times >= total.min(1) && times <= total,
        _ => times == total,
    };
    if !fits {
        deviate(found, "hook calls without the agent", total, times);
    }
    let first_only = profile == Profile::Abort;
    for panic in expected.panics.iter().take(if first_only { 1 } else { usize::MAX }) {
        match panic.message {
            Message::Contains(text) if !stderr.contains(text) => {
                deviate(found, "stderr without the agent", panic.message, stderr);
            }
            _ => {}
        }
    }
}

fn lines(expected: &Expectation, profile: Profile, observed: &Observed, found: &mut Vec<Deviation>) {
    for line in &observed.lines.malformed {
        deviate(found, "line", "a line of the schema", line);
    }
    let mut open: Vec<(ExpectedPanic, usize)> =
        expected.panics.iter().map(|panic| (*panic, panic.count)).collect();
    for report in &observed.lines.panics {
        let subject = format!("panic `{}`", report.summary());
        let same_message: Vec<_> = open
            .iter_mut()
            .filter(|(panic, left)| *left > 0 && panic.message.matches(report.message.as_deref()))
            .collect();
        if same_message.is_empty() {
            deviate(found, &subject, "no such panic (any more)", describe(report));
            continue;
        }
        let threads: Vec<String> = same_message.iter().map(|(panic, _)| panic.thread.to_string()).collect();
        let same_thread =
            same_message.into_iter().find(|(panic, _)| panic.thread.matches(report.thread.as_deref()));
        let Some((panic, left)) = same_thread else {
            let thread = report.thread.as_deref().unwrap_or("(unnamed)");
            let expected = threads.join(" or ");
            deviate(found, &subject, expected, format!("thread {thread}"));
            continue;
        };
        *left -= 1;
        let outcome = outcome_of(report);
        if !panic.accepts(outcome, profile) {
            deviate(found, &subject, describe_outcomes(panic, profile), outcome);
        }
    }
    missing(expected, profile, observed, &open, found);
}

fn missing(
    expected: &Expectation,
    profile: Profile,
    observed: &Observed,
    open: &[(ExpectedPanic, usize)],
    found: &mut Vec<Deviation>,
) {
    let written = observed.lines.panics.len();
    match (expected.delivery, profile) {
        (_, Profile::Abort) if matches!(expected.exit, Exit::Code(_)) => {}
        (_, Profile::Abort) => {
            // The first panic ends the process; with several threads any of them may be the first, and
            // others may have called their hooks before the process was gone.
            if expected.total() > 0 && written == 0 {
                deviate(found, "panic lines", "at least 1", 0);
            }
        }
        (Delivery::AtRisk, _) => {}
        (Delivery::WrittenOrCounted, _) => {
            let lost = observed.lines.ends.iter().map(|end| end.losses.total()).sum::<u64>();
            if written as u64 + lost != expected.total() as u64 {
                let text = format!("{written} written, {lost} counted as lost");
                deviate(found, "panic lines", format!("{} in all", expected.total()), text);
            }
        }
        (Delivery::Certain, _) => {
            for (panic, left) in open.iter().filter(|(_, left)| *left > 0) {
                let text = format!("{} on {}", panic.message, panic.thread);
                deviate(found, "panic lines", text, format!("{left} missing"));
            }
        }
    }
}

fn end(expected: &Expectation, observed: &Observed, found: &mut Vec<Deviation>) {
    if !expected.ends_in_order {
        return;
    }
    let [end] = observed.lines.ends.as_slice() else {
        deviate(found, "end lines", 1, observed.lines.ends.len());
        return;
    };
    if end.panics != end.written + end.losses.total() {
        let text = format!("{} written, {} lost", end.written, end.losses.total());
        deviate(found, "balance of the end line", format!("{} panics in all", end.panics), text);
    }
    // A forked child writes into the same file, under an instance of its own.
    let own = |report: &&Report| report.id.instance_text() == end.id;
    let lines = observed.lines.panics.iter().chain(&observed.lines.hookless).filter(own).count() as u64;
    if end.written != lines {
        deviate(found, "panic lines", format!("{} as the end line says", end.written), lines);
    }
}

fn describe(report: &Report) -> String {
    let thread = report.thread.as_deref().unwrap_or("(unnamed)");
    format!("one on thread {thread}: {}", outcome_of(report))
}

fn describe_outcomes(panic: &ExpectedPanic, profile: Profile) -> String {
    if profile == Profile::Abort {
        return Outcome::aborted(panic_agent::AbortReason::StrategyAbort).to_string();
    }
    let texts: Vec<String> = panic.outcomes.iter().map(ToString::to_string).collect();
    texts.join(", or ")
}

fn deviate(
    found: &mut Vec<Deviation>,
    subject: &str,
    expected: impl fmt::Display,
    happened: impl fmt::Display,
) {
    found.push(Deviation {
        subject: subject.to_owned(),
        expected: expected.to_string(),
        found: happened.to_string(),
    });
}
