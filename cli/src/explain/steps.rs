//! The chain of evidence behind a verdict, and the rule that decided.
//!
//! Runs on: the main thread. Must not: turn what is absent from the lines into evidence.

use panic_agent::Report;
use panic_agent::record::{Basis, DetachState, Fate, HandlerKind, PredictionSource, Receipt, StopKind};

use super::{Step, evidence};
use crate::story::{Incident, Process, Told, Word, words};
use crate::time::span;

pub(super) fn steps(told: &Told, incident: &Incident, process: Option<&Process>) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut step = |from, text: String| steps.push(Step { from, text });
    if let Some(report) = &told.report {
        step("panic: location, thread_facts, hook", raised(report));
        step("panic: stack, prediction", walked(report));
        step("panic: prediction", predicted(report));
        if let Some(text) = joinable(report) {
            step("panic: thread_facts.detached", text);
        }
        for error in &report.soft_errors {
            step("panic: soft_errors", format!("{}: {}", error.field, error.detail));
        }
    } else {
        step(
            "verdict",
            "the `panic` line is not in the files that were read: the prediction is not known".to_owned(),
        );
    }
    for Step { from, text } in told.word.evidence.iter().flat_map(evidence::seen) {
        step(from, text);
    }
    let first = told.report.as_deref().map(|report| Word::from(report.verdict()));
    let raised_ms = told.head.ts_ms;
    let mut before: Option<Word> = None;
    for word in first.into_iter().chain(told.verdicts.iter().map(|line| Word::from(line.verdict()))) {
        for text in news(before.as_ref(), &word, raised_ms) {
            step(if before.is_none() { "first word on it" } else { "verdict" }, text);
        }
        before = Some(word);
    }
    for finding in &told.findings {
        let place = finding.places.iter().find_map(words::place_of);
        let place = place.map_or(String::new(), |place| format!(", in {place}"));
        step("finding", format!("{}: {}{place}", finding.code, finding.message));
    }
    for other in incident.panics.iter().filter(|other| other.id != told.id) {
        if let Some(relation) = &other.word.relation {
            let first = if told.id == incident.id { "this one" } else { "the first of the chain" };
            let text = words::relation(relation).replace("the first one", first);
            step("relation of another panic", format!("{} followed: {text}", other.id));
        }
    }
    if let Some(relation) = &told.word.relation {
        let text = words::relation(relation).replace("the first one", &incident.id.to_string());
        step("relation", format!("it is {text}"));
    }
    match process {
        Some(process) if process.end.is_some() => {
            step("end", "the process ended normally, so this verdict is final".to_owned());
        }
        Some(process) if process.died => {
            step(
                "finding process_died",
                "the process died without an `end` line: what happened after the last word is not known"
                    .to_owned(),
            );
        }
        _ => step(
            "no end line",
            "the process still runs, was killed, or its last line is not in the files that were read"
                .to_owned(),
        ),
    }
    steps
}

fn raised(report: &Report) -> String {
    let place = report.location.as_ref().map_or("at a place that is not known".to_owned(), |at| {
        format!("at {}:{}:{}", at.file, at.line, at.column)
    });
    let thread = match (report.thread_facts.main, report.thread.as_deref()) {
        (true, _) => "the main thread".to_owned(),
        (_, Some(name)) => format!("thread `{name}`"),
        (_, None) => "a thread without a name".to_owned(),
    };
    let by = match report.hook {
        Some(true) => "the agent's hook was called",
        Some(false) => {
            "the raise was seen, and no call of the agent's hook (`resume_unwind`, or another hook in its place)"
        }
        None => "the raise was seen from outside of the program",
    };
    format!("raised {place} on {thread}: {by}")
}

fn walked(report: &Report) -> String {
    let stack = &report.stack;
    let how = match stack.source.as_str() {
        "tables" => "the exception tables of each frame were read before anything unwound",
        "system" => "the platform's unwinder walked the stack",
        _ => "the stack was not walked",
    };
    let end = match stack.end.as_str() {
        "bottom" => "down to its bottom",
        "stopper_found" => "down to the frame that stops it",
        "too_deep" => "and it is deeper than the walk follows",
        "no_unwind_info" => "down to a frame without unwind tables",
        "broken" => "down to a frame from which it could not go on",
        "unknown_image" => "down to code of no known file",
        other => other,
    };
    format!("{how}: {} {end}", words::count(stack.physical.into(), "frame"))
}

fn predicted(report: &Report) -> String {
    let prediction = &report.prediction;
    let frame = prediction.frame.map(|number| {
        let frame = report.frames.iter().find(|frame| frame.index == number && !frame.inlined);
        let name = frame.and_then(|frame| frame.function.as_deref());
        name.map_or(format!("frame {number}"), |name| format!("frame {number} (`{name}`)"))
    });
    let frame = frame.unwrap_or_else(|| "no frame".to_owned());
    match prediction.stop {
        StopKind::Catch => {
            let whose = prediction.handler.as_ref().map_or(
                "a catch whose owner is not known".to_owned(),
                |handler| {
                    let at = words::place(handler.function.as_deref(), handler.file.as_deref(), handler.line);
                    let kind = handler.kind.words();
                    at.map_or(kind.to_owned(), |at| format!("{kind}, {at}"))
                },
            );
            let why = prediction
                .reason
                .as_deref()
                .map_or(String::new(), |word| format!(" ({})", words::reason(word)));
            if prediction.source == Some(PredictionSource::Names) {
                return format!("by the names of the frames, {frame} catches first: {whose}{why}");
            }
            format!("the table of {frame} has a catch-all: {whose}{why}")
        }
        StopKind::Abort => {
            let why = prediction.abort_reason.map(words::schema_word);
            let why = why.as_deref().or(prediction.reason.as_deref()).map_or("", words::reason);
            format!("the process aborts at {frame}: {why}")
        }
        StopKind::None => {
            "no frame down to the bottom of the stack catches: std aborts the process".to_owned()
        }
        _ => {
            let why = prediction.reason.as_deref().map_or("no reason is given", words::reason);
            format!("tables and names give no answer: {why}")
        }
    }
}

