//! Findings that are one mistake in many tests: one class at one place. People read them once, with the tests named.
//!
//! Runs on: threads that audit. Must not: put together what differs in class, level, place or what became of it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::audit::{Class, Finding, Level};
use crate::record::Place;

/// Tests of a block that are named.
const MAX_TESTS: usize = 3;

/// Findings with one key, each of another test; at least one.
pub(super) struct Block<'a> {
    first: &'a Finding,
    others: Vec<&'a Finding>,
}

/// What findings of one block have in common: what happened, where, on a thread from where, and what became of it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a> {
    level: Level,
    class: Class,
    at: At<'a>,
    column: Option<u32>,
    spawned_at: Option<At<'a>>,
    stop: Option<&'a str>,
    receipt: Option<&'a str>,
    /// Only where there is no place.
    text: Option<Cow<'a, str>>,
    /// Only where the test is not known: then there is no name that would tell one from the other.
    number: Option<usize>,
}

type At<'a> = (Option<&'a str>, Option<u32>, Option<&'a str>);

/// The findings as blocks, in the order of their first ones.
pub(super) fn blocks<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Vec<Block<'a>> {
    let mut numbers: BTreeMap<Key<'a>, usize> = BTreeMap::new();
    let mut blocks: Vec<Block<'a>> = Vec::new();
    for (number, finding) in findings.into_iter().enumerate() {
        let known = *numbers.entry(key(finding, number)).or_insert(blocks.len());
        match blocks.get_mut(known) {
            Some(block) => block.others.push(finding),
            None => blocks.push(Block { first: finding, others: Vec::new() }),
        }
    }
    blocks
}

fn key(finding: &Finding, number: usize) -> Key<'_> {
    let spawned_at = finding.ancestry.first().and_then(|origin| origin.spawned_at.as_ref());
    Key {
        level: finding.level,
        class: finding.class,
        at: finding.place.as_ref().map_or((None, None, None), at),
        column: finding.column,
        spawned_at: spawned_at.map(at),
        stop: finding.stop.as_deref(),
        receipt: finding.receipt.as_deref(),
        text: finding.place.is_none().then(|| without_test(finding)).flatten(),
        number: finding.test.is_none().then_some(number),
    }
}

fn at(place: &Place) -> At<'_> {
    (place.file.as_deref(), place.line, place.function.as_deref())
}

/// What is said, without the name of its test.
fn without_test(finding: &Finding) -> Option<Cow<'_, str>> {
    let text = finding.message.as_deref()?;
    Some(match finding.test.as_deref().filter(|test| !test.is_empty()) {
        Some(test) => Cow::Owned(text.replace(test, "…")),
        None => Cow::Borrowed(text),
    })
}

impl<'a> Block<'a> {
    /// The one whose facts are shown.
    pub(super) fn first(&self) -> &'a Finding {
        self.first
    }

    /// Number of its findings.
    pub(super) fn len(&self) -> usize {
        self.others.len().saturating_add(1)
    }

    /// How often all of them happened.
    pub(super) fn times(&self) -> u64 {
        self.all().fold(0, |sum, finding| sum.saturating_add(finding.count))
    }

    /// `tests::a`, or `tests::a, tests::b, tests::c and 51 more`; `None` when the test is not known.
    pub(super) fn tests(&self) -> Option<String> {
        let mut names: Vec<&str> = self.all().filter_map(|finding| finding.test.as_deref()).collect();
        // Processes end in any order.
        names.sort_unstable();
        names.dedup();
        let named = names.iter().take(MAX_TESTS).map(|name| super::one_line(name));
        let mut text = named.collect::<Vec<_>>().join(", ");
        if let Some(more @ 1..) = names.len().checked_sub(MAX_TESTS) {
            text.push_str(&format!(" and {more} more"));
        }
        (!names.is_empty()).then_some(text)
    }

    /// The message, and how many of the others say something else.
    pub(super) fn message(&self) -> Option<Cow<'a, str>> {
        let message = self.first.message.as_deref()?;
        if self.others.iter().all(|finding| finding.message.as_deref() == Some(message)) {
            return Some(Cow::Borrowed(message));
        }
        let bare = without_test(self.first)?;
        let differ =
            self.others.iter().filter(|finding| without_test(finding).as_ref() != Some(&bare)).count();
        Some(match differ {
            0 => bare,
            _ => Cow::Owned(format!("{} ({differ} with another message)", super::one_line(&bare))),
        })
    }

    /// Its findings, the first one first.
    pub(super) fn all(&self) -> impl Iterator<Item = &'a Finding> {
        std::iter::once(self.first).chain(self.others.iter().copied())
    }
}
