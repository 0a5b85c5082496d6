//! The table for people: a block per test and finding, or per finding of several tests, with a row per fact.
//!
//! Runs on: threads that audit. Must not: print, or be wider than what it quotes.

use std::collections::BTreeMap;

use super::blocks::{Block, blocks};
use super::open::{of_open, open};
use super::{Detail, MAX_ROW, number_of, one_line, shown};
use crate::audit::audited::count;
use crate::audit::auditor::place_of;
use crate::audit::finding::blind_because;
use crate::audit::{Audit, BaselineEntry, DENIED_STATUS, Ending, Finding, FoldReason, Folded, Run, Unjudged};

/// Blocks of one binary that are shown.
const MAX_SHOWN: usize = 200;
/// Stale and unused entries that are named.
const MAX_NAMED: usize = 20;

impl Audit {
    /// The findings as a text that ends with a newline; empty when there is nothing to say.
    pub fn table(&self, detail: Detail) -> String {
        let mut table = Table { text: String::new(), detail };
        if !self.is_quiet() || detail.verbose {
            table.audit(self);
        }
        table.text
    }
}

impl Run {
    /// The findings of all processes as one text: processes of one binary, of which a harness may start one for each test,
    /// share a table.
    pub fn tables(&self, detail: Detail) -> String {
        self.binaries().iter().map(|audit| audit.table(detail)).collect()
    }

    /// What is to be said once, after all binaries: entries that nothing matched, and the totals. Empty when there is
    /// nothing to say.
    pub fn summary(&self) -> String {
        let mut table = Table { text: String::new(), detail: Detail::default() };
        let findings: usize = self.audits().iter().map(|audit| audit.findings.len()).sum();
        let denied: usize = self.audits().iter().map(|audit| audit.denied().count()).sum();
        let folded: u64 = self.audits().iter().flat_map(|audit| &audit.folded).map(folded_times).sum();
        if findings > 0 || folded > 0 {
            let binaries = number_of(self.audits().len(), "process").replace("processs", "processes");
            let findings = number_of(findings, "finding");
            table.line(&format!("panic-agent: {findings} in {binaries}, {denied} denied; {folded} folded"));
        }
        table.unused(self.unused());
        table.stale(self.stale());
        table.text
    }
}

fn folded_times(folded: &Folded) -> u64 {
    if folded.why == FoldReason::Allowed { 0 } else { folded.finding.count }
}

fn entry(entry: &BaselineEntry) -> String {
    let test = entry.test.as_deref().unwrap_or("(test not known)");
    let place = entry.function.as_deref().or(entry.file.as_deref()).unwrap_or("(no place)");
    format!("{} in `{test}` of `{}`: {place}", entry.class, entry.binary)
}

struct Table {
    text: String,
    detail: Detail,
}

impl Table {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn audit(&mut self, audit: &Audit) {
        let denied = audit.denied().count();
        let binary = one_line(&audit.binary);
        let findings = number_of(audit.findings.len(), "finding");
        self.line(&format!("panic-agent: {findings} in `{binary}`, {denied} denied"));
        let blocks = blocks(&audit.findings);
        let mut tests: Vec<(String, Vec<&Block<'_>>)> = Vec::new();
        for block in blocks.iter().take(MAX_SHOWN) {
            let heading = heading(block);
            match tests.iter_mut().find(|(known, _)| *known == heading) {
                Some((_, blocks)) => blocks.push(block),
                None => tests.push((heading, vec![block])),
            }
        }
        for (heading, blocks) in tests {
            self.line(&heading);
            blocks.into_iter().for_each(|block| self.block(block));
        }
        let left: usize = blocks.iter().skip(MAX_SHOWN).map(Block::len).sum();
        if left > 0 {
            self.line(&format!("  and {} more", number_of(left, "finding")));
        }
        self.open(audit);
        self.counted(audit);
        let instead = match audit.ending {
            Ending::Exited(0) => " in place of 0",
            Ending::Unknown => ", whatever it was",
            _ => return,
        };
        if denied > 0 {
            self.line(&format!("panic-agent: denied, so the status is {DENIED_STATUS}{instead}"));
        }
    }