fn joinable(report: &Report) -> Option<String> {
    if report.thread_facts.main {
        return None;
    }
    Some(match report.thread_facts.detached {
        DetachState::Joinable => {
            "a `JoinHandle` of the thread existed at that moment: somebody could still join it".to_owned()
        }
        DetachState::Detached => {
            "no `JoinHandle` of the thread existed any more: only a `thread::scope` could still observe it"
                .to_owned()
        }
        _ => return None,
    })
}

/// What a word says that the one before did not.
fn news(before: Option<&Word>, word: &Word, raised_ms: i64) -> Vec<String> {
    let mut news = Vec::new();
    let changed = |of: fn(&Word) -> String| before.is_none_or(|before| of(before) != of(word));
    let fate = |word: &Word| format!("{:?} {:?} {:?}", word.fate, word.basis, word.landing);
    if changed(fate) {
        let seen = match word.basis {
            Basis::Confirmed => "was seen to happen",
            Basis::Inferred => "is inferred from what the thread did later",
            _ => "is what the tables predict; nothing was seen yet",
        };
        news.push(format!(
            "{}: stopped {}; that {seen}",
            words::schema_word(word.fate),
            words::stopped(word)
        ));
    }
    if changed(|word| word.hops.to_string()) && word.hops > 0 {
        news.push(format!(
            "the payload had been thrown again ({}) by then",
            words::count(word.hops.into(), "time")
        ));
    }
    if changed(|word| format!("{:?} {:?}", word.receipt, word.received_at)) {
        let thread = word.received_at.as_ref().and_then(|at| at.os_thread);
        let thread = thread.map_or(String::new(), |id| format!(", on thread {id}"));
        let what = match word.receipt {
            Receipt::Read => format!("somebody examined the payload{thread}: {}", words::receipt(word)),
            Receipt::Received => format!(
                "the payload's destructor ran in code of the program{thread}, and nobody had read it: {}",
                words::receipt(word)
            ),
            Receipt::Discarded => {
                format!("the payload ended where nobody can read it: {}", words::receipt(word))
            }
            Receipt::Pending => "the payload still existed, unread".to_owned(),
            _ => format!("what became of the payload is {}", words::receipt(word)),
        };
        news.push(what);
    }
    // The time of the `panic` line is that of the panic.
    if before.is_some() {
        let later = span(word.ts_ms.saturating_sub(raised_ms));
        for text in &mut news {
            text.push_str(&format!(" (written down {later} after the panic)"));
        }
    }
    news
}

/// Why these facts make this verdict.
pub(super) fn rule(told: &Told, incident: &Incident) -> String {
    let word = &told.word;
    if let (None, Some(reason)) = (word.silent, word.reason.as_deref()) {
        return format!(
            "`silent` stays null, because a wrong verdict is worse than none: {}",
            words::reason(reason)
        );
    }
    let rule = word.evidence.as_ref().and_then(|evidence| evidence::rule(&evidence.rule));
    if let Some(rule) = rule.filter(|_| !is_told_better(word)) {
        return rule.to_owned();
    }
    let carried = incident.panics.iter().any(|other| other.id != told.id && other.word.relation.is_some());
    match (word.silent, word.receipt, word.fate) {
        (Some(true), Receipt::Discarded, Fate::ThreadDied) => {
            "a thread died, its handle was dropped without a join, and no later panic told of it: std dropped the payload \
             unread, so nobody can ever get it. Silent: the process goes on and nobody finds out"
        }
        (Some(true), Receipt::Discarded, _) => {
            "the payload was dropped inside a runtime and no code of the program ever had it. Silent: the process goes on and \
             nobody finds out"
        }
        (Some(true), ..) => "the payload was still held, unread, when the process ended. Silent: nobody had taken it by then",
        (Some(false), Receipt::Read, _) => "somebody examined the payload: neither silent nor swallowed",
        (Some(false), Receipt::Received, _) if word.swallowed == Some(true) => {
            "code of the program had the error and dropped it without looking, and no later panic carried it on. Swallowed, and not \
             silent: the program could have looked"
        }
        (Some(false), Receipt::Received, _) => "the error was dropped unread, but a later panic reported it: not swallowed",
        (Some(false), _, Fate::MainDied | Fate::Aborted | Fate::Interrupted) => {
            "the process ended with it, which its parent can see: never silent"
        }
        (Some(false), ..) if carried => "a later panic of the chain carried it on: not silent",
        (Some(false), ..) => "somebody reported the death (a `thread::scope`, or whoever joined): not silent",
        (None, Receipt::Pending, _) => "the payload is still held or still unwinding: open, until somebody reads or drops it or the process ends",
        (None, ..) => "a fact that the verdict needs is not known: null, because a wrong verdict is worse than none",
    }
    .to_owned()
}

/// Whether fate and receipt make more of it than the rule alone.
fn is_told_better(word: &Word) -> bool {
    matches!(word.receipt, Receipt::Received)
        || (word.silent == Some(true) && word.receipt == Receipt::Discarded)
}

/// Whether the catch belongs to a task.
pub(super) fn is_task(word: &Word) -> bool {
    word.landing.as_ref().is_some_and(|landing| {
        matches!(landing.kind, HandlerKind::TokioTask | HandlerKind::TokioBlocking | HandlerKind::TaskGroup)
    })
}
