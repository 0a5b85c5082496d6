//! Collects what the lines of one process say.
//!
//! Runs on: threads that audit; in the process itself, the writer thread. Must not: fail on any line, or grow without a
//! bound.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::audited::Outcome;
use super::case::{Case, Site, SiteKey, site_key};
use crate::record::{FindingLine, Line, LineContent, PanicId, Report, TestEvent, TestLine, TestResult};

/// Ability of an agent that sees what becomes of payloads.
const RECEIPTS: &str = "probe_dispose";
/// Panics that are kept; a suite with more of them says so.
const MAX_CASES: usize = 500_000;
/// Findings of the agent that are kept.
const MAX_NOTES: usize = 10_000;
/// Tests whose results are kept.
const MAX_TESTS: usize = 200_000;

/// What the harness said of a test.
#[derive(Clone, Copy, Debug)]
pub(super) struct TestSaid {
    pub(super) outcome: Outcome,
    pub(super) should_panic: bool,
}

/// Everything that was read so far.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// By number, which is the order of the panics.
    pub(super) cases: BTreeMap<PanicId, Case>,
    sites: BTreeMap<SiteKey, Arc<Site>>,
    /// Findings of the agent.
    pub(super) notes: Vec<FindingLine>,
    pub(super) tests: BTreeMap<String, TestSaid>,
    /// Tests that the harness was going to run.
    pub(super) planned: Option<u64>,
    /// Panics that are not among the cases: lost by the agent, or more than are kept.
    lost: BTreeMap<String, u64>,
    not_kept: u64,
    pub(super) unreadable: u64,
    /// Whether nobody could see what became of errors.
    pub(super) blind: bool,
    /// Why not, by the word of the `process` line.
    pub(super) blind_because: Option<String>,
}

impl Gathered {
    pub(crate) fn line(&mut self, line: LineContent) {
        match line {
            LineContent::Line(line) => self.known(line),
            // A kind of a later version.
            LineContent::Other(value) if value.get("kind").is_some_and(|kind| !is_ours(kind.as_str())) => {}
            LineContent::Other(_) | LineContent::Damaged(_) => {
                self.unreadable = self.unreadable.saturating_add(1);
            }
        }
    }

    fn known(&mut self, line: Line) {
        match line {
            Line::Panic(report) => self.panic(&report),
            Line::Verdict(verdict) => {
                if let Some(case) = self.cases.get_mut(&verdict.head.id) {
                    case.learn(Arc::unwrap_or_clone(verdict));
                }
            }
            Line::Finding(finding) => {
                if self.notes.len() < MAX_NOTES {
                    self.notes.push(Arc::unwrap_or_clone(finding));
                }
            }
            Line::Test(test) => self.test(Arc::unwrap_or_clone(test)),
            // Totals of a process since its start; the last word of each stands.
            Line::Losses(line) => _ = self.lost.insert(line.head.id.clone(), line.losses.total()),
            Line::End(line) => _ = self.lost.insert(line.head.id.clone(), line.losses.total()),
            Line::Process(process) => {
                if !process.can.iter().any(|word| word == RECEIPTS) {
                    self.blind = true;
                    let why = process.soft_errors.iter().find(|error| error.field == RECEIPTS);
                    self.blind_because = why.map(|why| why.code.to_string());
                }
            }
            // They are among the losses; and how a process ended is known from itself.
            Line::Repeats(_) | Line::Death(_) => {}
        }
    }

    fn panic(&mut self, report: &Report) {
        if self.cases.len() >= MAX_CASES && !self.cases.contains_key(&report.head.id) {
            self.not_kept = self.not_kept.saturating_add(1);
            return;
        }
        let site = self.sites.entry(site_key(report)).or_insert_with(|| Arc::new(Site::of(report))).clone();
        // A line that comes twice, as after a recovery, says the same.
        self.cases.entry(report.head.id).or_insert_with(|| Case::new(report, site));
    }

    fn test(&mut self, line: TestLine) {
        match line.event {
            TestEvent::Planned => self.planned = self.planned.max(line.planned),
            TestEvent::Finished => {
                let (Some(name), Some(result)) = (line.name, line.result) else { return };
                let outcome = match result {
                    TestResult::Ok => Outcome::Passed,
                    TestResult::Failed => Outcome::Failed,
                    TestResult::Ignored => Outcome::Ignored,
                };
                if self.tests.len() < MAX_TESTS || self.tests.contains_key(&name) {
                    self.tests.insert(name, TestSaid { outcome, should_panic: line.should_panic });
                }
            }
        }
    }

    /// Panics of which nothing is known.
    pub(super) fn lost(&self) -> u64 {
        self.lost.values().fold(self.not_kept, |sum, lost| sum.saturating_add(*lost))
    }
}

/// Kinds that this version understands: a line of one of them that it could not read is damaged.
fn is_ours(kind: Option<&str>) -> bool {
    let ours = ["process", "panic", "verdict", "finding", "repeats", "test", "losses", "end", "death"];
    kind.is_none_or(|kind| ours.contains(&kind))
}
