//! Folds panics that repeat an earlier one: the first few of a fingerprint are written whole, the rest is counted and
//! said in one line per interval.
//!
//! Runs on: the writer thread. Must not: forget a panic that it counted before its line is written, or remember more
//! than [`MOST`] fingerprints.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use crate::config::Folding;
use crate::record::{Level, PanicId, RepeatsLine, Report, start_of};

/// Fingerprints that are told apart in one interval. Panics of further ones are written whole. An entry takes about
/// 600 bytes, so all of them take about 0.6 MiB.
pub(crate) const MOST: usize = 1024;
/// Bytes of the message that are kept of each.
const MESSAGE_BYTES: usize = 200;

/// What is known of the fingerprints of this interval.
pub(crate) struct Fold {
    folding: Option<Folding>,
    seen: HashMap<String, Seen>,
    /// When the first counts must be said; `None` when there are none.
    next: Option<Instant>,
}

/// Panics that got no line of their own, for one summary.
#[derive(Debug)]
struct Folded {
    /// When the first of them was folded.
    since: Instant,
    /// What is said of them. Its head is that of the first of them, but for the level, until the line is written.
    line: RepeatsLine,
}

/// One fingerprint.
#[derive(Debug)]
struct Seen {
    /// Reports that were left whole.
    whole: u64,
    /// When the last panic came.
    last: Instant,
    /// Folded since the last summary.
    folded: Option<Folded>,
    /// Folded in this series.
    total: u64,
    /// The first report of the series, which has a line.
    first: PanicId,
}

impl Fold {
    pub(crate) fn new(folding: Option<Folding>) -> Self {
        Self { folding, seen: HashMap::new(), next: None }
    }

    /// Whether the report is counted here instead of being written. One that ends the process never is.
    pub(crate) fn takes(&mut self, report: &Report, now: Instant) -> bool {
        let Some(folding) = self.folding else { return false };
        if report.head.level == Level::Fatal {
            return false;
        }
        let Some(seen) = self.seen.get_mut(&report.fingerprint) else {
            if self.seen.len() < MOST || self.forget_quiet(now, folding.every) {
                let seen = Seen { whole: 1, last: now, folded: None, total: 0, first: report.head.id };
                self.seen.insert(report.fingerprint.clone(), seen);
            }
            return false;
        };
        let quiet = now.saturating_duration_since(seen.last) >= folding.every;
        if quiet && seen.folded.is_none() {
            *seen = Seen { whole: 0, last: now, folded: None, total: 0, first: report.head.id };
        }
        seen.last = now;
        if seen.whole < folding.whole {
            seen.whole += 1;
            return false;
        }
        seen.count(report, now);
        let due = now + folding.every;
        self.next = Some(self.next.map_or(due, |next| next.min(due)));
        true
    }

    /// How long until a summary is due; `None` when none is.
    pub(crate) fn due_in(&self, now: Instant) -> Option<Duration> {
        Some(self.next?.saturating_duration_since(now))
    }

    /// The summaries that are due, oldest first; all of them when `now` is `None`. They count as said.
    pub(crate) fn take_due(&mut self, now: Option<Instant>) -> Vec<RepeatsLine> {
        let Some(every) = self.folding.map(|folding| folding.every) else { return Vec::new() };
        if self.next.is_none_or(|next| now.is_some_and(|now| now < next)) {
            return Vec::new();
        }
        let is_due =
            |folded: &mut Folded| now.is_none_or(|now| now.saturating_duration_since(folded.since) >= every);
        let due = self.seen.values_mut().filter_map(|seen| seen.folded.take_if(is_due));
        let mut due: Vec<RepeatsLine> = due.map(|folded| folded.line).collect();
        due.sort_by_key(|line| line.last);
        self.next = self
            .seen
            .values()
            .filter_map(|seen| seen.folded.as_ref())
            .map(|folded| folded.since + every)
            .min();
        due
    }

    /// Makes room by forgetting fingerprints that were quiet for an interval and have nothing to say.
    fn forget_quiet(&mut self, now: Instant, every: Duration) -> bool {
        self.seen.retain(|_, seen| seen.folded.is_some() || now.saturating_duration_since(seen.last) < every);
        self.seen.len() < MOST
    }
}

