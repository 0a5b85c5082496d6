//! Compares what came of a scenario with what was expected.
//!
//! Runs on: any thread of the parent. Must not: run anything; it is a function of its arguments.

mod frames;
mod reactions;
mod sameness;
mod tally;
mod verdicts;

use core::fmt;

use panic_agent::Report;
use panic_agent::record::Fate;
use serde::Serialize;

pub use self::reactions::wrong_reactions;
pub use self::sameness::differences;
pub use self::tally::{Tally, tally};
use crate::child::Observed;
use crate::platform::abilities;
use crate::{Delivery, Exit, Expectation, ExpectedPanic, Message, Names, Outcome, Probes, Profile, Setting};

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
pub fn deviations(expected: &Expectation, setting: Setting, observed: &Observed) -> Vec<Deviation> {
    let mut found = Vec::new();
    exit(expected, observed.exit, &mut found);
    lines(expected, setting, observed, &mut found);
    end(expected, observed, &mut found);
    findings(expected, setting, observed, &mut found);
    found
}

/// What the agent says that it can, against what the documentation says of this platform. `asked` is whether it was asked to have
/// probes. A process that wrote no `process` line said nothing.
pub fn wrong_abilities(asked: Probes, profile: Profile, observed: &Observed) -> Vec<Deviation> {
    let mut found = Vec::new();
    if let (Some(due), Some(can)) = (abilities(asked, profile), observed.lines.can()) {
        let mut can = can.to_vec();
        can.sort_unstable();
        if can != due {
            deviate(&mut found, "abilities of docs/platforms.json", due.join(", "), can.join(", "));
        }
    }
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

fn lines(expected: &Expectation, setting: Setting, observed: &Observed, found: &mut Vec<Deviation>) {
    // One of several threads aborts the process, perhaps in the middle of another's line: the next start mends that.
    let may_be_torn = setting.profile == Profile::Abort && expected.total() > 1;
    if let Some(torn) = observed.lines.torn.as_ref().filter(|_| !may_be_torn) {
        deviate(found, "line", "a line feed at its end", torn);
    }
    for line in &observed.lines.malformed {
        deviate(found, "line", "a line of the schema", line);
    }
    let hooked = assign(&expected.panics, &observed.lines.panics, found);
    for (report, panic) in &hooked.pairs {
        let (predicted, profile) = (outcome_of(report), setting.profile);
        // The fate of the line can be further than its prediction; the verdict's turn comes below.
        let predicted = Outcome { fate: predicted.predicted_fate(), ..predicted };
        // An agent that is flooded writes lines without names rather than none, and so does a forked child.
        let in_child = report.soft_errors.iter().any(|error| error.code == "forked_child");
        let nameless = (in_child || expected.delivery == Delivery::WrittenOrCounted)
            && panic.accepts(predicted, Profile::Stripped);
        // Names show no boundary. What was predicted without knowing of one is corrected later; the verdicts' turn, too.
        let by_names = setting.probes == Probes::Names;
        if !panic.accepts(predicted, profile) && !nameless && !by_names {
            deviate(found, &subject(report), describe_outcomes(panic, profile), predicted);
        }
    }
    missing(expected, setting, observed, &hooked.open, found);
    for (report, _) in &hooked.pairs {
        frames::judge(report, setting.profile.names(), found);
    }
    verdicts::judge(expected, setting, observed, &hooked.pairs, found);
    if setting.probes == Probes::On {
        let hookless = assign(&expected.hookless, &observed.lines.hookless, found);
        for (panic, _) in hookless.open.iter().filter(|(_, left)| *left > 0) {
            deviate(found, "lines of panics without a hook", panic.message, "none");
        }
        verdicts::judge(expected, setting, observed, &hookless.pairs, found);
    } else if let Some(report) = observed.lines.hookless.first() {
        deviate(
            found,
            &subject(report),
            "no line: it called no hook and the probes are off",
            describe(report),
        );
    }
}

/// Which line is which of the expected panics.
struct Assigned<'a> {
    pairs: Vec<(&'a Report, &'a ExpectedPanic)>,
    /// How many of each have no line.
    open: Vec<(&'a ExpectedPanic, usize)>,
}

fn assign<'a>(
    expected: &'a [ExpectedPanic],
    reports: &'a [Report],
    found: &mut Vec<Deviation>,
) -> Assigned<'a> {
    let mut open: Vec<(&ExpectedPanic, usize)> = expected.iter().map(|panic| (panic, panic.count)).collect();
    let mut pairs = Vec::new();
    for report in reports {
        let same_message: Vec<_> = open
            .iter_mut()
            .filter(|(panic, left)| *left > 0 && panic.message.matches(report.message.as_deref()))
            .collect();
        if same_message.is_empty() {
            deviate(found, &subject(report), "no such panic (any more)", describe(report));
            continue;
        }
        let threads: Vec<String> = same_message.iter().map(|(panic, _)| panic.thread.to_string()).collect();
        let same_thread =
            same_message.into_iter().find(|(panic, _)| panic.thread.matches(report.thread.as_deref()));
        let Some((panic, left)) = same_thread else {
            let thread = report.thread.as_deref().unwrap_or("(unnamed)");
            let expected = threads.join(" or ");
            deviate(found, &subject(report), expected, format!("thread {thread}"));
            continue;
        };
        *left -= 1;
        pairs.push((report, *panic));
    }
    Assigned { pairs, open }
}

fn subject(report: &Report) -> String {
    format!("panic `{}`", report.summary())
}

/// What the agent says of the process. Without the probes it may say less, but nothing else.
fn findings(expected: &Expectation, setting: Setting, observed: &Observed, found: &mut Vec<Deviation>) {
    let mut codes: Vec<&str> = observed.lines.findings.iter().map(|finding| finding.code.as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    let all = setting.probes == Probes::On && expected.delivery != Delivery::AtRisk;
    // What is thrown again calls no hook by right; only names tell it from a hook that is gone.
    let nameless = setting.profile.names() == Names::None;
    let due = |code: &&&str| !(nameless && **code == "raise_without_hook");
    let fits = if all {
        codes.iter().filter(due).eq(expected.findings.iter().filter(due))
            && codes.iter().all(|code| expected.findings.contains(code))
    } else {
        codes.iter().all(|code| expected.findings.contains(code))
    };
    if !fits {
        deviate(found, "findings", expected.findings.join(", "), codes.join(", "));
    }
}

fn missing(
    expected: &Expectation,
    setting: Setting,
    observed: &Observed,
    open: &[(&ExpectedPanic, usize)],
    found: &mut Vec<Deviation>,
) {
    let written = observed.lines.panics.len();
    // Names tell nobody to wait for the line of the only panic of a process that aborts without a word.
    let unannounced = setting.probes == Probes::Names && expected.panics.len() == 1;
    match (expected.delivery, setting.profile) {
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
            let is_due = |panic: &ExpectedPanic| !(unannounced && panic.verdict.fate == Fate::Aborted);
            for (panic, left) in open.iter().filter(|(panic, left)| *left > 0 && is_due(panic)) {
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
    let own = |report: &&Report| report.head.id.instance_text() == end.head.id;
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
        return Outcome::aborted(panic_agent::record::AbortReason::StrategyAbort).to_string();
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
