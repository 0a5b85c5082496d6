//! What cannot be judged, sorted like findings: what is meant or known is only counted.
//!
//! Runs on: threads that audit. Must not: make a finding of it.

use super::super::finding::{FoldReason, Unjudged};
use super::super::policy::Subject;
use super::super::{Class, Level};
use super::case::Case;
use super::sorting::{At, Sorting, add_or_count, at, functions, place_of_program};
use super::words;
use crate::record::{Fate, FindingLine, TestEvidence, TestRef};

/// What is one event that cannot be judged, however often it happens; in the order of the report.
pub(super) type OpenKey = (Option<String>, At, String, String, Option<FoldReason>, Option<String>);

impl Sorting<'_> {
    /// A panic that cannot be judged, for this reason.
    pub(super) fn unjudged(&mut self, case: &Case, reason: &str) {
        let site = &case.site;
        let unjudged = Unjudged {
            id: Some(case.id),
            what: words::what(&self.short_word(&case.word)),
            message: site.message.clone(),
            thread: case.thread.clone(),
            place: site.place.as_ref().map(|place| self.short(place)),
            column: site.column,
            ..self.open(case.test.as_ref(), reason)
        };
        let why = [case.expected.clone().map(FoldReason::ExpectPanic), self.intent(case)];
        self.add_open(unjudged, &classes(case), &site.functions, why);
    }

    /// Something else that cannot be judged; it may be of this class.
    pub(super) fn unjudged_note(&mut self, class: Class, note: &FindingLine, reason: &str) {
        let unjudged = Unjudged {
            id: note.panic,
            message: Some(note.message.clone()),
            place: place_of_program(note).map(|place| self.short(place)),
            ..self.open(note.test.as_ref(), reason)
        };
        self.add_open(unjudged, &[class], &functions(note), [None, None]);
    }

    fn open(&self, test: Option<&TestRef>, reason: &str) -> Unjudged {
        Unjudged {
            binary: self.binary.to_owned(),
            reason: reason.to_owned(),
            test: test.and_then(|test| test.name.clone()),
            via: test.map_or(TestEvidence::Unknown, |test| test.via),
            no_test: test.and_then(|test| test.reason.clone()),
            count: 1,
            id: None,
            what: String::new(),
            message: None,
            thread: None,
            place: None,
            column: None,
            folded: None,
        }
    }

    /// `classes`: those that it may have. `expected`, `meant`: by whom, and by what its test and its message say.
    fn add_open(
        &mut self,
        mut new: Unjudged,
        classes: &[Class],
        functions: &[String],
        [expected, meant]: [Option<FoldReason>; 2],
    ) {
        let place = new.place.as_ref();
        let entry = self.entry(&Subject {
            classes,
            test: new.test.as_deref(),
            functions,
            file: place.and_then(|place| place.file.as_deref()),
            message: new.message.as_deref(),
        });
        let is_allowed = classes.iter().all(|class| self.policy.level(*class) == Level::Allow);
        new.folded = expected.or(entry).or(is_allowed.then_some(FoldReason::Allowed)).or(meant);
        let text = if place.is_none() { new.message.clone() } else { None };
        let (at, what) = (at(place, new.column), new.what.clone());
        let key = (new.test.clone(), at, what, new.reason.clone(), new.folded.clone(), text);
        add_or_count(self.open.entry(key), new, |open| &mut open.count);
    }
}

/// What a panic would be of which nobody saw the error.
fn classes(case: &Case) -> Vec<Class> {
    let mut classes = match case.word.fate {
        Fate::Caught => vec![Class::Swallowed],
        Fate::RuntimeCaught | Fate::ThreadDied => vec![Class::SilentDeath, Class::Received],
        _ => vec![Class::SilentDeath, Class::Received, Class::Swallowed],
    };
    if case.test.as_ref().is_none_or(|test| test.ended != Some(false)) {
        classes.push(Class::Late);
    }
    classes
}
