//! The story of an incident in words: what died, where, under which labels, where it stopped, who got the error.
//!
//! Runs on: the main thread. Must not: say more than the lines do.

use std::fmt::Write as _;

use panic_agent::record::{DeathLine, Head, PanicId};

use super::source::Sources;
use super::stack::{StackView, short};
use crate::screen::{Links, Paint, clean, cut, one_line};
use crate::story::{Incident, Note, Process, Told, Word, words};
use crate::time::Clock;

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Line,
    Story,
    Full,
}

/// Tells stories.
pub(crate) struct Teller {
    pub(crate) clock: Clock,
    pub(crate) links: Links,
    pub(crate) sources: Sources,
    pub(crate) width: Option<usize>,
    pub(crate) level: Level,
}

/// Column where facts begin.
const KEY: usize = 9;
/// Lines of a message that are shown in a story.
const MESSAGE_LINES: usize = 6;
/// Breadcrumbs that are shown of a panic, the last ones; the others with `--full`.
const BREADCRUMBS: usize = 5;

impl Teller {
    pub(crate) fn incident(&mut self, incident: &Incident, process: Option<&Process>) -> String {
        match self.level {
            Level::Line => self.brief(incident),
            Level::Story | Level::Full => self.story(incident, process),
        }
    }

    /// One line: when, how, where, what, and its id.
    pub(crate) fn brief(&self, incident: &Incident) -> String {
        let Some(told) = incident.root() else { return String::new() };
        let loud = incident.panics.iter().find(|told| told.is_silent()).unwrap_or(told);
        let shout = words::shout(&loud.word);
        let more = match incident.panics.len() {
            1 => String::new(),
            more => format!(" +{}", more - 1),
        };
        let id = format!("{}{more}", told.id);
        let place = told.location().map(|at| format!("{}:{}", clean(short(&at.file)), at.line));
        let place = place.unwrap_or_else(|| "(no place)".to_owned());
        let thread = told.thread().map_or("(unnamed)".to_owned(), one_line);
        let head = format!("{} {shout:9} ", self.clock.short(told.head.ts_ms));
        let used = head.chars().count() + id.len() + 1;
        let text = format!("{}: {}  {place}", thread, message(told));
        let text = cut(&text, self.width.map(|width| width.saturating_sub(used).max(20)));
        let shout = paint(&loud.word).on(format!("{shout:9}"));
        format!("{} {shout} {text} {}\n", self.clock.short(told.head.ts_ms), Paint::Faint.on(id))
    }

    fn story(&mut self, incident: &Incident, process: Option<&Process>) -> String {
        let mut out = String::new();
        if incident.headless {
            let words = match incident.continued {
                true => format!("this continues the incident {}, shown above", incident.id),
                false => format!(
                    "the first panic of this chain, {}, is not in the files that were read",
                    incident.id
                ),
            };
            let _never_fails = writeln!(out, "{}", Paint::Warning.on(words));
        }
        for (at, told) in incident.panics.iter().enumerate() {
            self.panic(told, at, incident, process, &mut out);
        }
        if incident.repeats > 0 {
            let again = words::count(incident.repeats, "more panic");
            fact(&mut out, "again", &format!("{again} like this one were counted but not written"));
        }
        out.push('\n');
        out
    }

