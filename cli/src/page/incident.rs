//! One incident as a part of the page.
//!
//! Runs on: the main thread. Must not: say more than `view` does.

use std::collections::HashMap;

use panic_agent::Report;
use panic_agent::record::EhAction;

use super::html::Html;
use super::json;
use crate::story::{Incident, Process, Told, words};
use crate::time::Clock;
use crate::view::source::Sources;

/// Frames of a stack that are shown.
const MAX_FRAMES: usize = 64;

/// What is shown beside the story.
pub(super) struct Detail<'a> {
    pub(super) clock: &'a Clock,
    pub(super) sources: &'a mut Sources,
    pub(super) with_source: bool,
    pub(super) with_json: bool,
    /// Bytes that lines as JSON may still take.
    pub(super) json_left: usize,
    pub(super) stacks: Stacks,
}

/// Stacks that stand on the page already, by their markup: each is told once.
#[derive(Debug, Default)]
pub(super) struct Stacks(HashMap<Html, String>);

impl Detail<'_> {
    pub(super) fn incident(&mut self, incident: &Incident, process: &Process, html: &mut Html) {
        let Some(root) = incident.root() else { return };
        html.raw("<details id=\"i-").text(incident.id).raw("\"><summary>");
        self.shout(root, html);
        html.raw(" ")
            .text(self.clock.full(root.head.ts_ms))
            .raw(" <span class=\"dim mono\">")
            .text(incident.id);
        html.raw("</span>");
        if incident.panics.len() > 1 {
            html.raw(" <span class=\"dim\">chain of ").text(incident.panics.len()).raw("</span>");
        }
        html.raw("</summary>");
        if incident.headless {
            html.raw(
                "<p class=\"warn\">The first panic of this chain is not in the files that were read.</p>",
            );
        }
        for (at, told) in incident.panics.iter().enumerate() {
            if at > 0 {
                html.raw("<h3>Then");
                if let Some(relation) = &told.word.relation {
                    html.raw(", ").text(words::relation(relation));
                }
                html.raw("</h3>");
            }
            self.panic(told, process, html);
        }
        html.raw("</details>");
    }

    fn shout(&self, told: &Told, html: &mut Html) {
        let word = words::shout(&told.word);
        html.raw(match word {
            "SILENT" | "ABORTED" | "DIED" => "<span class=\"bad\">",
            "SEEN" => "<span class=\"good\">",
            _ => "<span class=\"warn\">",
        });
        html.text(word).raw("</span>");
    }

    fn panic(&mut self, told: &Told, process: &Process, html: &mut Html) {
        let (word, head) = (&told.word, &told.head);
        life_line(told, html);
        html.raw("<dl>");
        let mut fact = |key: &'static str, text: &str| {
            html.raw("<dt>").text(key).raw("</dt><dd>").text(text).raw("</dd>");
        };
        fact("panic", told.message().unwrap_or("(the payload is not a text)"));
        if let Some(at) = told.location() {
            fact("at", &format!("{}:{}:{}", at.file, at.line, at.column));
        }
        let program = head.service.as_deref().or_else(|| process.name()).unwrap_or("process");
        let thread = told.thread().unwrap_or("without a name");
        fact(
            "in",
            &format!(
                "thread {thread}, {program} [{}] on {}",
                head.pid,
                head.host.as_deref().unwrap_or("an unknown host")
            ),
        );
        fact("stopped", &words::stopped(word));
        fact("error", &words::error(told));
        if let Some(report) = &told.report {
            for (key, value) in &report.labels {
                fact("label", &format!("{key}={value}"));
            }
            for crumb in &report.breadcrumbs {
                fact("before", &words::breadcrumb(crumb));
            }
            for ancestor in report.lineage.iter() {
                let name = ancestor.name.clone().unwrap_or_else(|| ancestor.os_id.to_string());
                let place = ancestor.spawned_at.as_ref();
                let place =
                    place.and_then(|at| words::place(at.function.as_deref(), at.file.as_deref(), at.line));
                fact(
                    "spawned",
                    &format!("by {name}{}", place.map_or(String::new(), |place| format!(", in {place}"))),
                );
            }
            for error in &report.soft_errors {
                fact("lacks", &format!("{} ({}): {}", error.field, error.code, error.detail));
            }
        } else {
            fact("but", "its panic line is not in the files that were read");
        }
        for finding in &told.findings {
            fact("finding", &format!("{}: {}", finding.code, finding.message));
        }
        if word.silent.is_none() && !process.is_over() {
            fact("but", "the process has no `end` line: this may not be the last word");
        }
        html.raw("</dl>");
        if let Some(report) = &told.report {
            self.stack(report, told, html);
            if self.with_json {
                self.json(report, told, html);
            }
        }
    }

    /// The line, or how to see it once there are enough of them.
    fn json(&mut self, report: &Report, told: &Told, html: &mut Html) {
        if self.json_left == 0 {
            html.raw("<p class=\"dim\">the panic line as JSON: <code>panic-agent view --json --incident ");
            html.text(told.id).raw("</code></p>");
            return;
        }
        let before = html.len();
        html.raw("<details class=\"raw\"><summary class=\"dim\">the panic line as JSON</summary><pre>")
            .text(json::unfolded(report))
            .raw("</pre></details>");
        self.json_left = self.json_left.saturating_sub(html.len() - before);
    }

    /// The stack, or where it stands already.
    fn stack(&mut self, report: &Report, told: &Told, html: &mut Html) {
        if report.frames.is_empty() {
            return;
        }
        let mut table = Html::default();
        self.frames(report, &mut table);
        if let Some(first) = self.stacks.0.get(&table) {
            html.raw("<p>stack: the same as that of <a class=\"mono\" href=\"#s-").text(first).raw("\">");
            html.text(first).raw("</a></p>");
            return;
        }
        let own = report.frames.iter().filter(|frame| frame.in_app == Some(true)).count();
        html.raw("<details open id=\"s-")
            .text(told.id)
            .raw("\"><summary>stack <span class=\"dim\">")
            .text(own)
            .raw(" of ")
            .text(report.frames.len());
        html.raw(" frames are the program's</span></summary>");
        html.part(&table);
        html.raw("</details>");
        self.stacks.0.insert(table, told.id.to_string());
    }

    fn frames(&mut self, report: &Report, html: &mut Html) {
        html.raw("<div class=\"scroll\" tabindex=\"0\"><table class=\"stack\"><tr><th>does to the panic</th><th>frame</th><th>place</th></tr>");
        let stop = report.prediction.frame;
        for frame in report.frames.iter().take(MAX_FRAMES) {
            let below = stop.is_some_and(|stop| frame.index > stop);
            let stops = stop == Some(frame.index) && frame.action.is_some_and(EhAction::stops);
            html.raw(match frame.in_app {
                Some(true) => "<tr class=\"own\"><td>",
                Some(false) if !stops => "<tr class=\"out\"><td>",
                _ => "<tr><td>",
            });
            let action = if below { "not reached" } else { words::action(frame.action) };
            if stops {
                html.raw("<span class=\"warn\">").text(action).raw("</span></td><td>");
            } else {
                html.text(action).raw("</td><td>");
            }
            match &frame.function {
                Some(function) => html.text(function),
                None => html
                    .text(frame.address.as_deref().unwrap_or(&frame.ip))
                    .raw(" <span class=\"dim\">(no symbol)</span>"),
            };
            self.source(frame, html);
            html.raw("</td><td>");
            if let Some(file) = &frame.file {
                html.text(crate::view::stack::short(file));
                if let Some(line) = frame.line {
                    html.raw(":").text(line);
                }
            }
            html.raw("</td></tr>");
        }
        html.raw("</table></div>");
        let more = report.frames.len().saturating_sub(MAX_FRAMES);
        if more > 0 {
            html.raw("<p class=\"dim\">").text(more).raw(" more frames</p>");
        }
    }

    fn source(&mut self, frame: &panic_agent::record::Frame, html: &mut Html) {
        let (true, Some(true), Some(name), Some(line)) =
            (self.with_source, frame.in_app, &frame.file, frame.line)
        else {
            return;
        };
        let file = self.sources.find(name);
        if let Some(text) = file.as_ref().and_then(|file| file.line(line)) {
            html.raw("<pre>").text(line).raw("  ").text(text.trim()).raw("</pre>");
        }
    }
}

/// Raised, landed, disposed: what is known of the life of the panic.
fn life_line(told: &Told, html: &mut Html) {
    let word = &told.word;
    html.raw("<ol class=\"life\"><li>raised");
    if let Some(report) = &told.report {
        html.raw(" on ").text(if report.thread_facts.main {
            "main"
        } else {
            told.thread().unwrap_or("a thread without a name")
        });
    }
    html.raw("</li>");
    if word.hops > 0 {
        html.raw("<li>thrown again ").text(words::count(word.hops.into(), "time")).raw("</li>");
    }
    html.raw("<li>").text(words::fate(word)).raw("</li><li>");
    html.raw(if told.is_silent() { "<span class=\"bad\">" } else { "<span>" });
    html.text(words::schema_word(word.receipt)).raw("</span></li></ol>");
}
