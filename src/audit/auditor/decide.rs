//! From what was gathered to what is reported.
//!
//! Runs on: threads that audit. Must not: call anything a finding that the rules do not.

use std::collections::BTreeMap;

use super::super::Class;
use super::super::audited::{Audit, Ending, Outcome, count};
use super::super::baseline::BaselineEntry;
use super::super::finding::STATUS_UNKNOWN;
use super::super::rules::{Judgement, Known, judge};
use super::Auditor;
use super::case::Case;
use super::gather::TestSaid;
use super::sorting::Sorting;
use crate::record::{Fate, HandlerKind, Place};
use crate::symbolize::with_slashes;

/// Finding of the agent: `exit` was called in a test.
const EXIT_IN_TEST: &str = "exit_in_test";
/// Finding of the agent: a thread of a test was alive at the end.
const THREAD_ALIVE: &str = "thread_alive_at_end";
/// Finding of the agent: its hook was dropped.
const HOOK_REPLACED: &str = "hook_replaced";

pub(super) fn decide(auditor: Auditor, ending: Ending) -> Audit {
    let Auditor { policy, binary, package, whole_output, gathered } = auditor;
    let mut sorting = Sorting::new(&policy, &binary, package.as_ref(), &gathered);
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
                // What the harness caught it has seen; whether it was the right panic is another question.
                if !case.is_of_harness() {
                    sorting.unjudged(case, &reason);
                }
                count(&mut unjudged, reason, 1);
            }
        }
    }
    for note in &gathered.notes {
        match note.code.as_str() {
            // Another status says itself that something was wrong.
            EXIT_IN_TEST if ending == Ending::Exited(0) => sorting.note(Class::HiddenExit, note),
            // It may be such a status.
            EXIT_IN_TEST if ending == Ending::Unknown => {
                sorting.unjudged_note(Class::HiddenExit, note, STATUS_UNKNOWN);
                count(&mut unjudged, STATUS_UNKNOWN.to_owned(), 1);
            }
            THREAD_ALIVE => sorting.note(Class::HarnessEnd, note),
            HOOK_REPLACED => match note.places.first() {
                // Usually it was libtest, at the end of a process that was over before it had read its symbols.
                None => count(&mut unjudged, "hook_replaced_by_unknown".to_owned(), 1),
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
    let Sorting { reported, folded, open, seen, entries, .. } = sorting;
    let ran = |test: &str| gathered.tests.get(test).is_some_and(|said| said.outcome != Outcome::Ignored);
    // Who sees less finds less: that says nothing of what is there.
    let blind = gathered.blind;
    let stale = |entry: &&BaselineEntry| {
        !blind && entry.binary == binary && entry.test.as_deref().is_some_and(ran) && !seen.contains(*entry)
    };
    Audit {
        stale: policy.baseline().entries().filter(stale).cloned().collect(),
        ending,
        findings: reported.into_values().collect(),
        folded: folded.into_values().collect(),
        unjudged,
        open: open.into_values().collect(),
        entries,
        blind,
        lost: gathered.lost(),
        blind_because: gathered.blind_because,
        unreadable: gathered.unreadable,
        strict_entries: policy.strict_entries() && !blind,
        tests: gathered.tests.into_iter().map(|(name, said)| (name, said.outcome)).collect(),
        binary,
    }
}

fn is_of_libtest(place: &Place) -> bool {
    place.file.as_deref().is_some_and(|file| with_slashes(file).contains("/library/test/src/"))
        || place.function.as_deref().is_some_and(|function| function.starts_with("test::test_main"))
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
        killed: matches!(ending, Ending::Signalled(_)),
        reason: word.reason.as_deref(),
    }
}
