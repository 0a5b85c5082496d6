//! `agent-demo`: every scenario in a child process, as a table or as JSON.
//!
//! Runs on: the main thread and a few that wait for children. Must not: stop at the first deviation.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::{env, thread};

use agent_demo::check::{Deviation, deviations, outcome_of, wrong_abilities};
use agent_demo::child::{self, AgentSwitch, Observed};
use agent_demo::{Delivery, LastWord, Probes, Profile, Scenario, Setting, catalogue, word};
use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};
use panic_agent::Report;
use panic_agent::record::Fate;
use serde_json::{Value, json};

use super::{Failure, print, print_json, shown};

/// Columns of the table with their widths, together not more than 160.
const COLUMNS: [(&str, u16); 10] = [
    ("scenario", 29),
    ("exit", 11),
    ("thread", 16),
    ("message", 26),
    ("stopped by", 15),
    ("fate", 15),
    ("basis", 10),
    ("receipt", 10),
    ("more", 19),
    ("", 9),
];
/// Letters of a message and of a thread's name that the table shows.
const MESSAGE: usize = 24;
const THREAD: usize = 14;

struct Judged {
    scenario: &'static Scenario,
    observed: Result<Observed, String>,
    deviations: Vec<Deviation>,
}

impl Judged {
    fn is_right(&self) -> bool {
        self.observed.is_ok() && self.deviations.is_empty()
    }
}

