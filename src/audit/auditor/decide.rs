//! From what was gathered to what is reported: rules, policy, folding, counting.
//!
//! Runs on: threads that audit. Must not: let a finding go without counting it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::audited::{Audit, Ending, Outcome};
use super::super::baseline::BaselineEntry;
use super::super::finding::{Finding, FoldReason, Folded};
use super::super::policy::{Policy, Subject};
use super::super::rules::{Judgement, Known, judge};
use super::super::{Class, Level, intent};
use super::case::Case;
use super::gather::{Gathered, TestSaid};
use super::{Auditor, words};
use crate::record::{Fate, FindingLine, HandlerKind, Place, TestEvidence, TestRef};

/// Finding of the agent: `exit` was called in a test.
const EXIT_IN_TEST: &str = "exit_in_test";
/// Finding of the agent: a thread of a test was alive at the end.
const THREAD_ALIVE: &str = "thread_alive_at_end";
/// Finding of the agent: its hook was dropped.
const HOOK_REPLACED: &str = "hook_replaced";

pub(super) fn decide(auditor: Auditor, ending: Ending) -> Audit {
    let Auditor { policy, binary, package, whole_output, gathered } = auditor;
    let mut sorting = Sorting::new(&policy, &binary, &gathered);
    let mut unjudged: BTreeMap<String, u64> = BTreeMap::new();
    let mut owners: BTreeMap<&str, Option<bool>> = BTreeMap::new();
    for case in gathered.cases.values() {
        let file = case.site.place.as_ref().and_then(|place| place.file.as_deref());
        let in_package = file.and_then(|file| {
            *owners.entry(file).or_insert_with(|| package.as_ref().and_then(|package| package.holds(file)))
        });
        match judge(&known(case, sorting.said(case.test.as_ref()), ending, in_package)) {
            Judgement::Ordinary => {}
            Judgement::Finding(class) => sorting.panic(class, case),
            Judgement::Unknown(reason) => {
                let count = unjudged.entry(reason).or_default();
                *count = count.saturating_add(1);
            }
        }
    }
    for note in &gathered.notes {
        match note.code.as_str() {
            // Another status says itself that something was wrong.
            EXIT_IN_TEST if matches!(ending, Ending::Exited(0) | Ending::Unknown) => {
                sorting.note(Class::HiddenExit, note);
            }
            THREAD_ALIVE => sorting.note(Class::HarnessEnd, note),
            HOOK_REPLACED => match note.places.first() {
                // Usually it was libtest, at the end of a process that was over before it had read its symbols.
                None => {
                    let count = unjudged.entry("hook_replaced_by_unknown".to_owned()).or_default();
                    *count = count.saturating_add(1);
                }
                // It drops its own hook, and all that it holds, when the last test has ended.
                Some(place) if is_of_libtest(place) => {}
                Some(_) => sorting.note(Class::HookReplaced, note),
            },
            _ => {}
        }
    }
    if whole_output && ending == Ending::Exited(0) {
        sorting.unfinished();
    }
    let Sorted { findings, folded, seen, entries } = sorting.finish();
    let ran = |test: &str| gathered.tests.get(test).is_some_and(|said| said.outcome != Outcome::Ignored);
    let stale = |entry: &&BaselineEntry| {
        entry.binary == binary && entry.test.as_deref().is_some_and(ran) && !seen.contains(*entry)
    };
    Audit {
        stale: policy.baseline().entries().filter(stale).cloned().collect(),
        ending,
        findings,
        folded,
        unjudged,
        entries,
        blind: gathered.blind,
        lost: gathered.lost(),
        unreadable: gathered.unreadable,
        strict_entries: policy.strict_entries(),
        tests: gathered.tests.into_iter().map(|(name, said)| (name, said.outcome)).collect(),
        binary,
    }
}

fn is_of_libtest(place: &Place) -> bool {
    place.file.as_deref().is_some_and(|file| file.contains("/library/test/src/"))
        || place.function.as_deref().is_some_and(|function| function.starts_with("test::test_main"))
}

/// Whether a place lies in std, which is where a call of the program ends.
fn is_of_std(place: &Place) -> bool {
    let std = |function: &str| {
        ["std::", "core::", "alloc::", "<std::", "<core::", "<alloc::"]
            .iter()
            .any(|path| function.starts_with(path))
    };
    place.function.as_deref().is_none_or(std)
}

