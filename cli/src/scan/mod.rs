//! `panic-agent scan`: places in source where panics are swallowed, without building anything.
//!
//! Reading order: `rule` and `site` (the nouns), `workspace` (which files), `engine` (who reads them), `source_file`
//! (text to syntax), `names`, `known`, `types`, `index` (what a name means), `kind` and `env` (what a value is), `fate`,
//! `flow`, `binding`, `finder`, `tells` (what becomes of it), `walk`, `note`, `becomes`, `hooks`, `items`, `macros`, `record` (the
//! places), `clippy` (the compiler's word on them), `allow` and `policy` (what is accepted), `report` (all of it), `show` (its forms), `suggest` (what to do), `binary` and `record_of_binary` (programs in place of source).
//!
//! Runs on: the main thread, and threads of `engine`. Must not: run or change what is scanned, or build it without `--clippy`.

mod allow;
mod args;
mod becomes;
mod binary;
mod binding;
mod clippy;
mod depth;
mod engine;
mod env;
mod fate;
mod finder;
mod flow;
mod hooks;
mod index;
mod items;
mod kind;
mod known;
mod macros;
mod names;
mod note;
mod policy;
mod record;
mod record_of_binary;
pub(crate) mod report;
pub(crate) mod rule;
pub(crate) mod show;
pub(crate) mod site;
pub(crate) mod source_file;
mod suggest;
mod tells;
mod types;
mod walk;
mod workspace;

pub(crate) use args::ScanArgs;

use std::path::Path;

use crate::Outcome;
use crate::failure::Failure;
use crate::screen::{Screen, write_raw};
use args::Format;
use policy::{Baseline, Policy};
use report::Report;
use rule::Level;
use workspace::Workspace;

pub(crate) fn scan(args: &ScanArgs) -> Outcome {
    if let Some(path) = &args.binary {
        return linked(args, path);
    }
    let path = args.path.as_deref().unwrap_or(Path::new("."));
    let mut workspace = Workspace::of(path, &args.package)?;
    let policy = Policy::load(&workspace.root, args)?;
    workspace.files.retain(|(_, name, _)| !policy.exclude.is_match(name));
    if workspace.files.is_empty() {
        return Err(Failure::new(format!("`{}` has no Rust files", path.display())));
    }
    let facts = if args.clippy { Some(clippy::run(&workspace, args)?) } else { None };
    let (read, unread) = engine::read(&workspace.files, facts.as_ref())?;
    let mut report = Report::new(&workspace, read, unread);
    if facts.is_some() {
        report.engine = "clippy".to_owned();
    }
    report.findings.iter_mut().for_each(|finding| policy.judge(finding));
    let stale = Baseline::load(&policy.baseline)?.apply(&mut report.findings);
    for unread in &report.unread {
        eprintln!(
            "panic-agent: {}:{}:{}: not scanned: {}",
            unread.file, unread.line, unread.column, unread.reason
        );
    }
    if args.write_baseline {
        let entries = Baseline::write(&policy.baseline, &report.findings)?;
        eprintln!("panic-agent: entries in `{}`: {entries}", policy.baseline.display());
        return Ok(0);
    }
    if stale > 0 {
        eprintln!(
            "panic-agent: entries of the baseline that matched nothing: {stale}; `--write-baseline` takes them out"
        );
    }
    if args.fix || args.suggest {
        return change(args, &report);
    }
    show(args, &report)?;
    let denied = report.findings.iter().any(|finding| finding.is_open() && finding.level == Level::Deny);
    Ok(u8::from(denied))
}

/// `--binary`.
fn linked(args: &ScanArgs, path: &Path) -> Outcome {
    let report = binary::read(path)?;
    let text = match args.format {
        Format::Json => show::json(&report)?,
        Format::Markdown => show::inventory::markdown(&report),
        Format::Text => record_of_binary::text(&report),
        Format::Sarif | Format::Github => {
            return Err(Failure::new(
                "a program has catches and no findings: `--format text`, `json` or `markdown`",
            ));
        }
    };
    match &args.output {
        Some(path) => std::fs::write(path, text).map_err(|error| Failure::io("write", path, &error))?,
        None => write_raw(text.as_bytes()).map(|_| ())?,
    }
    Ok(0)
}

/// `--suggest` and `--fix`.
fn change(args: &ScanArgs, report: &Report) -> Outcome {
    let lowest = if args.notes { Level::Note } else { Level::Warn };
    let findings: Vec<_> = show::shown(report, lowest).collect();
    if args.fix {
        let changed = suggest::fix(report, &findings)?;
        eprintln!("panic-agent: places that were changed: {changed}, of {} that were found", findings.len());
        return Ok(0);
    }
    let text: Vec<String> = findings.iter().map(|finding| suggest::text(report, finding)).collect();
    let mut screen = Screen::open(&args.screen, true);
    screen.write(&text.join("\n"))?;
    Ok(0)
}

fn show(args: &ScanArgs, report: &Report) -> Result<(), Failure> {
    let lowest = if args.notes { Level::Note } else { Level::Warn };
    let text = match (args.inventory, args.format) {
        (_, Format::Json) => show::json(report)?,
        (true, Format::Markdown) => show::inventory::markdown(report),
        (true, _) => show::inventory::text(report),
        (_, Format::Sarif) => show::sarif::text(report)?,
        (_, Format::Github) => show::github(report, lowest),
        (_, Format::Markdown) => show::markdown(report, lowest),
        (_, Format::Text) => {
            let colours = args.output.is_none();
            let mut screen = Screen::open(&args.screen, colours);
            let text = show::text::text(report, lowest, colours && screen.is_coloured(), screen.width());
            if let Some(path) = &args.output {
                return std::fs::write(path, text).map_err(|error| Failure::io("write", path, &error));
            }
            return screen.write(&text).map(|_| ());
        }
    };
    match &args.output {
        Some(path) => std::fs::write(path, text).map_err(|error| Failure::io("write", path, &error)),
        None => write_raw(text.as_bytes()).map(|_| ()),
    }
}