    fn block(&mut self, block: &Block<'_>) {
        let finding = block.first();
        let Finding { class, level, .. } = finding;
        let times = block.times();
        let times = if times > 1 { format!(" (× {times})") } else { String::new() };
        self.line(&format!("    {level} {class}: {}{times}", class.meaning()));
        let message = block.message();
        let message = message.as_deref().map(one_line);
        match finding.id {
            Some(_) => self.row("panic", message.as_deref().or(Some("(payload is not a text)"))),
            None => self.row("what", message.as_deref()),
        }
        self.row("at", finding.place.as_ref().and_then(place_of).as_deref());
        if let Some(mut thread) = thread(finding) {
            let is_of_all = block.all().all(|other| self::thread(other).as_ref() == Some(&thread));
            if let Some(test) = finding.test.as_deref().filter(|_| !is_of_all) {
                thread.push_str(&format!("; that of {}", one_line(test)));
            }
            self.row("thread", Some(&thread));
        }
        self.row("stopped", finding.stop.as_deref());
        self.row("error", finding.receipt.as_deref());
        if self.detail.stacks {
            for (number, frame) in finding.stack.iter().filter_map(place_of).enumerate() {
                self.row(if number == 0 { "stack" } else { "" }, Some(&frame));
            }
        }
    }

    fn row(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.line(&format!("      {name:<9}{}", shown(value, MAX_ROW)));
        }
    }

    /// What may be a finding, and nobody can tell.
    fn open(&mut self, audit: &Audit) {
        self.blind(audit);
        let shown = open(audit, self.detail.verbose);
        let (panics, others): (Vec<_>, Vec<_>) = shown.into_iter().partition(|open| open.id.is_some());
        self.listed("not judged, because nobody can tell who saw the error", "panic", &panics);
        self.listed("not judged, because the status is not known here", "exit", &others);
    }

    /// Why so much cannot be judged, where something cannot.
    fn blind(&mut self, audit: &Audit) {
        if audit.blind && audit.told().next().is_some() {
            let why = blind_because(audit.blind_because.as_deref());
            self.line(&format!("  what became of errors cannot be seen here: {}", one_line(&why)));
        }
    }

    fn listed(&mut self, why: &str, one: &str, open: &[&Unjudged]) {
        let times = open.iter().fold(0_u64, |sum, open| sum.saturating_add(open.count));
        let times = number_of(usize::try_from(times).unwrap_or(usize::MAX), one);
        let verbose = self.detail.verbose;
        let row = |open: &&Unjudged| {
            let reason = if verbose { format!(" ({})", one_line(&open.reason)) } else { String::new() };
            shown(&of_open(open), MAX_ROW).into_owned() + &reason
        };
        self.list(why, &times, open.iter().map(row).collect(), " places");
    }

    /// What is only counted, or only named.
    fn counted(&mut self, audit: &Audit) {
        let mut times: BTreeMap<&str, u64> = BTreeMap::new();
        let folded = audit.folded.iter().map(|folded| (&folded.why, folded.finding.count));
        let open = audit.told().filter_map(|open| Some((open.folded.as_ref()?, open.count)));
        for (why, number) in folded.chain(open).filter(|(why, _)| **why != FoldReason::Allowed) {
            count(&mut times, why.words(), number);
        }
        if !times.is_empty() {
            let counts: Vec<_> = times.iter().map(|(why, times)| format!("{times} {why}")).collect();
            self.line(&format!("  folded: {}", counts.join(", ")));
        }
        if self.detail.verbose {
            audit.folded.iter().for_each(|folded| self.folded(folded));
            for (open, why) in audit.open.iter().filter_map(|open| Some((open, open.folded.as_ref()?))) {
                let open = of_open(open);
                self.line(&format!("    not judged, {}: {}", why.words(), shown(&open, MAX_ROW)));
            }
            let reasons: Vec<_> = audit
                .unjudged
                .iter()
                .map(|(reason, count)| format!("{} × {count}", one_line(reason)))
                .collect();
            if !reasons.is_empty() {
                self.line(&format!("  could not be judged: {}", reasons.join(", ")));
            }
        }
        if audit.lost > 0 {
            self.line(&format!("  nothing is known of {} panics: their reports were lost", audit.lost));
        }
        if audit.unreadable > 0 {
            self.line(&format!("  {} lines could not be read", audit.unreadable));
        }
        self.stale(&audit.stale);
        if audit.strict_entries {
            self.unused(audit.unused());
        }
    }