fn known<'a>(case: &'a Case, said: Option<TestSaid>, ending: Ending, in_package: Option<bool>) -> Known<'a> {
    let word = &case.word;
    let handler = word.handler.as_ref().map(|handler| handler.kind);
    // Without the results: all tests passed when the run did.
    let all_passed = (ending == Ending::Exited(0)).then_some(true);
    Known {
        fate: word.fate,
        receipt: word.receipt,
        silent: word.silent,
        swallowed: word.swallowed,
        handler,
        ended: case.test.as_ref().and_then(|test| test.ended),
        passed: said.map(|said| said.outcome == Outcome::Passed).or(all_passed),
        in_package: in_package
            .filter(|_| word.fate != Fate::RuntimeCaught || handler == Some(HandlerKind::TestHarness)),
        reason: word.reason.as_deref(),
    }
}

/// Sorts findings into those to report and those to count.
struct Sorting<'a> {
    policy: &'a Policy,
    binary: &'a str,
    gathered: &'a Gathered,
    found: BTreeMap<Key, Folded>,
    reported: BTreeMap<Key, Finding>,
    seen: std::collections::BTreeSet<BaselineEntry>,
    entries: BTreeMap<String, u64>,
}

struct Sorted {
    findings: Vec<Finding>,
    folded: Vec<Folded>,
    /// Entries of the baseline, and others.
    seen: std::collections::BTreeSet<BaselineEntry>,
    entries: BTreeMap<String, u64>,
}

/// What is one finding, however often it happens; in the order of the report: worst first.
type Key = (
    core::cmp::Reverse<Level>,
    Option<String>,
    Class,
    (Option<String>, Option<u32>, Option<u32>, Option<String>),
    Option<FoldReason>,
    Option<String>,
);

impl<'a> Sorting<'a> {
    fn new(policy: &'a Policy, binary: &'a str, gathered: &'a Gathered) -> Self {
        let entry = |expect: &super::super::policy::Expect| (expect.place(), 0);
        Self {
            policy,
            binary,
            gathered,
            found: BTreeMap::new(),
            reported: BTreeMap::new(),
            seen: std::collections::BTreeSet::new(),
            entries: policy.expects.iter().map(entry).collect(),
        }
    }

    /// What the harness said of a test.
    fn said(&self, test: Option<&TestRef>) -> Option<TestSaid> {
        self.gathered.tests.get(test?.name.as_deref()?).copied()
    }

    fn panic(&mut self, class: Class, case: &Case) {
        let site = &case.site;
        let finding = Finding {
            id: Some(case.id),
            message: site.message.clone(),
            thread: case.thread.clone(),
            ancestry: case.ancestry(),
            place: site.place.clone(),
            column: site.column,
            stop: Some(words::stop(&case.word)),
            receipt: Some(words::receipt(&case.word)),
            stack: site.stack.clone(),
            ..self.blank(class, case.test.as_ref())
        };
        // Who is to panic for `#[should_panic]` panics on purpose; the question is whether it was the right panic.
        let intent = (class != Class::WrongShouldPanic).then(|| self.intent(case)).flatten();
        self.add(finding, &site.functions, case.expected.as_deref(), intent);
    }

    /// Whether a panic is meant, by what its test and its message say.
    fn intent(&self, case: &Case) -> Option<FoldReason> {
        let test = case.test.as_ref();
        let name = test.and_then(|test| test.name.as_deref());
        if self.said(test).is_some_and(|said| said.should_panic) {
            return Some(FoldReason::ShouldPanic);
        }
        if name.is_some_and(intent::name_says_so) {
            return Some(FoldReason::TestName);
        }
        let message = case.site.message.as_deref();
        message.is_some_and(intent::message_says_so).then_some(FoldReason::Message)
    }

    fn note(&mut self, class: Class, note: &FindingLine) {
        let test = note.test.as_ref();
        let finding = Finding {
            id: note.panic,
            message: Some(note.message.clone()),
            place: note.places.iter().find(|place| !is_of_std(place)).or(note.places.first()).cloned(),
            stack: Arc::from(note.places.as_slice()),
            ..self.blank(class, test)
        };
        let functions: Vec<_> = note.places.iter().filter_map(|place| place.function.clone()).collect();
        let name = test.and_then(|test| test.name.as_deref());
        // A test of panics may well replace the hook. That threads live on is another matter.
        let meant = class == Class::HookReplaced && name.is_some_and(intent::name_says_so);
        self.add(finding, &functions, None, meant.then_some(FoldReason::TestName));
    }