/// Runs the named scenarios, or all of them.
pub(super) fn run(
    names: &[&'static Scenario],
    jobs: Option<NonZeroUsize>,
    json: bool,
    probes: Probes,
) -> Result<ExitCode, Failure> {
    let exe = env::current_exe().map_err(|error| Failure::new("cannot find this program", error))?;
    let directory = tempfile::Builder::new()
        .prefix("agent-demo-")
        .tempdir()
        .map_err(|error| Failure::new("cannot create a directory for the lines", error))?
        // The lines are the result: they stay.
        .keep();
    let scenarios: Vec<&'static Scenario> =
        if names.is_empty() { catalogue::all().collect() } else { names.to_vec() };
    let jobs = jobs.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let judged = judge_all(&exe, &directory, &scenarios, jobs, probes);

    if json {
        let results: Vec<Value> = judged.iter().map(result).collect();
        print_json(&results)?;
    } else {
        print(table(&judged))?;
        print_deviations(&judged)?;
        print(format_args!("lines of each scenario: {}/NAME.jsonl", shown(&directory)))?;
    }
    let all_right = judged.iter().all(Judged::is_right);
    Ok(if all_right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn judge_all(
    exe: &Path,
    directory: &Path,
    scenarios: &[&'static Scenario],
    jobs: usize,
    probes: Probes,
) -> Vec<Judged> {
    // Relaxed: the counter hands out numbers and publishes nothing.
    let next = AtomicUsize::new(0);
    let judged = Mutex::new(Vec::with_capacity(scenarios.len()));
    thread::scope(|scope| {
        for _ in 0..jobs.min(scenarios.len()) {
            scope.spawn(|| {
                while let Some(scenario) = scenarios.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = judge(exe, directory, scenario, probes);
                    judged.lock().unwrap_or_else(PoisonError::into_inner).push(result);
                }
            });
        }
    });
    let mut judged = judged.into_inner().unwrap_or_else(PoisonError::into_inner);
    judged.sort_by_key(|result| scenarios.iter().position(|one| one.name == result.scenario.name));
    judged
}

fn judge(exe: &Path, directory: &Path, scenario: &'static Scenario, probes: Probes) -> Judged {
    let agent = match probes {
        Probes::On => AgentSwitch::On,
        Probes::Off | Probes::Names => AgentSwitch::WithoutProbes,
    };
    match child::run(exe, scenario, agent, directory) {
        Ok(observed) => {
            let profile = Profile::current();
            let mut wrong = wrong_abilities(probes, profile, &observed);
            let setting = Setting { profile, probes: probes.told(observed.lines.can()) };
            wrong.extend(deviations(&scenario.expectation(setting.profile), setting, &observed));
            Judged { scenario, observed: Ok(observed), deviations: wrong }
        }
        Err(error) => Judged { scenario, observed: Err(error.to_string()), deviations: Vec::new() },
    }
}

fn table(judged: &[Judged]) -> Table {
    let mut table = Table::new();
    // No rules between the rows: there are hundreds.
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(COLUMNS.map(|(name, _)| name));
    table.set_constraints(COLUMNS.map(|(_, width)| ColumnConstraint::Absolute(Width::Fixed(width))));
    for column in table.column_iter_mut() {
        column.set_padding((0, 1));
    }
    for result in judged {
        let mark = if result.is_right() { "" } else { "DEVIATES" };
        let exit = result.observed.as_ref().map_or_else(Clone::clone, |observed| observed.exit.to_string());
        let rows = result.observed.as_ref().map(rows).unwrap_or_default();
        let first = rows.first().cloned().unwrap_or_default();
        table.add_row([&[result.scenario.name.to_owned(), exit][..], &first, &[mark.to_owned()]].concat());
        for row in rows.iter().skip(1) {
            table.add_row([&[String::new(), String::new()][..], row, &[String::new()]].concat());
        }
    }
    table
}

/// The columns from `thread` to `flags`, one row per panic; equal rows stand there once with a count.
fn rows(observed: &Observed) -> Vec<[String; 7]> {
    let mut counted: Vec<([String; 7], usize)> = Vec::new();
    for report in observed.lines.panics.iter().chain(&observed.lines.hookless) {
        let row = row(report, observed.lines.last_word(report));
        match counted.iter_mut().find(|(other, _)| *other == row) {
            Some((_, count)) => *count += 1,
            None => counted.push((row, 1)),
        }
    }
    let with_count = |(mut row, count): ([String; 7], usize)| {
        if count > 1 {
            row[1] = format!("{count} x {}", row[1]);
        }
        row
    };
    let mut rows: Vec<[String; 7]> = counted.into_iter().map(with_count).collect();
    for finding in &observed.lines.findings {
        let row = ["finding:".to_owned(), finding.code.clone()];
        rows.push(core::array::from_fn(|column| row.get(column).cloned().unwrap_or_default()));
    }
    rows
}

fn row(report: &Report, last: Option<&LastWord>) -> [String; 7] {
    let thread = report.thread.as_deref().unwrap_or("(unnamed)");
    // Threads of one kind are told apart by a number, which would make a row of each.
    let thread: String =
        thread.trim_end_matches(|digit: char| digit.is_ascii_digit()).chars().take(THREAD).collect();
    let message: String = report.summary().chars().take(MESSAGE).collect();
    let Some(last) = last else {
        return [thread, message, String::new(), "?".to_owned(), String::new(), String::new(), String::new()];
    };
    let handler = outcome_of(report).handler.map_or_else(String::new, |handler| word(&handler));
    let landed = last.landing.as_ref().map(|handler| word(&handler.kind));
    [
        thread,
        message,
        // Where it stopped at last, where that is known.
        landed.unwrap_or(handler),
        word(&last.fate),
        word(&last.basis),
        word(&last.receipt),
        flags(report, last),
    ]
}

/// What is said of a panic in one word each, `?` after what cannot be told.
fn flags(report: &Report, last: &LastWord) -> String {
    let mut flags = Vec::new();
    if report.hook == Some(false) {
        flags.push("no hook".to_owned());
    }
    for (name, value) in [("uncaught", last.uncaught), ("silent", last.silent), ("swallowed", last.swallowed)]
    {
        match value {
            Some(true) => flags.push(name.to_owned()),
            None => flags.push(format!("{name}?")),
            Some(false) => {}
        }
    }
    flags.extend(last.relation.clone());
    if last.fate == Fate::Aborted {
        flags.extend(last.reason.clone());
    }
    flags.join(" ")
}

fn print_deviations(judged: &[Judged]) -> Result<(), Failure> {
    let wrong: Vec<&Judged> = judged.iter().filter(|result| !result.is_right()).collect();
    print(format_args!("{} scenarios, {} deviate", judged.len(), wrong.len()))?;
    for result in wrong {
        print(format_args!("{}: {}", result.scenario.name, result.scenario.summary))?;
        if let Err(error) = &result.observed {
            print(format_args!("  {error}"))?;
        }
        for deviation in &result.deviations {
            print(format_args!("  {deviation}"))?;
        }
    }
    print_unknown(judged)
}

/// How many fates are unknown at last, and why, where all lines must be there.
fn print_unknown(judged: &[Judged]) -> Result<(), Failure> {
    let mut reasons = BTreeMap::<&str, usize>::new();
    let mut panics = 0_usize;
    for result in judged {
        let Ok(observed) = &result.observed else { continue };
        if result.scenario.expectation(Profile::current()).delivery != Delivery::Certain {
            continue;
        }
        for report in &observed.lines.panics {
            let Some(last) = observed.lines.last_word(report) else { continue };
            panics += 1;
            if last.fate == Fate::Unknown {
                *reasons.entry(last.reason.as_deref().unwrap_or("no reason")).or_default() += 1;
            }
        }
    }
    let unknown: usize = reasons.values().sum();
    let why: Vec<String> = reasons.iter().map(|(why, count)| format!("{why} {count}")).collect();
    let why = if why.is_empty() { String::new() } else { format!(": {}", why.join(", ")) };
    print(format_args!("{panics} panics, {unknown} with an unknown fate{why}"))
}

fn result(judged: &Judged) -> Value {
    let panics: Vec<Value> = judged.observed.iter().flat_map(panics).collect();
    json!({
        "scenario": judged.scenario.name,
        "summary": judged.scenario.summary,
        "right": judged.is_right(),
        "error": judged.observed.as_ref().err(),
        "exit": judged.observed.as_ref().ok().map(|observed| observed.exit),
        "file": judged.observed.as_ref().ok().map(|observed| shown(&observed.file)),
        "ms": judged.observed.as_ref().ok().map(|observed| observed.took.as_millis() as u64),
        "panics": panics,
        "findings": judged.observed.as_ref().ok().map(|observed| &observed.lines.findings),
        "deviations": judged.deviations,
    })
}

fn panics(observed: &Observed) -> Vec<Value> {
    let value = |report: &Report| {
        json!({
            "id": report.head.id,
            "thread": report.thread,
            "message": report.message,
            "hook": report.hook,
            "predicted": outcome_of(report),
            "verdict": observed.lines.last_word(report),
        })
    };
    observed.lines.panics.iter().chain(&observed.lines.hookless).map(value).collect()
}
