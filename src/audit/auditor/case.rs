//! One panic, as far as the audit needs it: a few hundred bytes, so that suites with many panics fit into memory.
//!
//! Runs on: threads that audit; in the process itself, the writer thread. Must not: keep a whole report.

use std::sync::Arc;

use crate::record::{
    Ancestor, Basis, Fate, Handler, HandlerKind, PanicId, Place, Receipt, Report, TestEvidence, TestRef,
    Verdict, VerdictLine,
};

/// Label that `expect_panic` puts in force.
pub(super) const EXPECTED: &str = "panic_agent.expected";
/// Frames of the program that are kept of a stack.
const STACK: usize = 16;

/// What panics of one cause have in common.
#[derive(Debug, PartialEq)]
pub(super) struct Site {
    pub(super) message: Option<String>,
    /// Where `panic!` stands, with the nearest function of the program.
    pub(super) place: Option<Place>,
    pub(super) column: Option<u32>,
    pub(super) stack: Arc<[Place]>,
    /// Functions of the program on the stack, innermost first.
    pub(super) functions: Vec<String>,
}

/// What tells one [`Site`] from another.
pub(super) type SiteKey = (String, Option<(String, u32, u32)>, Option<String>);

pub(super) fn site_key(report: &Report) -> SiteKey {
    let location = report.location.as_ref().map(|at| (at.file.clone(), at.line, at.column));
    (report.fingerprint.clone(), location, report.message.clone())
}

impl Site {
    pub(super) fn of(report: &Report) -> Self {
        let own = || report.frames.iter().filter(|frame| frame.in_app != Some(false));
        // A stack without names of the program: of what there is.
        let any = own().next().is_some();
        let frames = || report.frames.iter().filter(move |frame| frame.in_app != Some(false) || !any);
        let nearest = frames().find_map(|frame| frame.function.clone());
        let place = match &report.location {
            Some(at) => Some(Place {
                function: nearest,
                file: Some(at.file.clone()),
                line: Some(at.line),
                ..Place::default()
            }),
            None => frames().find(|frame| frame.function.is_some() || frame.file.is_some()).map(place_of),
        };
        Self {
            message: report.message.clone(),
            place,
            column: report.location.as_ref().map(|at| at.column),
            stack: frames().filter(|frame| frame.function.is_some()).take(STACK).map(place_of).collect(),
            functions: own().filter_map(|frame| frame.function.clone()).collect(),
        }
    }
}

fn place_of(frame: &crate::record::Frame) -> Place {
    Place { function: frame.function.clone(), file: frame.file.clone(), line: frame.line, ..Place::default() }
}

/// What is said of a panic last.
#[derive(Clone, Debug)]
pub(super) struct LastWord {
    pub(super) fate: Fate,
    pub(super) basis: Basis,
    pub(super) receipt: Receipt,
    pub(super) silent: Option<bool>,
    pub(super) swallowed: Option<bool>,
    pub(super) reason: Option<String>,
    pub(super) handler: Option<Handler>,
    pub(super) received_at: Option<Place>,
}

impl LastWord {
    /// `predicted`: who stops it when the landing was not seen.
    fn new(verdict: &Verdict<'_>, predicted: Option<&Handler>) -> Self {
        Self {
            fate: verdict.fate,
            basis: verdict.basis,
            receipt: verdict.receipt,
            silent: verdict.silent,
            swallowed: verdict.swallowed,
            reason: verdict.reason.map(str::to_owned),
            handler: verdict.landing.or(predicted).cloned(),
            received_at: verdict.received_at.cloned(),
        }
    }
}

/// A panic of the process.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) id: PanicId,
    pub(super) site: Arc<Site>,
    pub(super) thread: Option<String>,
    pub(super) lineage: Arc<[Ancestor]>,
    /// OS id of the thread, 0 when not known, and when it panicked, by the monotonic clock.
    pub(super) tid: u32,
    pub(super) mono_ns: u64,
    pub(super) test: Option<TestRef>,
    pub(super) word: LastWord,
    /// The reason given to `expect_panic`.
    pub(super) expected: Option<String>,
}

impl Case {
    pub(super) fn new(report: &Report, site: Arc<Site>) -> Self {
        let predicted = report.prediction.handler.as_ref();
        Self {
            id: report.head.id,
            site,
            thread: report.thread.clone(),
            lineage: report.lineage.clone(),
            tid: report.thread_facts.os_id.unwrap_or_default(),
            mono_ns: report.mono_ns,
            test: report.test.clone(),
            word: LastWord::new(&report.verdict(), predicted),
            expected: report.labels.get(EXPECTED).cloned(),
        }
    }

    /// Takes later knowledge.
    pub(super) fn learn(&mut self, verdict: VerdictLine) {
        // A verdict that has not seen the landing speaks of the one that is predicted.
        self.word = LastWord::new(&verdict.verdict(), self.word.handler.as_ref());
        if let Some(test) = verdict.test {
            let known_before = self.test.as_ref().is_some_and(|before| before.via != TestEvidence::Unknown);
            if test.via != TestEvidence::Unknown || !known_before {
                self.test = Some(test);
            }
        }
    }

    /// The test, if it is known.
    pub(super) fn test_name(&self) -> Option<&str> {
        self.test.as_ref()?.name.as_deref()
    }

    /// Whether the harness caught it, as it does when a test fails or was to panic.
    pub(super) fn is_of_harness(&self) -> bool {
        let handler = self.word.handler.as_ref().map(|handler| handler.kind);
        self.word.fate == Fate::RuntimeCaught && handler == Some(HandlerKind::TestHarness)
    }
}
