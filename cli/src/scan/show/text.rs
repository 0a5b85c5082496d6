//! Findings in the look of the compiler.
//!
//! Runs on: the main thread. Must not: let a control character of a source through.

use std::fmt::Write as _;

use annotate_snippets::{AnnotationKind, Level as Title, Renderer, Snippet};

use super::shown;
use crate::scan::report::Report;
use crate::scan::rule::Level;
use crate::scan::site::Finding;
use crate::screen::clean;
use crate::story::words::count;

/// Most lines of a finding that are shown.
const MAX_LINES: u32 = 6;

pub(crate) fn text(report: &Report, lowest: Level, colours: bool, width: Option<usize>) -> String {
    let renderer = if colours { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.term_width(width.unwrap_or(140));
    let mut out = String::new();
    for finding in shown(report, lowest) {
        let _never_fails = writeln!(out, "{}\n", one(report, finding, &renderer));
    }
    out.push_str(&summary(report, lowest));
    out.push('\n');
    out
}

fn one(report: &Report, finding: &Finding, renderer: &Renderer) -> String {
    let level = match finding.level {
        Level::Deny => Title::ERROR,
        Level::Warn => Title::WARNING,
        _ => Title::NOTE,
    };
    let message = clean(&finding.message);
    let title = level.primary_title(message.as_str()).id(finding.rule.id());
    let span = finding.span;
    let sure = format!("{}; in `{}`", finding.certainty.word(), clean(&finding.function));
    let text = report.texts.get(&finding.file).map(String::as_str).unwrap_or_default();
    let label = clean(&finding.label);
    // A long call is shown by its first line.
    let first_line =
        text.get(span.start..).and_then(|rest| rest.find('\n')).map_or(text.len(), |at| span.start + at);
    let end = if span.lines() >= MAX_LINES { first_line } else { span.end };
    if !text.is_char_boundary(span.start) || !text.is_char_boundary(end) || text.is_empty() {
        return renderer.render(&[title.element(Title::HELP.message(finding.rule.help()))]).to_string();
    }
    let snippet = Snippet::source(text)
        .path(finding.file.as_str())
        .fold(true)
        .annotation(AnnotationKind::Primary.span(span.start..end.max(span.start)).label(label.as_str()));
    let group = title
        .element(snippet)
        .element(Title::NOTE.message(sure.as_str()))
        .element(Title::HELP.message(finding.rule.help()));
    renderer.render(&[group]).to_string()
}

/// The last line.
pub(crate) fn summary(report: &Report, lowest: Level) -> String {
    let open = || report.findings.iter().filter(|finding| finding.is_open());
    let of = |level: Level| open().filter(|finding| finding.level == level).count() as u64;
    let lines: usize = report.files.iter().map(|file| file.lines).sum();
    let mut parts = vec![format!(
        "{} and {} in {} of {lines} lines",
        count(of(Level::Deny) + of(Level::Warn), "finding"),
        count(of(Level::Note), "note"),
        count(report.files.len() as u64, "file"),
    )];
    let mut part = |number: usize, what: &str| {
        if number > 0 {
            parts.push(format!("{number} {what}"));
        }
    };
    part(of(Level::Deny) as usize, "denied");
    let accepted = |baseline: bool| {
        let is = |finding: &&Finding| {
            finding.allowed.as_ref().is_some_and(|reason| (reason == "baseline") == baseline)
        };
        report.findings.iter().filter(is).count()
    };
    part(accepted(false), "allowed by comments");
    part(accepted(true), "in the baseline");
    part(report.unread.len(), "files not scanned");
    let mut text = parts.join(", ");
    if lowest > Level::Note && of(Level::Note) > 0 {
        text.push_str(" (--notes shows the notes)");
    }
    text
}
