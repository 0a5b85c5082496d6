//! Findings, sorted into those to report and those to count: levels, entries, baseline, intentions.
//!
//! Runs on: threads that audit. Must not: let a finding go without counting it.

use std::cmp::Reverse;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::baseline::BaselineEntry;
use super::super::finding::{Finding, FoldReason, Folded, Origin, Unjudged};
use super::super::policy::{Expect, PackagePlace, Policy, Subject};
use super::super::{Class, Level, audited, intent};
use super::case::{Case, LastWord};
use super::gather::{Gathered, TestSaid};
use super::open::OpenKey;
use super::words;
use crate::record::{Ancestor, FindingLine, Place, SpawnPlace, TestEvidence, TestRef};

/// Sorts findings into those to report and those to count.
pub(super) struct Sorting<'a> {
    pub(super) policy: &'a Policy,
    pub(super) binary: &'a str,
    package: Option<&'a PackagePlace>,
    gathered: &'a Gathered,
    /// When each thread panicked last on behalf of a test, not counting panics that the harness caught.
    last_panics: BTreeMap<(u32, Option<&'a str>), u64>,
    pub(super) folded: BTreeMap<Key, Folded>,
    pub(super) reported: BTreeMap<Key, Finding>,
    pub(super) open: BTreeMap<OpenKey, Unjudged>,
    /// What the baseline may have of them.
    pub(super) seen: BTreeSet<BaselineEntry>,
    /// How often each `[[expect]]` entry matched.
    pub(super) entries: BTreeMap<String, u64>,
}

/// What is one finding, however often it happens; in the order of the report: worst first.
pub(super) type Key = (Reverse<Level>, Option<String>, Class, At, Option<FoldReason>, Option<String>);

/// File, line, column and function of a place.
pub(super) type At = (Option<String>, Option<u32>, Option<u32>, Option<String>);

impl<'a> Sorting<'a> {
    pub(super) fn new(
        policy: &'a Policy,
        binary: &'a str,
        package: Option<&'a PackagePlace>,
        gathered: &'a Gathered,
    ) -> Self {
        let entry = |expect: &Expect| (expect.place(), 0);
        let mut last_panics = BTreeMap::new();
        for case in gathered.cases.values().filter(|case| !case.is_of_harness()) {
            let last = last_panics.entry((case.tid, case.test_name())).or_default();
            *last = case.mono_ns.max(*last);
        }
        Self {
            policy,
            binary,
            package,
            gathered,
            last_panics,
            folded: BTreeMap::new(),
            reported: BTreeMap::new(),
            open: BTreeMap::new(),
            seen: BTreeSet::new(),
            entries: policy.expects.iter().map(entry).collect(),
        }
    }

    /// The place with a path that is the same on other machines.
    pub(super) fn short(&self, place: &Place) -> Place {
        let mut place = place.clone();
        if let (Some(package), Some(file)) = (self.package, &mut place.file) {
            package.shorten(file);
        }
        place
    }

    /// The same with what a verdict names.
    pub(super) fn short_word(&self, word: &LastWord) -> LastWord {
        let mut word = word.clone();
        word.received_at = word.received_at.as_ref().map(|place| self.short(place));
        if let (Some(package), Some(file)) =
            (self.package, word.handler.as_mut().and_then(|handler| handler.file.as_mut()))
        {
            package.shorten(file);
        }
        word
    }

    /// What the harness said of a test.
    pub(super) fn said(&self, test: Option<&TestRef>) -> Option<TestSaid> {
        self.gathered.tests.get(test?.name.as_deref()?).copied()
    }

    pub(super) fn panic(&mut self, class: Class, case: &Case) {
        let site = &case.site;
        let word = self.short_word(&case.word);
        let spawned_at = |SpawnPlace { function, file, line, .. }| {
            self.short(&Place { function, file, line, ..Place::default() })
        };
        let origin = |ancestor: &Ancestor| Origin {
            name: ancestor.name.clone(),
            spawned_at: ancestor.spawned_at.clone().map(spawned_at),
        };
        let finding = Finding {
            id: Some(case.id),
            message: site.message.clone(),
            thread: case.thread.clone(),
            ancestry: case.lineage.iter().map(origin).collect(),
            place: site.place.as_ref().map(|place| self.short(place)),
            column: site.column,
            stop: Some(words::stop(&word)),
            receipt: Some(words::receipt(&word)),
            stack: site.stack.iter().map(|place| self.short(place)).collect(),
            ..self.blank(class, case.test.as_ref())
        };
        // Who is to panic for `#[should_panic]` panics on purpose; the question is whether it was the right panic.
        let intent = (class != Class::WrongShouldPanic).then(|| self.intent(case)).flatten();
        let passed_on =
            (class == Class::SilentDeath && self.is_passed_on(case)).then_some(FoldReason::Ancestor);
        self.add(finding, &site.functions, case.expected.as_deref(), intent.or(passed_on));
    }

