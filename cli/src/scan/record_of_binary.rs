//! The catches of a program as a report, and as text.
//!
//! Runs on: the main thread. Must not: know how they were found.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use super::report::{FileFacts, Report, SCHEMA};
use super::site::{Becomes, Certainty, Site, SiteKind, Span};
use crate::screen::one_line;
use crate::story::words::count;

/// A `catch_unwind` in a program.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) file: String,
    pub(super) line: u32,
    pub(super) column: u32,
    pub(super) function: String,
    /// How often it is in the machine code.
    pub(super) instances: u32,
}

pub(super) fn report(path: &Path, build_id: Option<String>, places: Vec<Place>) -> Report {
    let root = std::env::current_dir().unwrap_or_default();
    let files: BTreeSet<String> = places.iter().map(|place| place.file.clone()).collect();
    let sites = places.into_iter().map(|place| {
        let span = Span {
            line: place.line,
            column: place.column,
            end_line: place.line,
            end_column: place.column,
            start: 0,
            end: 0,
        };
        Site {
            kind: SiteKind::Catch,
            api: "std::panic::catch_unwind".to_owned(),
            file: place.file,
            span,
            value_span: span,
            argument: None,
            function: without_hash(&place.function),
            function_span: Span::default(),
            runs: count(place.instances.into(), "copy").replace("copys", "copies"),
            becomes: Becomes::Kept,
            certainty: Certainty::Resolved,
            in_test: false,
        }
    });
    Report {
        schema: SCHEMA.to_owned(),
        engine: "binary".to_owned(),
        root,
        commit: None,
        binary: Some(path.to_owned()),
        build_id,
        packages: Vec::new(),
        // Their texts were not read.
        files: files.into_iter().map(|path| FileFacts { path, hash: String::new(), lines: 0 }).collect(),
        sites: sites.collect(),
        findings: Vec::new(),
        unread: Vec::new(),
        texts: BTreeMap::new(),
    }
}

/// A name without the hash of its copy.
fn without_hash(name: &str) -> String {
    match name.rsplit_once("::h") {
        Some((name, hash)) if hash.len() == 16 && hash.bytes().all(|letter| letter.is_ascii_hexdigit()) => {
            name.to_owned()
        }
        _ => name.to_owned(),
    }
}

/// Whose code a file is.
fn owner(file: &str) -> String {
    if let Some((_, rest)) = file.split_once("/registry/src/") {
        return rest.split('/').nth(1).unwrap_or("a dependency").to_owned();
    }
    if file.starts_with("/rustc/") || file.contains("/library/std/") {
        return "std".to_owned();
    }
    "the program".to_owned()
}

pub(super) fn text(report: &Report) -> String {
    let mut by_owner: BTreeMap<String, Vec<&Site>> = BTreeMap::new();
    for site in &report.sites {
        by_owner.entry(owner(&site.file)).or_default().push(site);
    }
    let mut out = String::new();
    for (owner, sites) in &by_owner {
        let _never_fails = writeln!(out, "{owner}: {}", sites.len());
        for site in sites {
            let _never_fails = writeln!(
                out,
                "  {}:{}:{}  {}  ({})",
                one_line(&site.file),
                site.span.line,
                site.span.column,
                one_line(&site.function),
                site.runs
            );
        }
    }
    let _never_fails = writeln!(
        out,
        "{} in {}, build-id {}",
        count(report.sites.len() as u64, "catch").replace("catchs", "catches"),
        report.binary.as_deref().unwrap_or(Path::new("")).display(),
        report.build_id.as_deref().unwrap_or("none")
    );
    out
}
