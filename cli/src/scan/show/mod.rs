//! The forms of a report.
//!
//! Runs on: the main thread. Must not: judge.

pub(crate) mod inventory;
pub(crate) mod sarif;
pub(crate) mod text;

use std::fmt::Write as _;

use super::report::Report;
use super::rule::Level;
use super::site::Finding;
use crate::failure::Failure;
use crate::screen::one_line;

/// Findings that are shown.
pub(crate) fn shown(report: &Report, lowest: Level) -> impl Iterator<Item = &Finding> {
    report.findings.iter().filter(move |finding| finding.is_open() && finding.level >= lowest)
}

/// A piece of code in one line.
pub(crate) fn short(text: &str, most: usize) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}

/// One object.
pub(crate) fn json(report: &Report) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(report).map_err(|error| Failure::new(error.to_string()))?;
    Ok(text + "\n")
}

/// `::warning file=..`.
pub(crate) fn github(report: &Report, lowest: Level) -> String {
    let mut out = String::new();
    for finding in shown(report, lowest) {
        let word = match finding.level {
            Level::Deny => "error",
            Level::Warn => "warning",
            _ => "notice",
        };
        let span = &finding.span;
        let _never_fails = writeln!(
            out,
            "::{word} file={},line={},endLine={},title={}::{}",
            property(&finding.file),
            span.line,
            span.end_line,
            property(&format!("panic-agent {}", finding.rule.id())),
            one_line(&format!("{}. {}", finding.message, finding.rule.help())).replace('%', "%25")
        );
    }
    out
}

/// A value in front of `::`.
fn property(text: &str) -> String {
    one_line(text).replace('%', "%25").replace(':', "%3A").replace(',', "%2C")
}

/// A table.
pub(crate) fn markdown(report: &Report, lowest: Level) -> String {
    let mut out = "| level | rule | place | what | how sure |\n|---|---|---|---|---|\n".to_owned();
    for finding in shown(report, lowest) {
        let _never_fails = writeln!(
            out,
            "| {} | `{}` | `{}:{}` | {} | {} |",
            finding.level.word(),
            finding.rule.id(),
            cell(&finding.file),
            finding.span.line,
            cell(&format!("{} ({})", finding.message, finding.label)),
            finding.certainty.word()
        );
    }
    let _never_fails = writeln!(out, "\n{}", text::summary(report, lowest));
    out
}

/// Text in a cell of a table.
pub(crate) fn cell(text: &str) -> String {
    one_line(text).replace('|', "\\|").replace('<', "&lt;")
}