    /// Tests that never finished although the process ended well, unless it is known already who ended it.
    fn unfinished(&mut self) {
        let known = |finding: &Finding| finding.class == Class::HiddenExit;
        let is_known =
            self.reported.values().any(known) || self.found.values().any(|folded| known(&folded.finding));
        let finished = self.gathered.tests.len() as u64;
        let Some(planned) = self.gathered.planned.filter(|planned| *planned > finished && !is_known) else {
            return;
        };
        let message = format!(
            "the process ended with status 0 when {finished} of its {planned} tests had finished; the others never ran"
        );
        let finding = Finding { message: Some(message), ..self.blank(Class::HiddenExit, None) };
        self.add(finding, &[], None, None);
    }

    fn blank(&self, class: Class, test: Option<&TestRef>) -> Finding {
        Finding {
            class,
            level: self.policy.level(class),
            binary: self.binary.to_owned(),
            test: test.and_then(|test| test.name.clone()),
            via: test.map_or(TestEvidence::Unknown, |test| test.via),
            no_test: test.and_then(|test| test.reason.clone()),
            shared: test.is_some_and(|test| test.shared),
            first_owner: test.and_then(|test| test.first_owner.clone()),
            ended: test.and_then(|test| test.ended),
            count: 1,
            id: None,
            message: None,
            thread: None,
            ancestry: Vec::new(),
            place: None,
            column: None,
            stop: None,
            receipt: None,
            stack: Arc::default(),
        }
    }

    fn add(
        &mut self,
        finding: Finding,
        functions: &[String],
        expected: Option<&str>,
        intent: Option<FoldReason>,
    ) {
        let place = finding.place.as_ref();
        let subject = Subject {
            class: finding.class,
            test: finding.test.as_deref(),
            functions,
            file: place.and_then(|place| place.file.as_deref()),
            message: finding.message.as_deref(),
        };
        let mut entry = None;
        for expect in self.policy.expects.iter().filter(|expect| expect.matches(&subject)) {
            // Every entry that matches is needed, also where another one was first.
            let times = self.entries.entry(expect.place()).or_default();
            *times = times.saturating_add(1);
            entry.get_or_insert_with(|| FoldReason::Entry(expect.reason.clone()));
        }
        let known = BaselineEntry::of(&finding);
        let in_baseline = self.policy.baseline().contains(&known).then_some(FoldReason::Baseline);
        self.seen.insert(known);
        let why = expected
            .map(|reason| FoldReason::ExpectPanic(reason.to_owned()))
            .or(entry)
            .or((finding.level == Level::Allow).then_some(FoldReason::Allowed))
            .or(in_baseline)
            .or(intent);
        let key = key(&finding, why.clone());
        match why {
            None => count(self.reported.entry(key), finding, |finding| finding),
            Some(why) => {
                let folded = Folded { finding, why };
                count(self.found.entry(key), folded, |folded| &mut folded.finding);
            }
        }
    }

    fn finish(self) -> Sorted {
        Sorted {
            findings: self.reported.into_values().collect(),
            folded: self.found.into_values().collect(),
            seen: self.seen,
            entries: self.entries,
        }
    }
}

fn key(finding: &Finding, why: Option<FoldReason>) -> Key {
    let place = finding.place.as_ref();
    let at = (
        place.and_then(|place| place.file.clone()),
        place.and_then(|place| place.line),
        finding.column,
        place.and_then(|place| place.function.clone()),
    );
    // Without a place only the text tells two of the agent's findings apart.
    let text = if place.is_none() { finding.message.clone() } else { None };
    (core::cmp::Reverse(finding.level), finding.test.clone(), finding.class, at, why, text)
}

/// Adds something, or counts one more.
fn count<T>(
    entry: std::collections::btree_map::Entry<'_, Key, T>,
    new: T,
    finding: impl Fn(&mut T) -> &mut Finding,
) {
    use std::collections::btree_map::Entry;

    match entry {
        Entry::Vacant(place) => _ = place.insert(new),
        Entry::Occupied(mut known) => {
            let known = finding(known.get_mut());
            known.count = known.count.saturating_add(1);
        }
    }
}
