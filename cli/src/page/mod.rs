//! `panic-agent report`: one HTML page, which loads nothing and needs no script to be read.
//!
//! Reading order: this file (the command, and what is gathered), `html` (escaping), `document` (the page), `incident` (one
//! story), `json` (a line unfolded), `charts` (SVG), `crosscheck` (places in source), `page.css`, `page.js`.
//!
//! Runs on: the main thread. Must not: let text of a line become markup, or name anything outside of the page.

mod charts;
mod crosscheck;
mod document;
mod html;
mod incident;
mod json;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use panic_agent::record::{Fate, ProcessLine};

use crate::Outcome;
use crate::crosscheck::written::Written;
use crate::failure::Failure;
use crate::stats::group::Group;
use crate::story::{At, Gather, Incident, InputArgs, Log, Note, Process, Story, Told};
use crate::view::FilterArgs;

/// Groups whose incidents are told in full, unless all are wanted.
const MAX_GROUPS: usize = 200;
/// Incidents of a group that are told in full.
const MAX_INCIDENTS: usize = 5;
/// Notes that are kept.
const MAX_NOTES: usize = 500;
/// Groups that are counted.
const MAX_COUNTED: usize = 20_000;
/// Bound for what waits.
const BYTES: usize = 96 << 20;

/// Arguments of `report`.
#[derive(Args, Debug)]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// File that is written; `-` for standard output
    #[arg(short, long, value_name = "FILE.html")]
    pub(crate) output: PathBuf,
    /// Title of the page
    #[arg(long, default_value = "Panics")]
    pub(crate) title: String,
    /// Tell every incident of every group in full
    #[arg(long)]
    pub(crate) all: bool,
    /// Directories in which source files are looked for; without any no source lines are shown
    #[arg(long, value_name = "DIR")]
    pub(crate) source: Vec<PathBuf>,
    /// Show a cross-check, too: what `crosscheck --format json` wrote of these lines
    #[arg(long, value_name = "FILE.json")]
    pub(crate) crosscheck: Option<PathBuf>,
}

/// What the page tells.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) groups: HashMap<String, PageGroup>,
    pub(crate) notes: Vec<(Note, At)>,
    pub(crate) more_notes: u64,
    pub(crate) totals: Totals,
    /// Panics by minute-like buckets, and by what colours them.
    pub(crate) over_time: BTreeMap<Shade, crate::stats::group::Histogram>,
    /// What agents could not do, and in how many processes.
    pub(crate) lacks: BTreeMap<(String, String), u64>,
    pub(crate) lines_left_out: u64,
    pub(crate) ungrouped: u64,
    pub(crate) crosscheck: Option<Written>,
}

/// Panics with one fingerprint.
#[derive(Debug)]
pub(crate) struct PageGroup {
    pub(crate) counts: Group,
    /// The newest incidents that begin with one.
    pub(crate) incidents: VecDeque<(Incident, Process)>,
    pub(crate) more: u64,
}

/// The strip at the top.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) panics: u64,
    pub(crate) silent: u64,
    pub(crate) swallowed: u64,
    pub(crate) read: u64,
    pub(crate) fatal: u64,
    pub(crate) unknown: u64,
    pub(crate) lost: u64,
    pub(crate) processes: u64,
    pub(crate) killed: u64,
}

/// Colours of the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Shade {
    Silent,
    Fatal,
    Died,
    Caught,
}

impl Shade {
    pub(crate) const ALL: [Self; 4] = [Self::Silent, Self::Fatal, Self::Died, Self::Caught];

    fn of(told: &Told) -> Self {
        match (told.is_silent(), told.word.fate) {
            (true, _) => Self::Silent,
            (_, Fate::MainDied | Fate::Aborted | Fate::Interrupted) => Self::Fatal,
            (_, Fate::ThreadDied | Fate::RuntimeCaught) => Self::Died,
            _ => Self::Caught,
        }
    }
}

pub(crate) fn report(args: &ReportArgs) -> Outcome {
    let crosscheck = args.crosscheck.as_deref().map(Written::read).transpose()?;
    let mut log = Log::new(args.input.inputs()?);
    let mut gather = Gather::new(BYTES);
    let mut gathered = Gathered { crosscheck, ..Gathered::default() };
    for entry in log.by_ref() {
        gather.take(entry);
        while let Some(story) = gather.overflow() {
            gathered.take(story, &gather, args);
        }
    }
    while let Some(story) = gather.pop() {
        gathered.take(story, &gather, args);
    }
    for process in gather.processes() {
        gathered.process(process);
    }
    gathered.lines_left_out = log.complaints.total();
    log.complaints.finish();
    let page = document::document(&gathered, args);
    if args.output.as_os_str() == "-" {
        crate::screen::write_raw(page.as_bytes())?;
    } else {
        std::fs::write(&args.output, &page).map_err(|error| Failure::io("write", &args.output, &error))?;
        eprintln!("panic-agent: `{}` written, {} kB", args.output.display(), page.len() / 1000);
    }
    Ok(log.complaints.status())
}

