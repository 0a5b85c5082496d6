//! `panic-agent crosscheck`: what a scan says, held against what really happened.
//!
//! Reading order: this file (the command), `answer` (the nouns), `files` (which file a path means), `evidence` (a panic as
//! places), `judge` (which answer), `show`, `written` (the JSON, read again).
//!
//! Runs on: the main thread. Must not: fail because of what a line holds.

pub(crate) mod answer;
mod args;
mod evidence;
mod files;
mod judge;
mod show;
pub(crate) mod written;

pub(crate) use args::CrosscheckArgs;

use crate::Outcome;
use crate::scan::report::{Report, SCHEMA};
use crate::screen::{Screen, write_raw};
use crate::story::words::count;
use crate::story::{Gather, Log, Story, Told};
use args::Form;
use evidence::Evidence;
use files::Files;
use judge::Judge;

pub(crate) fn crosscheck(args: &CrosscheckArgs) -> Outcome {
    let report: Report = written::read(&args.scan, "scan", SCHEMA)?;
    let root = args.root.clone().unwrap_or_else(|| report.root.clone());
    let mut judge = Judge::new(&report, Files::new(&report, &root, &args.remap));
    let mut log = Log::new(args.input.inputs()?);
    let mut gather = Gather::new((args.memory.max(1) as usize) << 20);
    let mut others = 0;
    let mut take = |story: Option<Story>| {
        let Some(story) = story else { return false };
        if let Story::Incident(incident) = story {
            for told in &incident.panics {
                if is_of_another_build(told, report.build_id.as_deref()) {
                    others += 1;
                } else {
                    judge.take(&Evidence::of(told));
                }
            }
        }
        true
    };
    for entry in log.by_ref() {
        gather.take(entry);
        while take(gather.overflow()) {}
    }
    while take(gather.pop()) {}
    let judged = judge.finish(args.tests);
    match args.format {
        Form::Text => {
            let mut screen = Screen::open(&args.screen, true);
            screen.write(&show::text(&judged, args.all))?;
        }
        Form::Json => write_raw(show::json(&judged)?.as_bytes()).map(|_| ())?,
        Form::Sarif => write_raw(show::sarif(&judged)?.as_bytes()).map(|_| ())?,
        Form::Markdown => write_raw(show::markdown(&judged, args.all).as_bytes()).map(|_| ())?,
    }
    log.complaints.finish();
    if others > 0 {
        eprintln!(
            "panic-agent: left out {}: of another build than the program that was scanned (build-id {})",
            count(others, "panic"),
            report.build_id.as_deref().unwrap_or_default()
        );
    }
    crate::view::tell_of_bound(&gather, args.memory);
    let denied = judged.rows.iter().any(|row| args.deny.contains(&row.answer));
    Ok(log.complaints.status().max(u8::from(denied)))
}

/// Whether a panic is of a program of another build than the one that was scanned. Without images nobody can tell.
fn is_of_another_build(told: &Told, scanned: Option<&str>) -> bool {
    let images = told.report.as_ref().map(|report| &*report.images).unwrap_or_default();
    scanned.is_some_and(|scanned| {
        !images.is_empty()
            && images.iter().all(|image| image.build_id.as_deref().is_some_and(|own| own != scanned))
    })
}