    fn panic(
        &mut self,
        told: &Told,
        at: usize,
        incident: &Incident,
        process: Option<&Process>,
        out: &mut String,
    ) {
        let word = &told.word;
        let shout = paint(word).on(words::shout(word));
        let then = match (at, &word.relation) {
            (0, _) => String::new(),
            (_, Some(relation)) => format!("then, {}: ", words::relation(relation)),
            (_, None) => "then: ".to_owned(),
        };
        let _never_fails = writeln!(out, "{shout} {then}{}", Paint::Strong.on(words::fate(word)));
        let text = told.message().map_or_else(|| unnamed(told), clean);
        let lines = if self.level == Level::Full { usize::MAX } else { MESSAGE_LINES };
        for (number, line) in text.lines().take(lines).enumerate() {
            fact(out, if number == 0 { "panic" } else { "" }, line);
        }
        let left = text.lines().count().saturating_sub(lines);
        if left > 0 {
            fact(out, "", &Paint::Faint.on(format!("… {left} more lines (--full)")));
        }
        if let Some(at) = told.location() {
            let file = self.sources.find(&at.file);
            let place = format!("{}:{}:{}", clean(&at.file), at.line, at.column);
            let link = self.links.on(&place, file.as_ref().map(|file| file.path.as_path()), Some(at.line));
            fact(out, "at", &Paint::Place.on(link));
        }
        fact(out, "in", &self.whereabouts(told, process));
        if let Some(report) = &told.report {
            if !report.labels.is_empty() {
                let pairs: Vec<_> =
                    report.labels.iter().map(|(key, value)| one_line(&format!("{key}={value}"))).collect();
                fact(out, "labels", &pairs.join("  "));
            }
            let left = report.breadcrumbs.len();
            let shown = if self.level == Level::Full { left } else { left.min(BREADCRUMBS) };
            for (at, crumb) in report.breadcrumbs.iter().skip(left - shown).enumerate() {
                fact(out, if at == 0 { "before" } else { "" }, &one_line(&words::breadcrumb(crumb)));
            }
            if report.late {
                fact(out, "late", "its request was already over: answered, or the client had gone");
            }
            if let Some(parent) = report.lineage.first() {
                let name =
                    parent.name.as_deref().map_or_else(|| format!("thread {}", parent.os_id), one_line);
                let place = parent.spawned_at.as_ref();
                let place =
                    place.and_then(|at| words::place(at.function.as_deref(), at.file.as_deref(), at.line));
                fact(
                    out,
                    "spawned",
                    &format!("by {name}{}", place.map_or(String::new(), |at| format!(", in {}", clean(&at)))),
                );
            }
        }
        fact(out, "stopped", &clean(&words::stopped(word)));
        if word.hops > 0 {
            fact(out, "", &format!("after it had been thrown again {}", times(word.hops)));
        }
        let receipt = clean(&words::error(told));
        fact(out, "error", &if told.is_silent() { Paint::Alarm.on(receipt) } else { receipt });
        if at == 0
            && let Some(later) = carried_on(incident, told.id)
        {
            fact(out, "", &format!("the panic {later} below tells of it"));
        }
        for finding in &told.findings {
            fact(out, "finding", &format!("{}: {}", clean(&finding.code), one_line(&finding.message)));
        }
        self.doubts(told, process, out);
        self.stack(told, out);
        if self.level == Level::Full {
            self.more(told, out);
        }
    }

    /// When, which thread of which process, and the id.
    fn whereabouts(&self, told: &Told, process: Option<&Process>) -> String {
        let head = &told.head;
        let thread = told
            .thread()
            .map_or("thread without a name".to_owned(), |name| format!("thread {}", one_line(name)));
        let program =
            head.service.as_deref().or_else(|| process.and_then(Process::name)).unwrap_or("process");
        let version =
            head.version.as_deref().map_or(String::new(), |version| format!(" {}", one_line(version)));
        let host = head.host.as_deref().map_or(String::new(), |host| format!(" on {}", one_line(host)));
        let program = format!("{}{version} [{}]{host}", one_line(program), head.pid);
        format!("{thread}, {program}, {}  {}", self.clock.full(head.ts_ms), Paint::Faint.on(told.id))
    }

    /// What the story lacks.
    fn doubts(&self, told: &Told, process: Option<&Process>, out: &mut String) {
        let Some(report) = &told.report else {
            fact(out, "but", "its panic line is not in the files that were read: no place, no stack");
            return;
        };
        if report.recovered {
            fact(out, "but", "the process died first; this was recovered from its spool");
        }
        let open = told.word.silent.is_none() && process.is_some_and(|process| !process.is_over());
        if open {
            fact(
                out,
                "but",
                "no `end` line: the process still runs or was killed, so this verdict may not be final",
            );
        }
        if self.level == Level::Story {
            let lacks: Vec<_> = report.soft_errors.iter().map(|error| clean(&error.code)).collect();
            if !lacks.is_empty() {
                fact(out, "lacks", &Paint::Faint.on(lacks.join(", ")));
            }
        }
    }

