//! What could not be seen of a panic, and the one thing that would make it visible.
//!
//! Runs on: the main thread. Must not: list what the verdict does not need.

use panic_agent::Report;

use super::{Step, evidence};
use crate::story::{Process, Told, words};

pub(super) fn unseen(told: &Told, process: Option<&Process>) -> Vec<Step> {
    let mut out = Vec::new();
    let mut say = |from, text: &str| out.push(Step { from, text: text.to_owned() });
    match process.and_then(|process| process.line.as_ref()) {
        None => say(
            "no process line",
            "what the agent could do in that process: its `process` line is not in the files that were read (an older rotation?)",
        ),
        Some(line) => {
            let can = |word: &str| line.can.iter().any(|can| can == word);
            let why = |field: &str| {
                let error = line.soft_errors.iter().find(|error| error.field == field);
                error.map_or(String::new(), |error| format!(": {}", error.detail))
            };
            for (ability, lost, how) in ABILITIES {
                if !can(ability) {
                    let why = why(ability);
                    say("process: can, soft_errors", &format!("{lost} (no `{ability}`{why}); {how}"));
                }
            }
        }
    }
    if let Some(report) = &told.report {
        of_report(report, &mut say);
    }
    let also = told.word.evidence.iter().flat_map(|evidence| &evidence.unseen);
    let also = also.filter(|word| told.word.reason.as_ref() != Some(*word));
    for word in told.word.reason.iter().chain(also).map(String::as_str) {
        if let Some(remedy) = evidence::remedy(word) {
            say("reason, evidence.unseen", &format!("{}; what would help: {remedy}", words::reason(word)));
        }
    }
    if let Some(process) = process {
        let events =
            |probes: Option<panic_agent::record::ProbeLosses>| probes.map_or(0, |probes| probes.events_lost);
        let lost = process.end.as_ref().map_or(0, |end| events(end.probes));
        let lost = lost.max(process.losses.as_ref().map_or(0, |line| events(line.probes)));
        if lost > 0 {
            say(
                "probes.events_lost",
                &format!("{lost} events of the probes found no room: what was not seen there proves nothing"),
            );
        }
        if process.lost() > 0 {
            say(
                "losses",
                &format!(
                    "{} reports of the process were lost; a panic of this chain may be among them",
                    process.lost()
                ),
            );
        }
    }
    out
}

/// Ability, what is not seen without it, what brings it.
const ABILITIES: [(&str, &str, &str); 6] = [
    (
        "tables",
        "which frame stops it, before the unwinding",
        "unwind tables are read on Linux with glibc or musl, x86_64 and aarch64; elsewhere names of frames say what they can",
    ),
    (
        "symbols",
        "names of functions",
        "the feature `symbols`, `PANIC_AGENT_SYMBOLS=on`, and a build with symbols",
    ),
    (
        "probe_raise",
        "panics that call no hook",
        "a dynamically linked Linux program, with glibc or musl, and the feature `probes`",
    ),
    (
        "probe_land",
        "where it really landed",
        "a dynamically linked Linux program, with glibc or musl, and the feature `probes`",
    ),
    (
        "probe_dispose",
        "who read or dropped the error",
        "a dynamically linked Linux program, with glibc or musl, and the feature `probes`",
    ),
    (
        "probe_threads",
        "joins, detaches, and who started the thread",
        "a dynamically linked Linux program, with glibc or musl, and the feature `probes`",
    ),
];

fn of_report(report: &Report, say: &mut impl FnMut(&'static str, &str)) {
    let nameless = report.frames.iter().filter(|frame| frame.function.is_none()).count();
    if nameless > 0 {
        say(
            "frames[].function",
            &format!(
                "names of {nameless} frames: do not strip the binary, or keep its debug file (docs/names.md)"
            ),
        );
    }
    let own = report.frames.iter().filter(|frame| frame.in_app != Some(false) && frame.function.is_some());
    let lineless = own.filter(|frame| frame.line.is_none()).count();
    if lineless > 0 {
        say(
            "frames[].line",
            &format!("lines of {lineless} frames: `debug = \"line-tables-only\"` in the profile brings them"),
        );
    }
    if report.lineage.iter().any(|ancestor| ancestor.spawned_at.is_none()) {
        say(
            "lineage[].spawned_at",
            "where the thread was started: the option `spawn_places` (`PANIC_AGENT_SPAWN_PLACES=on`) notes it",
        );
    }
    if report.stack.cut_for_size > 0 || report.stack.not_recorded > 0 {
        say("stack", "outer frames: `PANIC_AGENT_MAX_REPORT_BYTES` and `max_frames` allow more");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_ability_of_the_schema_is_looked_at_once() {
        let mut words: Vec<_> = ABILITIES.iter().map(|(word, ..)| *word).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), ABILITIES.len());
    }
}
