//! The table of `docs/verdicts.md`, made of the scenarios' expectations.
//!
//! Runs on: any thread. Must not: run anything, or depend on the build that makes it.

use core::fmt::Write;

use panic_agent::record::{Fate, Receipt};

use crate::{ExpectedPanic, Hops, Message, Probes, Profile, Scenario, Setting, Verdict, catalogue, word};

/// The settings of the columns, with their headings.
const COLUMNS: [(&str, Setting); 4] = [
    ("with probes", Setting { profile: Profile::Debug, probes: Probes::On }),
    ("without probes", Setting { profile: Profile::Debug, probes: Probes::Off }),
    ("stripped, with probes", Setting { profile: Profile::Stripped, probes: Probes::On }),
    ("`panic = \"abort\"`", Setting { profile: Profile::Abort, probes: Probes::On }),
];

/// The line before the table in the page.
pub const BEGIN: &str = "<!-- made by `agent-demo verdicts --markdown` -->";
/// The line after it.
pub const END: &str = "<!-- end of what is made -->";

/// The table: one section per theme, one row per panic.
pub fn table() -> String {
    let mut text = String::new();
    for (theme, scenarios) in catalogue::themes() {
        let rows: String = scenarios.iter().map(rows).collect();
        if rows.is_empty() {
            continue;
        }
        let headings: Vec<&str> = COLUMNS.iter().map(|(heading, _)| *heading).collect();
        let rule = "|---".repeat(COLUMNS.len() + 2);
        let headings = headings.join(" | ");
        // Writing to a `String` does not fail.
        let _ = write!(text, "### {theme}\n\n| situation | panic | {headings} |\n{rule}|\n{rows}\n");
    }
    text
}

fn rows(scenario: &Scenario) -> String {
    let mut text = String::new();
    let mut situation = format!("`{}`: {}", scenario.name, scenario.summary);
    let in_debug = scenario.expectation(Profile::Debug);
    let hooked = in_debug.panics.iter().map(|panic| (panic, true));
    let hookless = in_debug.hookless.iter().map(|panic| (panic, false));
    for (index, (panic, hook)) in hooked.chain(hookless).enumerate() {
        let cells: Vec<String> =
            COLUMNS.iter().map(|(_, setting)| cell(scenario, panic, index, hook, *setting)).collect();
        let _ =
            writeln!(text, "| {} | {} | {} |", situation.replace('|', "\\|"), name(panic), cells.join(" | "));
        situation = String::new();
    }
    text
}

/// Which panic of the scenario it is.
fn name(panic: &ExpectedPanic) -> String {
    let times = if panic.count > 1 { format!("{} × ", panic.count) } else { String::new() };
    match panic.message {
        // `escape_debug`: control characters have no place in a page.
        Message::Contains(text) => {
            format!("{times}{text:?}")
        }
        Message::Empty => format!("{times}(empty)"),
        Message::Null => format!("{times}(no text)"),
    }
}

fn cell(scenario: &Scenario, panic: &ExpectedPanic, index: usize, hook: bool, setting: Setting) -> String {
    if setting.profile == Profile::Abort {
        let there = scenario.expectation(Profile::Abort).panics;
        // The first panic is the last.
        return if hook && index == 0 && !there.is_empty() {
            verdict(&known(scenario, panic, setting))
        } else {
            "–".to_owned()
        };
    }
    if !hook && setting.probes == Probes::Off {
        return "(not seen)".to_owned();
    }
    if is_unannounced(&panic.verdict) {
        // Nobody is left who could correct what was predicted.
        let last = known(scenario, panic, Setting { probes: Probes::Off, ..setting });
        return format!("{}; then the process is gone", verdict(&last));
    }
    verdict(&known(scenario, panic, setting))
}

/// Whether the process aborts for a reason that no table of the program has.
fn is_unannounced(verdict: &Verdict) -> bool {
    verdict.fate == Fate::Aborted && verdict.abort_reason.is_none()
}

fn known(scenario: &Scenario, panic: &ExpectedPanic, setting: Setting) -> Verdict {
    let in_order = scenario.expectation(setting.profile).ends_in_order;
    panic
        .outcomes
        .first()
        .map_or(panic.verdict, |predicted| panic.verdict.known_in(setting, *predicted, in_order))
}

/// A verdict in a few words: fate, reason or last handler, receipt with its place, flags, chain.
fn verdict(known: &Verdict) -> String {
    let mut text = word(&known.fate);
    if let Some(reason) = known.abort_reason {
        let _ = write!(text, " ({})", word(&reason));
    } else if let Some(handler) = known.landing.filter(|_| known.fate != Fate::Interrupted) {
        let _ = write!(text, " ({})", word(&handler));
    }
    if let Some(receipt) = known.receipt {
        let _ = write!(text, ", {}", word(&receipt));
        if let (Receipt::Read | Receipt::Received, Some(place)) = (receipt, known.place) {
            let _ = write!(text, " at `{}`", place.rsplit("::").next().unwrap_or(place));
        }
    }
    for (name, flag) in [("silent", known.silent), ("swallowed", known.swallowed)] {
        match flag {
            Some(true) => {
                let _ = write!(text, ", **{name}**");
            }
            None => {
                let _ = write!(text, ", {name}?");
            }
            Some(false) => {}
        }
    }
    if known.hops != Hops::Exactly(0) {
        text.push_str(", thrown again");
    }
    if let Some(link) = known.link {
        let _ = write!(text, ", {} of the first", link.relation);
    }
    text
}