impl Seen {
    fn count(&mut self, report: &Report, now: Instant) {
        self.total += 1;
        let new = || RepeatsLine {
            head: report.head.to_text(),
            message: None,
            fingerprint: report.fingerprint.clone(),
            count: 0,
            total: 0,
            first: self.first,
            last: report.head.id,
            last_ts: String::new(),
            last_ts_ms: 0,
            thread: None,
            location: None,
            fates: BTreeMap::new(),
        };
        let line = &mut self.folded.get_or_insert_with(|| Folded { since: now, line: new() }).line;
        line.count += 1;
        line.total = self.total;
        line.head.level = line.head.level.max(report.head.level);
        // Records of different threads may come out of order by a little.
        if report.head.ts >= line.last_ts {
            line.last = report.head.id;
            line.last_ts.clone_from(&report.head.ts);
            line.last_ts_ms = report.head.ts_ms;
            line.message =
                report.message.as_ref().map(|_| start_of(report.summary(), MESSAGE_BYTES).to_owned());
            line.thread.clone_from(&report.thread);
            line.location.clone_from(&report.location);
        }
        let word = report.fate.word();
        match line.fates.get_mut(word) {
            Some(count) => *count += 1,
            None => drop(line.fates.insert(word.to_owned(), 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Fate;
    use crate::testing::samples;

    const EVERY: Duration = Duration::from_secs(10);

    fn fold(whole: u64) -> Fold {
        Fold::new(Some(Folding::after(whole).every(EVERY)))
    }

    fn numbered(number: u64) -> Report {
        let mut report = samples::report();
        report.head.id = PanicId::new(1, number);
        report.head.ts_ms += number as i64;
        report.head.ts = format!("2026-01-01T00:00:00.{number:09}Z");
        report
    }

    #[test]
    fn the_first_ones_are_whole_and_the_others_are_summed_up_once_an_interval() {
        let (mut fold, start) = (fold(2), Instant::now());
        let taken: Vec<bool> = (1..=5).map(|number| fold.takes(&numbered(number), start)).collect();
        assert_eq!(taken, [false, false, true, true, true]);
        assert_eq!(fold.due_in(start), Some(EVERY));
        assert!(fold.take_due(Some(start + EVERY / 2)).is_empty());
        let due = fold.take_due(Some(start + EVERY));
        let [folded] = &due[..] else { panic!("{due:?}") };
        assert_eq!((folded.count, folded.total), (3, 3));
        assert_eq!((folded.first.sequence(), folded.last.sequence()), (1, 5));
        assert_eq!(folded.fates, BTreeMap::from([("caught".to_owned(), 3)]));
        assert_eq!(fold.due_in(start + EVERY), None);
        // The series goes on.
        assert!(fold.takes(&numbered(6), start + EVERY / 10 * 9));
        let line = &fold.take_due(None)[0];
        assert_eq!((line.count, line.total, line.last.sequence()), (1, 4, 6));
    }

    #[test]
    fn a_fingerprint_that_was_quiet_for_an_interval_starts_anew() {
        let (mut fold, start) = (fold(1), Instant::now());
        assert!(!fold.takes(&numbered(1), start) && fold.takes(&numbered(2), start));
        fold.take_due(Some(start + EVERY));
        assert!(!fold.takes(&numbered(3), start + EVERY));
        assert!(fold.takes(&numbered(4), start + EVERY));
        assert_eq!(fold.take_due(None)[0].first.sequence(), 3);
    }

    #[test]
    fn a_panic_that_ends_the_process_and_every_panic_without_the_option_is_whole() {
        let (mut fold, start) = (fold(1), Instant::now());
        let mut fatal = numbered(1);
        fatal.head.level = Level::Fatal;
        assert!((0..9).all(|_| !fold.takes(&fatal, start)));
        let mut off = Fold::new(None);
        assert!((0..9).all(|_| !off.takes(&numbered(1), start)));
    }

    #[test]
    fn more_fingerprints_than_there_is_room_for_are_whole_and_the_room_comes_back() {
        let (mut fold, start) = (fold(1), Instant::now());
        let other = |number: usize| {
            let mut report = numbered(number as u64);
            report.fingerprint = format!("{number:016x}");
            report.fate = Fate::ThreadDied;
            report
        };
        for number in 0..MOST + 10 {
            assert!(!fold.takes(&other(number), start));
        }
        assert_eq!(fold.seen.len(), MOST);
        assert!(fold.takes(&other(0), start), "known");
        assert!(!fold.takes(&other(MOST + 5), start), "no room");
        let later = start + EVERY;
        assert!(!fold.takes(&other(MOST + 5), later));
        assert!(fold.takes(&other(MOST + 5), later), "room again");
        assert_eq!(fold.take_due(None).len(), 2, "what was counted was not forgotten");
    }
}
