//! The forms of what came out.
//!
//! Runs on: the main thread. Must not: let text of a line become markup.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::answer::{Answer, Row};
use super::judge::Judged;
use super::written::SCHEMA;
use crate::failure::Failure;
use crate::scan::rule::Rule;
use crate::scan::show::{cell, sarif};
use crate::screen::{Paint, one_line};
use crate::story::words::count;

fn shown(judged: &Judged, all: bool) -> impl Iterator<Item = &Row> {
    judged.rows.iter().filter(move |row| row.is_shown(all))
}

pub(super) fn text(judged: &Judged, all: bool) -> String {
    let mut out = String::new();
    let mut last = None;
    for row in shown(judged, all) {
        if last != Some(row.answer) {
            let _never_fails = writeln!(out, "{}", paint(row.answer).on(row.answer.title()));
            last = Some(row.answer);
        }
        let place = Paint::Place.on(format!("{}:{}", one_line(&row.file), row.line));
        let _never_fails = writeln!(out, "  {place}  {}", one_line(&row.what()));
        if row.panics.total() > 0 {
            let message = row.message.as_deref().unwrap_or("(the payload is not a text)");
            let ids = row.panics.ids.first().cloned().unwrap_or_default();
            let _never_fails = writeln!(
                out,
                "      {}: {}  {}",
                row.panics.words(),
                one_line(message),
                Paint::Faint.on(ids)
            );
        }
        for (key, text) in [("allowed", &row.allowed), ("note", &row.note)] {
            if let Some(text) = text {
                let _never_fails = writeln!(out, "      {key}: {}", one_line(text));
            }
        }
    }
    let _never_fails = writeln!(out, "\n{}\n{}", judged.coverage.words(), summary(judged));
    out
}

fn paint(answer: Answer) -> Paint {
    match answer {
        Answer::Confirmed | Answer::RuntimeOnly => Paint::Alarm,
        Answer::Stale | Answer::Unknown => Paint::Warning,
        Answer::Exercised => Paint::Fine,
        Answer::StaticOnly => Paint::Strong,
    }
}

fn summary(judged: &Judged) -> String {
    let number = |answer: Answer| judged.rows.iter().filter(|row| row.answer == answer).count();
    let parts: Vec<String> = Answer::ALL
        .iter()
        .filter(|answer| number(**answer) > 0)
        .map(|answer| format!("{} {}", number(*answer), answer.word()))
        .collect();
    let places = if parts.is_empty() { "no places".to_owned() } else { parts.join(", ") };
    format!("{}: {places}", count(judged.panics, "panic"))
}

pub(super) fn json(judged: &Judged) -> Result<String, Failure> {
    let value = json!({
        "schema": SCHEMA,
        "panics": judged.panics,
        "coverage": judged.coverage,
        "places": judged.rows,
    });
    let text = serde_json::to_string_pretty(&value).map_err(|error| Failure::new(error.to_string()))?;
    Ok(text + "\n")
}

pub(super) fn markdown(judged: &Judged, all: bool) -> String {
    let mut out =
        "| answer | place | rule | what | panics | message |\n|---|---|---|---|---|---|\n".to_owned();
    for row in shown(judged, all) {
        let rules: Vec<String> = row.rules.iter().map(|rule| format!("`{}`", rule.id())).collect();
        let _never_fails = writeln!(
            out,
            "| {} | `{}:{}` | {} | {} | {} | {} |",
            row.answer.word(),
            cell(&row.file),
            row.line,
            rules.join(", "),
            cell(&format!("{} {}", row.kind, row.api)),
            row.panics.words(),
            cell(row.message.as_deref().unwrap_or_default())
        );
    }
    let _never_fails = writeln!(out, "\n{}. {}", judged.coverage.words(), summary(judged));
    out
}

/// What is fine is no result: GitHub would make an alert of it.
pub(super) fn sarif(judged: &Judged) -> Result<String, Failure> {
    let results = judged.rows.iter().filter_map(result).collect();
    let fine = judged.rows.iter().filter(|row| row.answer == Answer::Exercised).count();
    sarif::whole(
        results,
        json!({ "exercisedAndFine": fine, "coverage": judged.coverage, "panics": judged.panics }),
    )
}

fn result(row: &Row) -> Option<Value> {
    let level = match row.answer {
        Answer::Confirmed | Answer::RuntimeOnly => "error",
        Answer::StaticOnly if !row.rules.is_empty() => "note",
        _ => return None,
    };
    let rule = row.rules.first().copied().unwrap_or(match row.kind.as_str() {
        "catch" => Rule::SwallowedCatch,
        "join" => Rule::IgnoredJoin,
        _ => Rule::DroppedHandle,
    });
    let message = row.message.as_deref().map_or(String::new(), |message| format!(" Such as: {message}."));
    Some(json!({
        "ruleId": rule.id(),
        "ruleIndex": Rule::ALL.iter().position(|one| *one == rule),
        "level": level,
        "message": { "text": sarif::plain(&format!("{}: {}.{message}", row.answer.title(), row.what())) },
        "locations": [sarif::location(&row.file, json!({ "startLine": row.line.max(1) }), &row.function)],
        "partialFingerprints": { "panicAgentCrosscheck/v1": format!("{}|{}|{}|{}", row.answer.word(), rule.id(), row.file, row.function) },
        "properties": { "answer": row.answer.word(), "panics": row.panics },
    }))
}
