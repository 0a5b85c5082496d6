//! One panic as the lines tell it: its report, and the last word on it.
//!
//! Runs on: the main thread. Must not: know how it is shown.

use std::sync::Arc;

use panic_agent::Report;
use panic_agent::record::{
    Basis, Evidence, Fate, FindingLine, Handler, Head, Level, Location, PanicId, Place, Receipt, Verdict,
    VerdictLine,
};

use super::At;

/// The words of one line on a panic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    /// When it was said.
    pub(crate) ts_ms: i64,
    pub(crate) level: Level,
    pub(crate) fate: Fate,
    pub(crate) receipt: Receipt,
    pub(crate) basis: Basis,
    pub(crate) uncaught: Option<bool>,
    pub(crate) silent: Option<bool>,
    pub(crate) swallowed: Option<bool>,
    pub(crate) reason: Option<String>,
    pub(crate) relation: Option<String>,
    pub(crate) landing: Option<Handler>,
    pub(crate) received_at: Option<Place>,
    pub(crate) hops: u32,
    /// What it rests on; `None` where the rest says it all, and in lines of before.
    pub(crate) evidence: Option<Evidence>,
}

impl From<Verdict<'_>> for Word {
    fn from(verdict: Verdict<'_>) -> Self {
        Self {
            ts_ms: verdict.head.ts_ms,
            level: verdict.head.level,
            fate: verdict.fate,
            receipt: verdict.receipt,
            basis: verdict.basis,
            uncaught: verdict.uncaught,
            silent: verdict.silent,
            swallowed: verdict.swallowed,
            reason: verdict.reason.map(str::to_owned),
            relation: verdict.relation.map(str::to_owned),
            landing: verdict.landing.cloned(),
            received_at: verdict.received_at.cloned(),
            hops: verdict.hops,
            evidence: verdict.evidence.cloned(),
        }
    }
}

/// Verdicts of one panic that are kept; the last one always is.
const MAX_VERDICTS: usize = 32;

/// A panic, and everything that was said of it.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) id: PanicId,
    /// What its `panic` line begins with, or else its first one.
    pub(crate) head: Head<PanicId>,
    /// Where its first line stands.
    pub(crate) at: At,
    /// Its `panic` line; `None` when that is not in what was read.
    pub(crate) report: Option<Arc<Report>>,
    /// Its `verdict` lines, oldest first.
    pub(crate) verdicts: Vec<Arc<VerdictLine>>,
    /// Findings that name it.
    pub(crate) findings: Vec<Arc<FindingLine>>,
    /// The last word.
    pub(crate) word: Word,
}

impl Told {
    pub(crate) fn from_report(report: Arc<Report>, at: At) -> Self {
        let word = Word::from(report.verdict());
        let head = report.head.clone();
        Self { id: head.id, head, at, report: Some(report), verdicts: Vec::new(), findings: Vec::new(), word }
    }

    pub(crate) fn from_verdict(verdict: Arc<VerdictLine>, at: At) -> Self {
        let word = Word::from(verdict.verdict());
        let head = verdict.head.clone();
        Self { id: head.id, head, at, report: None, verdicts: vec![verdict], findings: Vec::new(), word }
    }

    /// A later word.
    pub(crate) fn judge(&mut self, verdict: Arc<VerdictLine>) {
        self.word = Word::from(verdict.verdict());
        if self.verdicts.len() == MAX_VERDICTS {
            self.verdicts.pop();
        }
        self.verdicts.push(verdict);
    }

    /// Whole message, or the first line of it where there is no report. `None`: the payload is not a text.
    pub(crate) fn message(&self) -> Option<&str> {
        match &self.report {
            Some(report) => report.message.as_deref(),
            None => self.verdicts.first()?.message.as_deref(),
        }
    }

    pub(crate) fn thread(&self) -> Option<&str> {
        match &self.report {
            Some(report) => report.thread.as_deref(),
            None => self.verdicts.first()?.thread.as_deref(),
        }
    }

    /// The same in its report and in its verdicts.
    pub(crate) fn fingerprint(&self) -> &str {
        match (&self.report, self.verdicts.first()) {
            (Some(report), _) => &report.fingerprint,
            (None, Some(verdict)) => &verdict.fingerprint,
            (None, None) => "",
        }
    }

    pub(crate) fn location(&self) -> Option<&Location> {
        self.report.as_ref()?.location.as_ref()
    }

    /// Whether nobody ever learned of it: silent, or dropped unread.
    pub(crate) fn is_silent(&self) -> bool {
        self.word.silent == Some(true)
    }
}
