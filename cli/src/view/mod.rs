//! `panic-agent view`: incidents as stories, newest last.
//!
//! Reading order: this file (the command), `filter`, `tale` (the story), `full`, `stack`, `source`, `summary`, `json`, `follow`.
//!
//! Runs on: the main thread. Must not: fail because of what a line holds.

mod args;
mod filter;
mod follow;
mod full;
mod json;
pub(crate) mod source;
pub(crate) mod stack;
mod summary;
pub(crate) mod tale;

pub(crate) use args::ViewArgs;
pub(crate) use filter::FilterArgs;

use std::path::Path;

use source::Sources;
use summary::Summary;
use tale::{Level, Teller};

use crate::Outcome;
use crate::failure::Failure;
use crate::screen::{Paint, Screen, one_line};
use crate::story::{Gather, Incident, Input, Log, Sieve, Story, words};
use crate::time::Clock;

/// Silent incidents that are listed before all others.
const MAX_LISTED: usize = 12;

pub(crate) fn view(args: &ViewArgs) -> Outcome {
    if args.follow {
        return follow::follow(args, args.input.inputs_to_come()?);
    }
    let inputs = args.input.inputs()?;
    hint_at_spools(&inputs);
    let mut shower = Shower::new(args, true);
    let mut log = log(inputs, &args.filter);
    let mut gather = Gather::new((args.memory.max(1) as usize) << 20);
    let mut begun = false;
    while let Some(entry) = log.next() {
        gather.take(entry);
        while let Some(story) = gather.overflow() {
            if !begun {
                shower.headline(gather.stories().chain([&story]))?;
                begun = true;
            }
            if !shower.show(&story, &gather)? {
                return Ok(log.complaints.status());
            }
        }
    }
    if !begun {
        shower.headline(gather.stories())?;
    }
    while let Some(story) = gather.pop() {
        if !shower.show(&story, &gather)? {
            return Ok(log.complaints.status());
        }
    }
    shower.summary.passed_over(log.passed_over);
    shower.finish(&gather, &log.complaints)?;
    Ok(log.complaints.status())
}

/// The lines that matter to a filter, as far as that can be told without reading them in full.
fn log(inputs: Vec<Input>, filter: &FilterArgs) -> Log {
    if let Some(id) = &filter.incident {
        return Log::new(inputs).of_process(id);
    }
    let sieve = filter.is_told_by_heads().then(|| Sieve::build(&inputs, |head| filter.may_match(head)));
    match sieve.flatten() {
        Some((sieve, parts)) => Log::sieved(parts, sieve),
        None => Log::new(inputs),
    }
}

/// Shows stories that the filters let through, and counts them.
struct Shower<'a> {
    args: &'a ViewArgs,
    screen: Screen,
    teller: Teller,
    summary: Summary,
}

impl<'a> Shower<'a> {
    fn new(args: &'a ViewArgs, paged: bool) -> Self {
        let screen = Screen::open(&args.screen, paged && !args.json);
        let level = match (args.oneline, args.full) {
            (true, _) => Level::Line,
            (_, true) => Level::Full,
            _ => Level::Story,
        };
        let teller = Teller {
            clock: Clock::new(args.utc),
            links: screen.links(),
            sources: Sources::new(&args.source),
            width: screen.width(),
            level,
        };
        Self { args, screen, teller, summary: Summary::default() }
    }

    /// What is silent comes first.
    fn headline<'s>(&mut self, stories: impl Iterator<Item = &'s Story>) -> Result<(), Failure> {
        if self.args.json || self.args.oneline || self.args.filter.incident.is_some() {
            return Ok(());
        }
        let silent: Vec<&Incident> = stories
            .filter(|story| self.args.filter.matches(story))
            .filter_map(|story| match story {
                Story::Incident(incident) if incident.is_silent() => Some(incident),
                _ => None,
            })
            .collect();
        if silent.is_empty() {
            return Ok(());
        }
        let what = words::count(silent.len() as u64, "incident");
        let mut text = format!("{}\n", Paint::Alarm.on(format!("{what} that nobody was told of:")));
        let skipped = silent.len().saturating_sub(MAX_LISTED);
        if skipped > 0 {
            text.push_str(&Paint::Faint.on(format!("  … {skipped} older ones (--silent --oneline)\n")));
        }
        for incident in silent.into_iter().skip(skipped) {
            text.push_str(&self.teller.brief(incident));
            if let Some(told) = incident.panics.iter().find(|told| told.is_silent()) {
                text.push_str(&format!("{:25}{}\n", "", Paint::Faint.on(one_line(&words::error(told)))));
            }
        }
        text.push('\n');
        self.screen.write(&text).map(|_| ())
    }

    /// False when nobody reads any more.
    fn show(&mut self, story: &Story, gather: &Gather) -> Result<bool, Failure> {
        if !self.args.filter.matches(story) {
            self.summary.hidden(story);
            return Ok(true);
        }
        self.summary.shown(story);
        let process = match story {
            Story::Incident(incident) => gather.process(incident.id.instance()),
            Story::Note(..) => None,
        };
        let text = match (self.args.json, story) {
            (true, _) => json::line(story, process)?,
            (_, Story::Incident(incident)) => self.teller.incident(incident, process),
            (_, Story::Note(note, _)) => self.teller.note(note),
        };
        if self.args.json { crate::screen::write_raw(text.as_bytes()) } else { self.screen.write(&text) }
    }

    fn finish(&mut self, gather: &Gather, complaints: &crate::story::Complaints) -> Result<(), Failure> {
        if !self.args.json {
            if self.summary.is_empty() && complaints.total() == 0 && self.args.filter.is_empty() {
                self.screen.write("no panics\n")?;
            } else {
                let line = self.summary.line(gather, complaints);
                self.screen.write(&line)?;
            }
        }
        self.screen.close();
        complaints.finish();
        tell_of_bound(gather, self.args.memory);
        Ok(())
    }
}

/// Says that the bound was hit, and whether that mattered.
pub(crate) fn tell_of_bound(gather: &Gather, memory: u32) {
    if gather.evicted == 0 {
        return;
    }
    eprintln!(
        "panic-agent: more than {memory} MiB of lines waited at once; incidents told before they were complete: {}; verdicts \
         that came too late for them: {}; raise `--memory`",
        gather.evicted, gather.late
    );
}

/// Reports of dead processes may still lie in their spools.
fn hint_at_spools(inputs: &[Input]) {
    for input in inputs {
        let Input::Files(parts) = input else { continue };
        let Some(file) = parts.last() else { continue };
        let directory =
            file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let Some(name) = file.file_name() else { continue };
        let begin = format!("{}.spool-", name.to_string_lossy());
        let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let dead = |name: &String| {
            let pid = name.strip_prefix(&begin).and_then(|pid| pid.parse::<u32>().ok());
            pid.is_some_and(crate::system::is_gone)
        };
        let dead = names.filter(dead).count();
        if dead > 0 {
            let spools = if dead == 1 { "a spool of a dead process" } else { "spools of dead processes" };
            eprintln!(
                "panic-agent: beside `{}` there is {spools}, perhaps with reports that have no line yet; `panic-agent recover \
                 {}` writes them down",
                file.display(),
                directory.display()
            );
        }
    }
}