    fn stale<'a>(&mut self, stale: impl IntoIterator<Item = &'a BaselineEntry>) {
        let names: Vec<_> = stale.into_iter().map(|stale| one_line(&entry(stale)).into_owned()).collect();
        self.list("baseline entries that were no longer found", &names.len().to_string(), names, "");
    }

    fn unused<'a>(&mut self, unused: impl IntoIterator<Item = &'a str>) {
        let names: Vec<_> = unused.into_iter().map(|unused| one_line(unused).into_owned()).collect();
        self.list("`[[expect]]` entries that matched nothing", &names.len().to_string(), names, "");
    }

    fn folded(&mut self, folded: &Folded) {
        let Folded { finding, why } = folded;
        let test = finding.test.as_deref().unwrap_or("(test not known)");
        let place = finding.place.as_ref().and_then(place_of).unwrap_or_else(|| "(no place)".to_owned());
        let reason = match why {
            FoldReason::ExpectPanic(reason) | FoldReason::Entry(reason) => {
                format!("{}: {}", why.words(), one_line(reason))
            }
            _ => why.words().to_owned(),
        };
        let line = format!("{} × {} in `{test}` at {place}, {reason}", finding.class, finding.count);
        self.line(&format!("    {}", one_line(&line)));
    }

    /// The first of some, if there are any, below how many they are.
    fn list(&mut self, what: &str, number: &str, rows: Vec<String>, more_of: &str) {
        if rows.is_empty() {
            return;
        }
        self.line(&format!("  {what}: {number}"));
        rows.iter().take(MAX_NAMED).for_each(|row| self.line(&format!("    {row}")));
        if let Some(more @ 1..) = rows.len().checked_sub(MAX_NAMED) {
            self.line(&format!("    and {more} more{more_of}"));
        }
    }
}

/// What could not be judged of one test; `None`: of no known one, and why so much could not be judged at all.
pub(super) fn unjudged(audit: &Audit, test: Option<&str>) -> String {
    let mut table = Table { text: String::new(), detail: Detail::default() };
    if test.is_none() {
        table.blind(audit);
    }
    for open in open(audit, false).into_iter().filter(|open| open.test.as_deref() == test) {
        let reason = one_line(&open.reason);
        table.line(&format!("    not judged ({reason}): {}", shown(&of_open(open), MAX_ROW)));
    }
    table.text
}

/// The tests of a block.
fn heading(block: &Block<'_>) -> String {
    match (block.tests(), block.first().no_test.as_deref()) {
        (Some(tests), _) if block.len() > 1 => format!("  {} tests: {tests}", block.len()),
        (Some(test), _) => format!("  test {test}"),
        (None, Some(reason)) => format!("  test not known ({})", one_line(reason)),
        (None, None) => "  no test in particular".to_owned(),
    }
}

/// The thread, whose it is, and where it comes from.
fn thread(finding: &Finding) -> Option<String> {
    finding.id?;
    let mut text = finding.thread.as_ref().map_or_else(|| "(no name)".to_owned(), |name| format!("`{name}`"));
    for (number, origin) in finding.ancestry.iter().enumerate() {
        let function = origin.spawned_at.as_ref().and_then(|at| at.function.as_deref());
        // The harness starts the thread of every test.
        if number > 0 && function.is_some_and(|function| function.ends_with("::main")) {
            break;
        }
        if let Some(at) = origin.spawned_at.as_ref().and_then(place_of) {
            text.push_str(", spawned in ");
            text.push_str(&at);
        }
        if let Some(name) = &origin.name {
            text.push_str(&format!(" on `{name}`"));
        }
    }
    match (&finding.first_owner, finding.shared) {
        (Some(owner), true) => text.push_str(&format!("; serves several tests, started by {owner}")),
        (Some(owner), false) => text.push_str(&format!("; started by {owner}")),
        (None, true) => text.push_str("; serves several tests"),
        (None, false) => {}
    }
    Some(text)
}

/// Findings of one test, without its name.
pub(super) fn findings(findings: &[&Finding], detail: Detail) -> String {
    let mut table = Table { text: String::new(), detail };
    blocks(findings.iter().copied()).iter().for_each(|block| table.block(block));
    table.text
}
