//! Puts verdicts into words: into a report that is not written yet, and for the `verdict` line of one that is.
//!
//! Runs on: the writer thread. Must not: give up a reason for a vaguer one.

use crate::record::{AbortReason, Fate, PanicId, Report, TestRef, start_of};
use crate::verdict::{Change, HANDLER_UNKNOWN, level_of};

/// Bytes of the message that a verdict line repeats.
const MESSAGE_BYTES: usize = 200;

/// What a verdict line repeats of its panic line.
#[derive(Clone, Debug)]
pub(crate) struct About {
    pub(crate) fingerprint: String,
    pub(crate) message: Option<String>,
    pub(crate) thread: Option<String>,
    pub(crate) pid: u32,
    pub(crate) test: Option<TestRef>,
    /// What the unwind tables promised.
    predicted_fate: Fate,
    predicted_reason: Option<String>,
}

impl About {
    /// Of a report that carries nothing but the prediction yet.
    pub(crate) fn of(report: &Report) -> Self {
        Self {
            fingerprint: report.fingerprint.clone(),
            message: report.message.as_ref().map(|_| start_of(report.summary(), MESSAGE_BYTES).to_owned()),
            thread: report.thread.clone(),
            pid: report.head.pid,
            test: report.test.clone(),
            predicted_fate: report.fate,
            predicted_reason: report.reason.clone(),
        }
    }

    /// Why the process aborts, or why something is unknown.
    pub(crate) fn reason(&self, change: &Change) -> Option<String> {
        reason(change, self.predicted_fate, self.predicted_reason.as_deref())
    }
}

/// Puts a verdict into a report that carries nothing but the prediction yet.
pub(crate) fn amend(report: &mut Report, change: &Change) {
    let outcome = &change.outcome;
    report.reason = reason(change, report.fate, report.reason.as_deref());
    report.fate = outcome.fate;
    report.basis = outcome.basis;
    report.receipt = outcome.receipt;
    report.uncaught = outcome.uncaught;
    report.silent = outcome.silent;
    report.swallowed = outcome.swallowed;
    report.head.level = level_of(outcome.fate);
    report.landing = outcome.landing.as_deref().cloned();
    report.received_at.clone_from(&outcome.received_at);
    report.hops = outcome.hops;
    report.incident = PanicId::new(report.head.id.instance(), change.incident);
    report.relation = change.relation.map(|relation| relation.word().to_owned());
}

/// The prediction's own reason says more than that the handler is not known, as long as its fate stands.
fn reason(change: &Change, predicted: Fate, promised: Option<&str>) -> Option<String> {
    let outcome = &change.outcome;
    let seen = outcome.abort_reason.map(AbortReason::word).or(outcome.reason);
    let promised = promised.filter(|_| outcome.fate == predicted);
    // That the payload is not traced says why the receipt is unknown, and nothing of the fate.
    let of_receipt = |word: &str| outcome.fate == Fate::Unknown && word == "payload_not_traced";
    seen.filter(|word| *word != HANDLER_UNKNOWN && !of_receipt(word)).or(promised).or(seen).map(str::to_owned)
}
