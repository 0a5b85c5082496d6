//! The smallest right change for a finding, where there is one that always compiles; and what to do where there is none.
//!
//! Runs on: the main thread. Must not: change a file that has changes which nobody can get back.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::report::Report;
use super::rule::Rule;
use super::site::{Finding, Site, SiteKind};
use super::source_file::SourceFile;
use crate::failure::Failure;
use crate::screen::clean;

/// A change of a file: these bytes become this text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edit {
    start: usize,
    end: usize,
    text: String,
}

/// What a panic of a thread or a catch says, in code that needs nothing but std.
const TELL_PAYLOAD: &str = "let text = payload.downcast_ref::<&str>().copied();\n    let text = \
                            text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));\n    eprintln!(\"WHAT: {}\", \
                            text.unwrap_or(\"the payload is no text\"));";

/// The change for a finding, if there is one that compiles whatever stands around it.
pub(super) fn edit(report: &Report, finding: &Finding) -> Option<Edit> {
    let text = report.texts.get(&finding.file)?;
    if finding.rule == Rule::UnusedAllow {
        return Some(without_comment(text, finding));
    }
    if !matches!(finding.rule, Rule::IgnoredJoin | Rule::SwallowedCatch) {
        return None;
    }
    let site = report.sites.get(finding.site?)?;
    let call = text.get(site.span.start..site.span.end)?;
    let statement = site.value_span;
    let (before, after) =
        (text.get(statement.start..site.span.start)?, text.get(site.span.end..statement.end)?);
    let squeezed = |text: &str| text.split_whitespace().collect::<String>();
    let around = (squeezed(before), squeezed(after));
    let is_dropped =
        around == ("let_=".to_owned(), ";".to_owned()) || around == (String::new(), ".ok();".to_owned());
    let indent = indent(text, statement.start);
    let body = match site.kind {
        _ if !is_dropped => return None,
        SiteKind::Join if is_task(site) => "eprintln!(\"a task died: {payload}\");".to_owned(),
        SiteKind::Join => TELL_PAYLOAD.replace("WHAT", "a thread died"),
        SiteKind::Catch => TELL_PAYLOAD.replace("WHAT", "caught a panic"),
        _ => return None,
    };
    let mut new = format!("if let Err(payload) = {call} {{\n    {body}\n}}");
    new = new.replace('\n', &format!("\n{indent}"));
    Some(Edit { start: statement.start, end: statement.end, text: new })
}

/// Whether the error is a `JoinError`, which is no payload.
fn is_task(site: &Site) -> bool {
    site.api.contains("task") || site.api.contains("await") || site.api.contains("join_next")
}

fn without_comment(text: &str, finding: &Finding) -> Edit {
    let line = text.get(..finding.span.start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let alone = text.get(line..finding.span.start).is_some_and(|before| before.trim().is_empty());
    let end = finding.span.end;
    match alone {
        true => Edit {
            start: line,
            end: text.get(end..).and_then(|rest| rest.find('\n')).map_or(text.len(), |at| end + at + 1),
            text: String::new(),
        },
        false => Edit {
            start: text
                .get(..finding.span.start)
                .map_or(finding.span.start, |before| before.trim_end().len()),
            end,
            text: String::new(),
        },
    }
}

/// White space at the beginning of a line.
fn indent(text: &str, at: usize) -> String {
    let line = text.get(..at).map_or("", |before| before.rsplit('\n').next().unwrap_or_default());
    line.chars().take_while(|letter| letter.is_whitespace()).collect()
}

/// What to do about a finding, for people: a patch, or words.
pub(super) fn text(report: &Report, finding: &Finding) -> String {
    let mut out = format!("{}:{}: {}\n", finding.file, finding.span.line, finding.rule.id());
    let text = report.texts.get(&finding.file).map(String::as_str).unwrap_or_default();
    match edit(report, finding) {
        Some(edit) => {
            let first = text.get(..edit.start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
            let indent = text.get(first..edit.start).unwrap_or_default();
            let old = text.get(edit.start..edit.end).unwrap_or_default();
            for (sign, piece) in [('-', old), ('+', &edit.text)] {
                for (number, line) in piece.lines().enumerate() {
                    let indent = if number == 0 { indent } else { "" };
                    let _never_fails = writeln!(out, "{sign} {}", clean(&format!("{indent}{line}")));
                }
            }
        }
        None => {
            let _never_fails = writeln!(out, "  {}", words(finding.rule));
        }
    }
    out
}

/// What a patch cannot know.
fn words(rule: Rule) -> &'static str {
    match rule {
        Rule::DroppedHandle => {
            "keep it (`let worker = …`) and join or await it where the work must be done; a worker that must not stay dead: \
             `panic_agent::Builder::spawn_worker` with `Policy::Restart`; tasks of one owner: `panic_agent::tokio::TaskGroup`"
        }
        Rule::ExternBoundary => {
            "`panic_agent::ffi::extern_c!`, or `catch_unwind` around the whole body and an error value for C"
        }
        Rule::BareShouldPanic => {
            "`#[should_panic(expected = \"…\")]` with a part of the message that is meant"
        }
        Rule::ReplacedHook => {
            "`let before = std::panic::take_hook();` in front of it, and `before(info);` at the end of the closure, which becomes a `move` one"
        }
        rule => rule.help(),
    }
}

/// Makes all changes that compile; how many.
pub(super) fn fix(report: &Report, findings: &[&Finding]) -> Result<usize, Failure> {
    let mut by_file: BTreeMap<&str, Vec<Edit>> = BTreeMap::new();
    for finding in findings {
        if let Some(edit) = edit(report, finding) {
            by_file.entry(&finding.file).or_default().push(edit);
        }
    }
    for file in by_file.keys() {
        let why = match git_status(&report.root, file) {
            None => "is in no git repository, so the change could not be taken back",
            Some(status) if !status.is_empty() => "has changes that are not committed",
            Some(_) => continue,
        };
        return Err(Failure::new(format!("`{file}` {why}; nothing was changed")));
    }
    let mut changed = 0;
    for (file, mut edits) in by_file {
        edits.sort();
        edits.dedup();
        let Some(text) = report.texts.get(file) else { continue };
        let mut new = text.clone();
        let mut border = text.len();
        for edit in edits.into_iter().rev() {
            // What overlaps waits for the next run.
            if edit.end <= border && new.is_char_boundary(edit.start) && new.is_char_boundary(edit.end) {
                new.replace_range(edit.start..edit.end, &edit.text);
                border = edit.start;
                changed += 1;
            }
        }
        let path = report.root.join(file);
        SourceFile::from_text(file, new.clone(), 0).parse().map_err(|unread| {
            Failure::new(format!(
                "`{file}` would not read as Rust any more ({}); it was not changed",
                unread.reason
            ))
        })?;
        fs::write(&path, new).map_err(|error| Failure::io("write", &path, &error))?;
    }
    Ok(changed)
}

/// What git says of a file: nothing where it is as it was committed. `None`: it knows nothing of it.
fn git_status(root: &Path, file: &str) -> Option<String> {
    let tracked = Command::new("git")
        .args(["ls-files", "--error-unmatch", "--", file])
        .current_dir(root)
        .output()
        .ok()?;
    let output =
        Command::new("git").args(["status", "--porcelain", "--", file]).current_dir(root).output().ok()?;
    (tracked.status.success() && output.status.success())
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
