//! JSON lines: one per finding, folded ones included, one for each place of what could not be judged, and one with the totals.
//!
//! Runs on: threads that audit. Must not: leave out what the table only counts.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::audit::{Audit, BaselineEntry, Ending, Finding, FoldReason};

/// Version of the lines, raised when a field changes its meaning or goes away.
const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Line<T> {
    schema: u32,
    kind: &'static str,
    #[serde(flatten)]
    fields: T,
}

#[derive(Serialize)]
struct OfFinding<'a> {
    #[serde(flatten)]
    finding: &'a Finding,
    folded: Option<&'a FoldReason>,
}

#[derive(Serialize)]
struct Totals<'a> {
    binary: &'a str,
    ending: &'a Ending,
    findings: usize,
    denied: usize,
    folded: usize,
    tests: usize,
    unjudged: &'a BTreeMap<String, u64>,
    blind: bool,
    blind_because: Option<&'a str>,
    stale: &'a [BaselineEntry],
    unused: Vec<&'a str>,
    lost: u64,
    unreadable: u64,
}

impl Audit {
    /// A line of kind `audit_finding` for each finding and each folded one, one of kind `audit_unjudged` for each entry of
    /// [`open`](field@Self::open), then one of kind `audit`. Always at least that last line.
    pub fn json(&self) -> String {
        let mut text = String::new();
        let reported = self.findings.iter().map(|finding| (finding, None));
        let folded = self.folded.iter().map(|folded| (&folded.finding, Some(&folded.why)));
        for (finding, folded) in reported.chain(folded) {
            line(&mut text, "audit_finding", OfFinding { finding, folded });
        }
        for unjudged in &self.open {
            line(&mut text, "audit_unjudged", unjudged);
        }
        let totals = Totals {
            binary: &self.binary,
            ending: &self.ending,
            findings: self.findings.len(),
            denied: self.denied().count(),
            folded: self.folded.len(),
            tests: self.tests.len(),
            unjudged: &self.unjudged,
            blind: self.blind,
            blind_because: self.blind_because.as_deref(),
            stale: &self.stale,
            unused: self.unused().collect(),
            lost: self.lost,
            unreadable: self.unreadable,
        };
        line(&mut text, "audit", totals);
        text
    }
}

fn line(text: &mut String, kind: &'static str, fields: impl Serialize) {
    // Strings, numbers and maps with string keys: it cannot fail.
    if let Ok(json) = serde_json::to_string(&Line { schema: SCHEMA, kind, fields }) {
        text.push_str(&json);
        text.push('\n');
    }
}