    fn stack(&mut self, told: &Told, out: &mut String) {
        let Some(report) = &told.report else { return };
        let full = self.level == Level::Full;
        let indent = " ".repeat(KEY + 2);
        let mut rows = String::new();
        let mut view = StackView {
            sources: &mut self.sources,
            links: &self.links,
            width: self.width,
            full,
            indent: &indent,
        };
        view.show(report, &mut rows);
        let rows = rows.strip_prefix(&indent).unwrap_or(&rows);
        let _never_fails = write!(out, "  {}{rows}", Paint::Faint.on(format!("{:KEY$}", "stack")));
    }

    /// Something about a process.
    pub(crate) fn note(&self, note: &Note) -> String {
        let (code, text) = match note {
            Note::Finding(line) => (line.code.as_str(), line.message.clone()),
            Note::Repeats(line) => {
                let text = format!(
                    "{} counted but not written: {}",
                    words::count(line.count, "panic"),
                    line.message.as_deref().unwrap_or("(payload is not a text)")
                );
                ("repeats", text)
            }
            Note::Death(line) => ("death", line.message.clone()),
        };
        let Head { ts_ms: ts, service, pid, .. } = note.head();
        let (ts, program) = (*ts, format!("{} [{pid}]", one_line(service.as_deref().unwrap_or("process"))));
        let head = Paint::Warning.on(format!("{:9}", "NOTE"));
        let line = format!("{code}: {} ({program})", one_line(&text));
        if self.level == Level::Line {
            return format!("{} {head} {}\n", self.clock.short(ts), clean(&line));
        }
        let mut out = format!("{head} {}  {}\n", clean(&line), Paint::Faint.on(self.clock.full(ts)));
        if let Note::Finding(finding) = note {
            for place in finding.places.iter().filter_map(words::place_of) {
                fact(&mut out, "at", &clean(&place));
            }
        }
        if let Note::Death(death) = note {
            self.death(death, &mut out);
        }
        out.push('\n');
        out
    }
}

impl Teller {
    /// What came before a death, and what follows.
    fn death(&self, death: &DeathLine, out: &mut String) {
        fact(out, "cause", &clean(&format!("{} (by {})", death.cause, death.basis)));
        for last in &death.panics {
            let message = last.message.as_deref().unwrap_or("(payload is not a text)");
            fact(out, "panic", &clean(&format!("{}: {}", last.panic, one_line(message))));
        }
        // The last lines tell more than the first.
        let lines: Vec<_> = death.stderr.as_deref().unwrap_or_default().lines().collect();
        let shown = if self.level == Level::Full { lines.len() } else { lines.len().min(5) };
        for line in &lines[lines.len() - shown..] {
            fact(out, "stderr", &clean(line));
        }
        let next = match death.restart_in_ms {
            Some(wait) => format!("started again after {wait} ms"),
            None => "not started again".to_owned(),
        };
        fact(out, "then", &format!("{next} (start {})", death.starts));
    }
}

/// The colour of how bad it is.
pub(crate) fn paint(word: &Word) -> Paint {
    match words::shout(word) {
        "SILENT" | "ABORTED" | "DIED" => Paint::Alarm,
        "SEEN" => Paint::Fine,
        _ => Paint::Warning,
    }
}

/// First line of the message, in one line.
pub(crate) fn message(told: &Told) -> String {
    let text = told.message().map(|text| one_line(text.lines().next().unwrap_or_default()));
    text.map_or_else(
        || unnamed(told),
        |text| if text.is_empty() { "(an empty message)".to_owned() } else { text },
    )
}

/// What stands for a message where there is none.
fn unnamed(told: &Told) -> String {
    let payload = told.report.as_ref().and_then(|report| report.payload_type.as_deref());
    payload.map_or("(the payload is not a text)".to_owned(), |name| {
        format!("(a payload of type {})", clean(name))
    })
}

pub(super) fn fact(out: &mut String, key: &str, text: &str) {
    let _never_fails = writeln!(out, "  {}{text}", Paint::Faint.on(format!("{key:KEY$}")));
}

fn times(number: u32) -> String {
    if number == 1 { "once".to_owned() } else { format!("{number} times") }
}

/// The panic that tells of the first one's error.
fn carried_on(incident: &Incident, first: PanicId) -> Option<PanicId> {
    let later = incident.panics.iter().filter(|told| told.id != first);
    later
        .filter(|told| matches!(told.word.relation.as_deref(), Some("unwrap" | "scope")))
        .map(|told| told.id)
        .next()
}
