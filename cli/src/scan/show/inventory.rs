//! What people count by hand: every root of concurrency and every catch.
//!
//! Runs on: the main thread. Must not: leave a place out.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::cell;
use crate::scan::report::Report;
use crate::scan::site::{Site, SiteKind};
use crate::screen::one_line;
use crate::story::words::count;

const KINDS: [(SiteKind, &str); 4] = [
    (SiteKind::Spawn, "What begins to run beside its caller"),
    (SiteKind::Catch, "Where a panic is stopped"),
    (SiteKind::Join, "Where the error of a thread or task is asked for"),
    (SiteKind::Hook, "Panic hooks"),
];

pub(crate) fn text(report: &Report) -> String {
    let mut out = String::new();
    for (kind, title) in KINDS {
        let sites = of(report, kind);
        if sites.is_empty() {
            continue;
        }
        let _never_fails = writeln!(out, "{title}: {}", counts(&sites));
        for site in sites {
            let place = format!("{}:{}", site.file, site.span.line);
            let mark = if site.in_test { "  (test)" } else { "" };
            let _never_fails = writeln!(
                out,
                "  {:11} {place:40} {:32} {}{mark}",
                site.becomes.word(),
                site.api,
                one_line(&site.runs)
            );
        }
        out.push('\n');
    }
    if out.is_empty() {
        out.push_str("no threads, tasks, catches or hooks\n");
    }
    out
}

pub(crate) fn markdown(report: &Report) -> String {
    let mut out = String::new();
    for (kind, title) in KINDS {
        let sites = of(report, kind);
        if sites.is_empty() {
            continue;
        }
        let _never_fails = writeln!(
            out,
            "### {title}: {}\n\n| what becomes of it | place | call | what runs there | function |\n|---|---|---|---|---|",
            counts(&sites)
        );
        for site in sites {
            let _never_fails = writeln!(
                out,
                "| {} | `{}:{}` | `{}` | `{}` | `{}` |",
                site.becomes.word(),
                cell(&site.file),
                site.span.line,
                cell(&site.api),
                cell(&site.runs).replace('`', "'"),
                cell(&site.function)
            );
        }
        out.push('\n');
    }
    out
}

fn of(report: &Report, kind: SiteKind) -> Vec<&Site> {
    report.sites.iter().filter(|site| site.kind == kind).collect()
}

/// How many of each.
fn counts(sites: &[&Site]) -> String {
    let mut by_word: BTreeMap<&str, usize> = BTreeMap::new();
    for site in sites.iter().filter(|site| !site.in_test) {
        *by_word.entry(site.becomes.word()).or_default() += 1;
    }
    let tests = sites.iter().filter(|site| site.in_test).count();
    let mut parts: Vec<String> =
        by_word.into_iter().map(|(word, number)| format!("{number} {word}")).collect();
    if tests > 0 {
        parts.push(format!("{tests} in tests"));
    }
    format!("{} ({})", count(sites.len() as u64, "place"), parts.join(", "))
}
