//! The result of an audit of one process, and of a run of many.
//!
//! Runs on: threads that audit, and readers. Must not: print.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::baseline::{Baseline, BaselineEntry};
use super::finding::STATUS_UNKNOWN;
use super::{Finding, FoldReason, Folded, Level, Unjudged};

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Ending {
    /// With this status.
    Exited(i32),
    /// By this signal.
    Signalled(i32),
    /// It is not known.
    Unknown,
}

/// What a test binary said of one test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It passed.
    Passed,
    /// It failed.
    Failed,
    /// It was not run.
    Ignored,
}

/// What was found in one process.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Audit {
    /// Name of the binary.
    pub binary: String,
    /// How it ended.
    pub ending: Ending,
    /// What is to be reported: denied ones first, then by test, class and place.
    pub findings: Vec<Finding>,
    /// What is only counted.
    pub folded: Vec<Folded>,
    /// Panics that could not be judged, by reason.
    pub unjudged: BTreeMap<String, u64>,
    /// Those of them that may be findings, and what else may be one: by test and place.
    pub open: Vec<Unjudged>,
    /// Entries of the baseline whose test ran here, and that were not seen.
    pub stale: Vec<BaselineEntry>,
    /// The `[[expect]]` entries of the policy, as `file:line`, and how often each matched.
    pub entries: BTreeMap<String, u64>,
    /// Tests that finished, with what the harness said of them.
    pub tests: BTreeMap<String, Outcome>,
    /// Whether the agent could not see what became of errors in this process: only what wrappers of this crate have seen, and
    /// what needs no such knowledge, can be judged.
    pub blind: bool,
    /// Why not, by the word of the `process` line: `unsupported_platform`, `not_compiled`, `switched_off` and others.
    pub blind_because: Option<String>,
    /// Panics whose reports were lost, so that nothing is known of them.
    pub lost: u64,
    /// Lines that were damaged or not understood.
    pub unreadable: u64,
    /// Whether unused entries are this binary's to report.
    pub(super) strict_entries: bool,
}

impl Audit {
    /// The findings that are denied.
    pub fn denied(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.level == Level::Deny)
    }

    /// Whether something is denied: then the status of a binary that would end with 0 is
    /// [`DENIED_STATUS`](super::DENIED_STATUS).
    pub fn is_denied(&self) -> bool {
        self.denied().next().is_some()
    }

    /// Whether there is nothing to say.
    pub fn is_quiet(&self) -> bool {
        self.findings.is_empty()
            && self.folded.iter().all(|folded| folded.why == FoldReason::Allowed)
            && self.stale.is_empty()
            && self.told().next().is_none()
            && self.lost == 0
            && self.unreadable == 0
            && (!self.strict_entries || self.unused().next().is_none())
    }

    /// What could not be judged and people are told of. Where errors are seen, panics that cannot be judged are rare, and say
    /// little.
    pub(super) fn told(&self) -> impl Iterator<Item = &Unjudged> {
        let told = |open: &&Unjudged| self.blind || open.reason == STATUS_UNKNOWN;
        self.open.iter().filter(told).filter(|open| open.folded != Some(FoldReason::Allowed))
    }

    /// The entries that matched nothing here.
    pub fn unused(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter(|(_, times)| **times == 0).map(|(entry, _)| entry.as_str())
    }
}

/// The audits of several processes: the binaries of a workspace, or the processes of a harness that has one for each test.
#[derive(Clone, Debug, Default)]
pub struct Run {
    pub(super) audits: Vec<Audit>,
}

impl Run {
    /// One without audits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the audit of a process.
    pub fn push(&mut self, audit: Audit) {
        self.audits.push(audit);
    }

    /// The audits, in the order in which they were added.
    pub fn audits(&self) -> &[Audit] {
        &self.audits
    }

    /// One audit for each binary, with what all of its processes said, in the order of their first ones.
    pub(super) fn binaries(&self) -> Vec<Audit> {
        let mut binaries: Vec<Run> = Vec::new();
        for audit in &self.audits {
            match binaries.iter_mut().find(|run| run.audits.iter().any(|one| one.binary == audit.binary)) {
                Some(run) => run.push(audit.clone()),
                None => binaries.push(Run { audits: vec![audit.clone()] }),
            }
        }
        binaries.into_iter().filter_map(Run::into_one).collect()
    }

    /// Its audits, all of one binary, as that of a single process.
    fn into_one(self) -> Option<Audit> {
        let stale = self.stale().into_iter().cloned().collect();
        let mut audits = self.audits.into_iter();
        let mut whole = audits.next()?;
        for audit in audits {
            // Only whether there was a 0 to replace is asked of it.
            if audit.is_denied() && audit.ending == Ending::Exited(0) || !whole.is_denied() {
                whole.ending = audit.ending;
            }
            whole.findings.extend(audit.findings);
            whole.folded.extend(audit.folded);
            audit.unjudged.into_iter().for_each(|(reason, times)| count(&mut whole.unjudged, reason, times));
            whole.open.extend(audit.open);
            whole.blind_because = whole.blind_because.or(audit.blind_because);
            audit.entries.into_iter().for_each(|(entry, times)| count(&mut whole.entries, entry, times));
            whole.tests.extend(audit.tests);
            whole.blind |= audit.blind;
            whole.lost = whole.lost.saturating_add(audit.lost);
            whole.unreadable = whole.unreadable.saturating_add(audit.unreadable);
            whole.strict_entries |= audit.strict_entries;
        }
        whole.findings.sort_by(|a, b| b.level.cmp(&a.level).then_with(|| a.test.cmp(&b.test)));
        whole.stale = stale;
        Some(whole)
    }

    /// Whether something is denied.
    pub fn is_denied(&self) -> bool {
        self.audits.iter().any(Audit::is_denied)
    }

    /// `[[expect]]` entries that matched nothing in any process, as `file:line`.
    pub fn unused(&self) -> Vec<&str> {
        let mut times: BTreeMap<&str, u64> = BTreeMap::new();
        for (entry, matched) in self.audits.iter().flat_map(|audit| &audit.entries) {
            count(&mut times, entry.as_str(), *matched);
        }
        times.into_iter().filter(|(_, matched)| *matched == 0).map(|(entry, _)| entry).collect()
    }

    /// Entries of the baseline that no process saw although the tests ran.
    pub fn stale(&self) -> Vec<&BaselineEntry> {
        let seen = |entry: &&BaselineEntry| {
            let in_baseline = |folded: &&Folded| folded.why == FoldReason::Baseline;
            let mut folded = self.audits.iter().flat_map(|audit| &audit.folded).filter(in_baseline);
            !folded.any(|folded| BaselineEntry::of(&folded.finding) == **entry)
        };
        let stale: BTreeSet<_> = self.audits.iter().flat_map(|audit| &audit.stale).filter(seen).collect();
        stale.into_iter().collect()
    }

    /// The baseline that these audits would have: what was found, reported or in `known`, and what `known` has of tests that
    /// did not run.
    pub fn baseline(&self, known: &Baseline) -> Baseline {
        let mut baseline = known.clone();
        for entry in self.stale() {
            baseline.remove(entry);
        }
        for audit in &self.audits {
            audit.findings.iter().for_each(|finding| baseline.insert(finding));
        }
        baseline
    }
}

/// Counts something so many times more.
pub(super) fn count<K: Ord>(counts: &mut BTreeMap<K, u64>, what: K, times: u64) {
    let known = counts.entry(what).or_default();
    *known = known.saturating_add(times);
}
