//! `panic-agent stats`: panics counted by what they have in common.
//!
//! Reading order: this file (the command), `group` (what is counted), `tally` (lines into groups), `read` (all files), `show`
//! (table, JSON, CSV). What is read of a line is in `story::flat`.
//!
//! Runs on: the main thread, and those that `read` starts. Must not: use memory that grows with the files.

pub(crate) mod group;
mod read;
mod show;
mod tally;
mod top;

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use group::Group;
use tally::{Question, Tally, Window};

use crate::Outcome;
use crate::screen::{Screen, ScreenArgs};
use crate::story::InputArgs;
use crate::time;

/// Arguments of `stats`.
#[derive(Args, Debug)]
pub(crate) struct StatsArgs {
    #[command(flatten)]
    input: InputArgs,
    /// What panics of one group have in common: fingerprint, service, thread, function, version, or label:KEY
    #[arg(long, value_name = "WHAT", default_value = "fingerprint", value_parser = by)]
    by: By,
    /// Order of the groups, the greatest first
    #[arg(long, value_name = "ORDER", default_value = "count")]
    sort: Sort,
    /// Groups that a table shows; 0 for all
    #[arg(long, value_name = "N", default_value_t = 20)]
    top: usize,
    /// Only groups that were first seen since a version (of the service) was first seen, or since a time
    #[arg(long, value_name = "VERSION|TIME", allow_hyphen_values = true)]
    new_since: Option<String>,
    /// Panics not before: `-3h`, `yesterday`, `2026-01-31`
    #[arg(long, value_name = "TIME", value_parser = time::parse, allow_hyphen_values = true)]
    since: Option<Timestamp>,
    /// Panics not after
    #[arg(long, value_name = "TIME", value_parser = time::parse, allow_hyphen_values = true)]
    until: Option<Timestamp>,
    /// Name of the service
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// table, json or csv
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,
    /// The same as `--format json`; `panic-agent schema stats` describes it
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Show times in UTC, not in the zone of the machine
    #[arg(long)]
    utc: bool,
    #[command(flatten)]
    screen: ScreenArgs,
}

pub(crate) use top::{TopArgs, top};

/// See `--by`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Fingerprint,
    Service,
    Thread,
    Function,
    Version,
    Label(String),
}

impl By {
    fn word(&self) -> String {
        match self {
            Self::Fingerprint => "fingerprint".to_owned(),
            Self::Service => "service".to_owned(),
            Self::Thread => "thread".to_owned(),
            Self::Function => "function".to_owned(),
            Self::Version => "version".to_owned(),
            Self::Label(key) => format!("label:{key}"),
        }
    }
}

fn by(text: &str) -> Result<By, String> {
    Ok(match text {
        "fingerprint" => By::Fingerprint,
        "service" => By::Service,
        "thread" => By::Thread,
        "function" => By::Function,
        "version" => By::Version,
        _ => match text.strip_prefix("label:") {
            Some(key) if !key.is_empty() => By::Label(key.to_owned()),
            _ => return Err("say fingerprint, service, thread, function, version or label:KEY".to_owned()),
        },
    })
}

/// See `--sort`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Sort {
    Count,
    Silent,
    First,
    Last,
}

/// See `--format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
    Csv,
}

pub(crate) fn stats(args: &StatsArgs) -> Outcome {
    let tally = read::read(args.input.inputs()?, &question(args))?;
    let groups = select(args, &tally);
    complain(&tally);
    match if args.json { Format::Json } else { args.format } {
        Format::Json => crate::screen::write_raw(show::json(&args.by.word(), &groups, &tally)?.as_bytes())?,
        Format::Csv => crate::screen::write_raw(show::csv(&args.by.word(), &groups).as_bytes())?,
        Format::Table => {
            let mut screen = Screen::open(&args.screen, true);
            let top = if args.top == 0 { usize::MAX } else { args.top };
            let clock = time::Clock::new(args.utc);
            let text = show::table(&args.by, &groups, &tally, top, &clock, screen.width());
            screen.write(&text)?
        }
    };
    Ok(0)
}

fn question(args: &StatsArgs) -> Question {
    Question {
        by: args.by.clone(),
        window: Window { since: args.since, until: args.until },
        service: args.service.clone(),
    }
}

/// Groups that are asked for, in order.
fn select<'t>(args: &StatsArgs, tally: &'t Tally) -> Vec<&'t Group> {
    let mut groups: Vec<&Group> = tally.groups.values().collect();
    if let Some(since) = &args.new_since {
        let version = tally.versions.get(since.as_str()).copied();
        let from = version.or_else(|| time::parse(since).ok().map(Timestamp::as_millisecond));
        match from {
            Some(from) => groups.retain(|group| group.first_ms >= from),
            None => {
                eprintln!(
                    "panic-agent: `{since}` is neither a time nor the version of any panic, so no group is shown"
                );
                groups.clear();
            }
        }
    }
    let key = |group: &Group| match args.sort {
        Sort::Count => i128::from(group.count),
        Sort::Silent => i128::from(group.silent),
        Sort::First => i128::from(group.first_ms),
        Sort::Last => i128::from(group.last_ms),
    };
    groups.sort_by(|a, b| key(b).cmp(&key(a)).then_with(|| a.name.cmp(&b.name)));
    groups
}

fn complain(tally: &Tally) {
    for (lines, what) in
        [(tally.torn, "torn"), (tally.foreign, "not of the agent"), (tally.newer, "of a newer agent")]
    {
        if lines > 0 {
            eprintln!("panic-agent: lines left out: {lines} {what}");
        }
    }
    if tally.late > 0 {
        eprintln!(
            "panic-agent: {} verdicts are left out: their panics are not in these files, or too far back",
            tally.late
        );
    }
    if tally.ungrouped > 0 {
        eprintln!(
            "panic-agent: {} panics are in no group, because there were too many groups",
            tally.ungrouped
        );
    }
}
