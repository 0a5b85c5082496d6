#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::*;
use crate::record::{Basis, Fate, Receipt};
use crate::testing::samples::report;

/// A panic of the process, as it was observed to end.
fn line(sequence: u64, change: impl FnOnce(&mut Report)) -> Line {
    let mut report = report();
    report.head.id = PanicId::new(1, sequence);
    report.basis = Basis::Confirmed;
    report.fate = Fate::Caught;
    report.receipt = Receipt::Read;
    (report.uncaught, report.silent, report.swallowed) = (Some(false), Some(false), Some(false));
    change(&mut report);
    Line::Panic(Arc::new(report))
}

fn dies(report: &mut Report) {
    report.fate = Fate::ThreadDied;
    report.receipt = Receipt::Discarded;
    (report.uncaught, report.silent) = (Some(true), Some(true));
}

fn judge(reactions: impl IntoIterator<Item = Reaction>) -> Judge {
    Judge::new(reactions.into_iter().collect())
}

fn on_all() -> Judge {
    judge(Event::ALL.map(|event| Reaction::new(event, Action::Warn)))
}

impl Judge {
    /// The events that a line calls for at that time.
    fn events(&mut self, line: &Line, now: Instant) -> Vec<Event> {
        self.look(line, || now).iter().map(|called| called.event).collect()
    }
}

#[test]
fn a_caught_and_read_panic_is_only_any_and_an_unseen_death_is_silent_and_uncaught() {
    let mut judge = on_all();
    assert_eq!(judge.events(&line(1, |_| ()), Instant::now()), [Event::Any]);
    assert_eq!(judge.counts, Counts::default());
    let found = judge.events(&line(2, dies), Instant::now());
    assert_eq!(found, [Event::Any, Event::Uncaught, Event::Silent]);
    assert_eq!((judge.counts.silent, judge.counts.uncaught), (1, 1));
}

#[test]
fn a_silent_death_that_a_scope_reports_later_is_counted_as_silent_no_more() {
    let mut judge = on_all();
    let dead = line(1, dies);
    judge.look(&dead, Instant::now);
    let Line::Panic(report) = &dead else { panic!("a report") };
    let verdict = |silent| {
        let mut line = serde_json::to_value(report.as_ref()).expect("JSON");
        (line["kind"], line["silent"]) = ("verdict".into(), silent);
        Line::Verdict(Arc::new(serde_json::from_value(line).expect("a verdict line")))
    };
    assert!(judge.look(&verdict(true.into()), Instant::now).is_empty());
    assert_eq!((judge.counts.silent, judge.counts.uncaught), (1, 1));
    assert!(judge.look(&verdict(false.into()), Instant::now).is_empty());
    assert_eq!((judge.counts.silent, judge.counts.uncaught), (0, 1));
}

#[test]
fn a_prediction_calls_for_nothing_unless_the_reaction_says_so() {
    let predicted = |report: &mut Report| {
        dies(report);
        report.basis = Basis::Predicted;
    };
    let uncaught = || Reaction::new(Event::Uncaught, Action::Warn);
    assert!(judge([uncaught()]).look(&line(1, predicted), Instant::now).is_empty());
    let mut early = judge([uncaught().predicted()]);
    assert_eq!(early.events(&line(1, predicted), Instant::now()), [Event::Uncaught]);
    assert_eq!(early.counts, Counts::default(), "what is predicted is not counted");
}

#[test]
fn each_event_of_a_panic_is_told_once() {
    let mut judge = on_all();
    assert_eq!(judge.look(&line(1, dies), Instant::now).len(), 3);
    assert!(judge.look(&line(1, dies), Instant::now).is_empty());
    assert_eq!((judge.counts.silent, judge.counts.uncaught), (1, 1));
    assert_eq!(judge.look(&line(2, dies), Instant::now).len(), 3, "another panic");
}

#[test]
fn all_conditions_must_hold_and_what_is_not_known_does_not() {
    let labelled = |report: &mut Report| {
        dies(report);
        report.thread = Some("index-3".to_owned());
        report.labels.insert("tenant".to_owned(), "acme".to_owned());
    };
    let on = || Reaction::new(Event::Silent, Action::Warn);
    let looks = |reaction: Reaction| !judge([reaction]).look(&line(1, labelled), Instant::now).is_empty();
    assert!(looks(on().thread("index-*")) && !looks(on().thread("web-*")));
    assert!(looks(on().label("tenant", "ac*")) && !looks(on().label("tenant", "other")));
    assert!(!looks(on().label("region", "*")), "there is no such label");
    assert!(!looks(on().thread("index-*").label("tenant", "other")));
    assert!(looks(on().function("*")) && !looks(on().function("nowhere::*")));
    assert!(!looks(on().handler(crate::record::HandlerKind::Rayon)));
}

#[test]
fn the_third_time_within_a_minute_counts_only_within_a_minute() {
    let mut judge = judge([Reaction::new(Event::Silent, Action::Warn).at(3, Duration::from_secs(60))]);
    let start = Instant::now();
    let mut at = |sequence, seconds| {
        !judge.look(&line(sequence, dies), || start + Duration::from_secs(seconds)).is_empty()
    };
    assert!(!at(1, 0) && !at(2, 59) && !at(3, 61), "the first is a minute old");
    assert!(at(4, 62), "the third within a minute");
    assert!(!at(5, 63) && !at(6, 64), "the count begins anew");
    assert!(at(7, 65));
}

#[test]
fn what_is_remembered_stays_bounded() {
    let mut judge = judge([Reaction::new(Event::Silent, Action::Warn).label("tenant", "*")]);
    for sequence in 0..(REMEMBERED as u64 + 500) {
        judge.look(&line(sequence, |_| ()), Instant::now);
    }
    assert_eq!((judge.told.panics.len(), judge.told.order.len()), (REMEMBERED, REMEMBERED));
}
