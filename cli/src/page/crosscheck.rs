//! The cross-check: which places lost panics, which are fine, and which catches ever stopped one.
//!
//! Runs on: the main thread. Must not: show a place that nothing came to as a fine one.

use std::collections::HashMap;

use super::html::Html;
use crate::crosscheck::answer::{Answer, Row};
use crate::crosscheck::written::Written;
use crate::story::words::count;

/// Rows of an answer, unless all are wanted.
const MAX_ROWS: usize = 500;

/// Incidents that are told on the page, by the ids of their panics.
pub(super) type Told = HashMap<String, String>;

/// The sentence at the top.
pub(super) fn head(check: &Written, html: &mut Html) {
    html.raw("<p><a href=\"#crosscheck\">Cross-check</a> of the source: <b>")
        .text(check.coverage.words())
        .raw("</b>");
    for (answer, class) in [(Answer::Confirmed, "bad"), (Answer::RuntimeOnly, "bad"), (Answer::Stale, "warn")]
    {
        let number = of(check, answer).count();
        if number > 0 {
            html.raw(", <b class=\"")
                .raw(class)
                .raw("\">")
                .text(number)
                .raw(" ")
                .raw(answer.word())
                .raw("</b>");
        }
    }
    html.raw(".</p>");
}

/// The section.
pub(super) fn section(check: &Written, told: &Told, all: bool, html: &mut Html) {
    html.raw("<h2 id=\"crosscheck\">Cross-check</h2><p class=\"dim\">Places of a scan of the source, held against ");
    html.text(count(check.panics, "panic")).raw(". A place that no panic came to is unknown, not fine.</p>");
    html.raw("<ul class=\"strip\">");
    for answer in Answer::ALL {
        let number = of(check, answer).count();
        html.raw("<li><b class=\"")
            .raw(if number > 0 { class(answer) } else { "dim" })
            .raw("\">")
            .text(number);
        html.raw("</b>").raw(answer.word()).raw("</li>");
    }
    html.raw("</ul>");
    for answer in Answer::ALL {
        places(check, answer, told, all, html);
    }
    coverage(check, all, html);
}

fn of(check: &Written, answer: Answer) -> impl Iterator<Item = &Row> {
    check.places.iter().filter(move |row| row.answer == answer)
}

fn class(answer: Answer) -> &'static str {
    match answer {
        Answer::Confirmed | Answer::RuntimeOnly => "bad",
        Answer::Stale | Answer::Unknown => "warn",
        Answer::Exercised => "good",
        Answer::StaticOnly => "",
    }
}

/// The places with one answer. What asks for work is open.
fn places(check: &Written, answer: Answer, told: &Told, all: bool, html: &mut Html) {
    let number = of(check, answer).count();
    if number == 0 {
        return;
    }
    html.raw(if answer < Answer::Exercised { "<details open>" } else { "<details>" });
    html.raw("<summary><b>").text(number).raw("</b> <span class=\"").raw(class(answer)).raw("\">");
    html.raw(answer.title()).raw("</span></summary>");
    let rows: Vec<&Row> = of(check, answer).filter(|row| row.is_shown(all)).collect();
    let limit = if all { usize::MAX } else { MAX_ROWS };
    if !rows.is_empty() {
        html.raw("<div class=\"scroll\" tabindex=\"0\"><table><tr><th>place</th><th>what</th><th>panics</th><th>such as</th></tr>");
        rows.iter().take(limit).for_each(|row| place(row, told, html));
        html.raw("</table></div>");
    }
    let unsaid = number - rows.len();
    if unsaid > 0 {
        html.raw("<p class=\"dim\">").text(count(unsaid as u64, "place"));
        html.raw(" that the scan does not complain of: only counted (<code>--all</code>).</p>");
    }
    if rows.len() > limit {
        html.raw("<p class=\"dim\">And ").text(rows.len() - limit).raw(" more (<code>--all</code>).</p>");
    }
    html.raw("</details>");
}

fn place(row: &Row, told: &Told, html: &mut Html) {
    html.raw("<tr><td class=\"mono\">").text(&row.file).raw(":").text(row.line);
    html.raw("</td><td>").text(row.what());
    for (key, text) in [("allowed", &row.allowed), ("note", &row.note)] {
        if let Some(text) = text {
            html.raw("<br><span class=\"dim\">").raw(key).raw(": ").text(text).raw("</span>");
        }
    }
    html.raw("</td><td>").text(row.panics.words()).raw("</td><td>");
    if row.panics.total() > 0 {
        html.text(row.message.as_deref().unwrap_or("(the payload is not a text)"));
    }
    for id in &row.panics.ids {
        html.raw("<br>");
        match told.get(id) {
            Some(incident) => {
                html.raw("<a class=\"mono\" href=\"#i-").text(incident).raw("\">").text(id).raw("</a>")
            }
            None => html.raw("<span class=\"mono dim\">").text(id).raw("</span>"),
        };
    }
    html.raw("</td></tr>");
}

/// Catches that no panic ever came to.
fn coverage(check: &Written, all: bool, html: &mut Html) {
    let never = &check.coverage.never;
    html.raw("<p><b>").text(check.coverage.words()).raw(".</b></p>");
    if never.is_empty() {
        return;
    }
    let limit = if all { usize::MAX } else { MAX_ROWS };
    html.raw("<details><summary><b>").text(never.len()).raw("</b> never did</summary><ul>");
    for place in never.iter().take(limit) {
        html.raw("<li class=\"mono\">").text(place).raw("</li>");
    }
    html.raw("</ul>");
    if never.len() > limit {
        html.raw("<p class=\"dim\">And ").text(never.len() - limit).raw(" more (<code>--all</code>).</p>");
    }
    html.raw("</details>");
}