impl Gathered {
    fn take(&mut self, story: Story, gather: &Gather, args: &ReportArgs) {
        if !args.filter.matches(&story) {
            return;
        }
        let incident = match story {
            Story::Incident(incident) => incident,
            Story::Note(note, at) => {
                if self.notes.len() < MAX_NOTES {
                    self.notes.push((note, at));
                } else {
                    self.more_notes += 1;
                }
                return;
            }
        };
        self.totals.panics = self.totals.panics.saturating_add(incident.repeats);
        for told in &incident.panics {
            self.panic(told);
        }
        let Some(root) = incident.root() else { return };
        let fingerprint = root.fingerprint().to_owned();
        let process = gather.process(incident.id.instance()).cloned().unwrap_or_default();
        if let Some(group) = self.groups.get_mut(&fingerprint) {
            group.counts.count = group.counts.count.saturating_add(incident.repeats);
            group.incidents.push_back((incident, process));
            if group.incidents.len() > MAX_INCIDENTS && !args.all {
                group.incidents.pop_front();
                group.more += 1;
            }
        }
    }

    fn panic(&mut self, told: &Told) {
        let (head, word) = (&told.head, &told.word);
        self.totals.panics = self.totals.panics.saturating_add(1);
        self.totals.silent += u64::from(told.is_silent());
        self.totals.swallowed += u64::from(word.swallowed == Some(true));
        self.totals.read += u64::from(word.receipt == panic_agent::record::Receipt::Read);
        self.totals.fatal += u64::from(Shade::of(told) == Shade::Fatal);
        self.totals.unknown += u64::from(word.silent.is_none());
        self.over_time.entry(Shade::of(told)).or_default().add(head.ts_ms, 1);
        if self.groups.len() >= MAX_COUNTED && !self.groups.contains_key(told.fingerprint()) {
            self.ungrouped += 1;
            return;
        }
        let group = self.groups.entry(told.fingerprint().to_owned()).or_insert_with(|| {
            let mut counts = Group::new(told.fingerprint().to_owned(), head.ts_ms);
            counts.message = crate::view::tale::message(told);
            counts.place =
                told.location().map(|at| format!("{}:{}", crate::view::stack::short(&at.file), at.line));
            PageGroup { counts, incidents: VecDeque::new(), more: 0 }
        });
        let counts = &mut group.counts;
        counts.add(head.ts_ms, 1);
        counts.silent += u64::from(told.is_silent());
        counts.swallowed += u64::from(word.swallowed == Some(true));
        counts.uncaught += u64::from(word.uncaught == Some(true));
        counts.unknown += u64::from(word.silent.is_none());
        head.host.as_deref().into_iter().for_each(|host| counts.hosts.add(host));
        head.version.as_deref().into_iter().for_each(|version| counts.versions.add(version));
        let lacks = told.report.iter().flat_map(|report| report.soft_errors.iter());
        for error in lacks {
            lack(&mut self.lacks, (error.code.clone(), "a report: ".to_owned() + &error.detail));
        }
    }

    fn process(&mut self, process: &Process) {
        self.totals.processes += 1;
        self.totals.killed += u64::from(process.died);
        self.totals.lost = self.totals.lost.saturating_add(process.lost());
        let errors = process.line.iter().flat_map(|line: &Arc<ProcessLine>| line.soft_errors.iter());
        for error in errors {
            let what = format!("a process, {}: {}", error.field, error.detail);
            lack(&mut self.lacks, (error.code.clone(), what));
        }
    }

    /// Groups, those with most silent panics first, then those with most.
    pub(crate) fn ordered(&self) -> Vec<&PageGroup> {
        let mut groups: Vec<&PageGroup> = self.groups.values().collect();
        let key = |group: &PageGroup| (group.counts.silent, group.counts.count, group.counts.last_ms);
        groups.sort_by(|a, b| key(b).cmp(&key(a)).then_with(|| a.counts.name.cmp(&b.counts.name)));
        groups
    }
}

/// Counts what an agent could not do. Of very many sorts the first are kept.
fn lack(lacks: &mut BTreeMap<(String, String), u64>, what: (String, String)) {
    if lacks.len() < MAX_NOTES || lacks.contains_key(&what) {
        *lacks.entry(what).or_default() += 1;
    }
}