    /// Whether a thread that this one descends from panicked later in the same test, which went on: it may have learnt of
    /// the death by a destructor that looks at `thread::panicking`, a lock or a channel, which leaves no trace. A test
    /// that fails may do so for any reason.
    fn is_passed_on(&self, case: &Case) -> bool {
        case.lineage.iter().any(|ancestor| {
            let last = self.last_panics.get(&(ancestor.os_id, case.test_name()));
            last.is_some_and(|last| *last > case.mono_ns)
        })
    }

    /// Whether a panic is meant, by what its test and its message say.
    pub(super) fn intent(&self, case: &Case) -> Option<FoldReason> {
        if self.said(case.test.as_ref()).is_some_and(|said| said.should_panic) {
            return Some(FoldReason::ShouldPanic);
        }
        if case.test_name().is_some_and(intent::name_says_so) {
            return Some(FoldReason::TestName);
        }
        let message = case.site.message.as_deref();
        message.is_some_and(intent::message_says_so).then_some(FoldReason::Message)
    }

    pub(super) fn note(&mut self, class: Class, note: &FindingLine) {
        let test = note.test.as_ref();
        let finding = Finding {
            id: note.panic,
            message: Some(note.message.clone()),
            place: place_of_program(note).map(|place| self.short(place)),
            stack: note.places.iter().map(|place| self.short(place)).collect(),
            ..self.blank(class, test)
        };
        let name = test.and_then(|test| test.name.as_deref());
        // A test of panics may well replace the hook. That threads live on is another matter.
        let meant = class == Class::HookReplaced && name.is_some_and(intent::name_says_so);
        self.add(finding, &functions(note), None, meant.then_some(FoldReason::TestName));
    }

    /// The entry that excuses this. Every entry that matches is needed, also where another one was first.
    pub(super) fn entry(&mut self, subject: &Subject<'_>) -> Option<FoldReason> {
        let mut entry = None;
        for expect in self.policy.expects.iter().filter(|expect| expect.matches(subject)) {
            audited::count(&mut self.entries, expect.place(), 1);
            entry.get_or_insert_with(|| FoldReason::Entry(expect.reason.clone()));
        }
        entry
    }

    /// Tests that never finished although the process ended well, unless it is known already who ended it.
    pub(super) fn unfinished(&mut self) {
        let known = |finding: &Finding| finding.class == Class::HiddenExit;
        let is_known =
            self.reported.values().any(known) || self.folded.values().any(|folded| known(&folded.finding));
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
        let entry = self.entry(&Subject {
            classes: &[finding.class],
            test: finding.test.as_deref(),
            functions,
            file: place.and_then(|place| place.file.as_deref()),
            message: finding.message.as_deref(),
        });
        let known = BaselineEntry::of(&finding);
        let in_baseline = self.policy.baseline().contains(&known).then_some(FoldReason::Baseline);
        self.seen.insert(known);
        let why = expected
            .map(|reason| FoldReason::ExpectPanic(reason.to_owned()))
            .or(entry)
            .or((finding.level == Level::Allow).then_some(FoldReason::Allowed))
            .or(in_baseline)
            .or(intent);
        // Without a place only the text tells two of the agent's findings apart.
        let text = if place.is_none() { finding.message.clone() } else { None };
        let at = at(place, finding.column);
        let key = (Reverse(finding.level), finding.test.clone(), finding.class, at, why.clone(), text);
        match why {
            None => add_or_count(self.reported.entry(key), finding, |finding| &mut finding.count),
            Some(why) => {
                let folded = Folded { finding, why };
                add_or_count(self.folded.entry(key), folded, |folded| &mut folded.finding.count);
            }
        }
    }
}

pub(super) fn at(place: Option<&Place>, column: Option<u32>) -> At {
    let Place { function, file, line, .. } = place.cloned().unwrap_or_default();
    (file, line, column, function)
}

/// Where the program did what a finding of the agent speaks of.
pub(super) fn place_of_program(note: &FindingLine) -> Option<&Place> {
    note.places.iter().find(|place| !is_of_std(place)).or(note.places.first())
}

pub(super) fn functions(note: &FindingLine) -> Vec<String> {
    note.places.iter().filter_map(|place| place.function.clone()).collect()
}

/// Adds something, or counts one more.
pub(super) fn add_or_count<K: Ord, T>(entry: Entry<'_, K, T>, new: T, times: fn(&mut T) -> &mut u64) {
    match entry {
        Entry::Vacant(place) => _ = place.insert(new),
        Entry::Occupied(mut known) => {
            let times = times(known.get_mut());
            *times = times.saturating_add(1);
        }
    }
}

/// Whether a place lies in std, which is where a call of the program ends.
fn is_of_std(place: &Place) -> bool {
    let paths = ["std::", "core::", "alloc::", "<std::", "<core::", "<alloc::"];
    place.function.as_deref().is_none_or(|function| paths.iter().any(|path| function.starts_with(path)))
}
