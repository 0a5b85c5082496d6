//! Follows panics after their hook: takes what the probes saw, gives it to the lives concerned, and says which
//! verdicts are due.
//!
//! Runs on: the writer thread. Must not: apply an event before the record that it speaks of; wait for one that
//! never comes.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::life::LifeEvent;
use super::lineage;
use super::probe_events::{is_ready, panic_of};
use super::verdict_text::{About, amend};
use crate::harness::Harness;
use crate::platform;
use crate::probe::{Entry, Event, EventQueue};
use crate::record::finding::Finding;
use crate::record::{Ancestor, ExitPlace, RawFlag, RawRecord, Report};
use crate::symbolize::Namer;
use crate::verdict::{Change, Lives, OfStack, Raise, Stop};

/// Events that wait for their record. Beyond that the oldest is applied to what is known.
pub(crate) const WAITING: usize = 8192;
/// Threads whose ancestors are remembered with their names.
const LINEAGES: usize = 512;

/// What is seen of panics besides their records.
#[derive(Clone, Copy, Default)]
pub(crate) struct Sight {
    /// `None` without probes.
    pub(crate) events: Option<&'static EventQueue>,
    /// Whether every raise is seen, so that one that has not come says something.
    pub(crate) watched: bool,
    /// Whether the events come from wrappers alone, because no probe works.
    pub(crate) notes_only: bool,
    /// Whether starts of threads are seen, with their places.
    pub(crate) starts_are_noted: bool,
}

/// The lives of this process's panics, and the events that are on their way to them.
#[derive(Default)]
pub(crate) struct Follow {
    pub(crate) lives: Lives,
    pub(super) sight: Sight,
    /// How long a verdict that may still change waits for the change.
    settle: Duration,
    waiting: VecDeque<Entry>,
    /// Losses of the queue that were taken into account.
    lost: u64,
    /// Highest number of a panic of which something was let go, or may have been lost, before its record came.
    gave_way_up_to: u64,
    /// What a verdict line says of a panic besides the verdict.
    pub(crate) about: HashMap<u64, About>,
    /// Verdicts that differ from what was said and may change again.
    unsettled: HashSet<u64>,
    /// The same with the time when the first difference was seen, oldest first.
    unsettled_since: VecDeque<(Instant, u64)>,
    pub(super) lineages: HashMap<u32, Arc<[Ancestor]>>,
    /// What wrappers had to say and nobody has taken yet.
    pub(crate) findings: Vec<Finding>,
    /// Only in an audited test harness.
    pub(crate) harness: Option<Box<Harness>>,
}

impl Follow {
    /// Follows panics by what is seen of them, or by their records alone.
    pub(crate) fn new(sight: Sight, settle: Duration, harness: Option<Harness>) -> Self {
        Self { sight, settle, harness: harness.map(Box::new), ..Self::default() }
    }

    /// A record arrived and its report was built. Applies what the probes saw meanwhile and completes the
    /// report with the verdict as it stands.
    pub(crate) fn raised(
        &mut self,
        record: &RawRecord,
        report: &mut Report,
        stack: OfStack,
        namer: &mut dyn Namer,
    ) {
        let sequence = record.sequence;
        // What it speaks of was seen before it was raised.
        self.catch_up(namer);
        let nested_in = full_number(record.nested_in, sequence);
        let untold = nested_in == 0 && !record.has_flag(RawFlag::NothingElseUnwinds);
        let by_names = platform::current().prediction == platform::Prediction::Names;
        let forgotten = self.lives.raised(Raise {
            sequence,
            tid: record.tid,
            mono_ns: record.mono_ns,
            nested_in,
            perhaps_nested: by_names && untold && stack.in_destructor != Some(false),
            cannot_unwind: record.has_flag(RawFlag::CannotUnwind),
            in_cleanup: record.has_flag(RawFlag::InCleanup),
            in_once: stack.in_once,
            message: report.message.clone(),
            by_scope: stack.by_scope,
            stop: report.prediction.stop,
            at: stack.stop,
            abort_reason: report.prediction.abort_reason,
            nothing_else_unwinds: record.has_flag(RawFlag::NothingElseUnwinds),
            detached: report.thread_facts.detached,
        });
        if let Some(forgotten) = forgotten {
            self.unsaid(forgotten);
        }
        if sequence <= self.gave_way_up_to {
            self.lives.apply(sequence, LifeEvent::EvidenceLost);
        }
        self.about.insert(sequence, About::of(report));
        self.catch_up(namer);
        report.lineage = self.lineage(record, namer);
        self.attribute(record, report, namer);
        if let Some(change) = self.publish(sequence) {
            report.evidence = self.lives.evidence(&change);
            amend(report, &change);
        }
    }

    /// The panic has no line, so none may speak of it; what it says of others still counts.
    pub(crate) fn unsaid(&mut self, sequence: u64) {
        self.about.remove(&sequence);
        self.unsettled.remove(&sequence);
    }

    /// The stack of a payload that is thrown once more arrived.
    pub(crate) fn hopped(&mut self, record: &RawRecord, stop: Stop) {
        if self.lives.knows(record.sequence) {
            self.lives.hopped(record.sequence, stop);
        }
    }

    /// Takes what the probes saw out of their queue.
    pub(crate) fn collect(&mut self) {
        let Some(events) = self.sight.events else { return };
        while let Some(entry) = events.try_receive() {
            if let Some(harness) = &mut self.harness {
                harness.saw(&entry);
            }
            self.waiting.push_back(*entry);
        }
        if let Some(harness) = &mut self.harness {
            harness.collect();
        }
    }

    /// Applies what the probes saw, as far as the records for it have arrived.
    pub(crate) fn catch_up(&mut self, namer: &mut dyn Namer) {
        self.collect();
        while let Some(entry) = self.waiting.front() {
            if !is_ready(&self.lives, &entry.event) {
                if self.waiting.len() <= WAITING {
                    break;
                }
                // It gives way. Should its record come yet, something of that panic is missing.
                self.gave_way_up_to = self.gave_way_up_to.max(panic_of(&entry.event).hooked);
            }
            if let Some(entry) = self.waiting.pop_front() {
                self.apply(&entry, namer);
            }
        }
        let lost = self.sight.events.map_or(0, EventQueue::lost);
        if lost != self.lost {
            self.lost = lost;
            self.lives.evidence_lost();
            // What was lost may be of panics whose records have not arrived yet.
            self.gave_way_up_to = self.gave_way_up_to.max(namer.newest());
            if let Some(harness) = &mut self.harness {
                harness.events_lost();
            }
        }
    }

    /// Panics whose verdict line is due now, in order: settled, or changed long enough ago; all that changed when
    /// `now` is `None`.
    pub(crate) fn due(&mut self, now: Option<Instant>) -> Vec<u64> {
        let mut due = Vec::new();
        for sequence in self.lives.take_changed() {
            if !self.about.contains_key(&sequence) {
                continue;
            }
            match now {
                Some(now) if !self.lives.is_settled(sequence) => {
                    if self.unsettled.insert(sequence) {
                        self.unsettled_since.push_back((now, sequence));
                    }
                }
                _ => due.push(sequence),
            }
        }
        while let Some(&(since, sequence)) = self.unsettled_since.front() {
            if now.is_some_and(|now| now.saturating_duration_since(since) < self.settle) {
                break;
            }
            self.unsettled_since.pop_front();
            if self.unsettled.remove(&sequence) && self.lives.differs(sequence) {
                due.push(sequence);
            }
        }
        due.sort_unstable();
        due.dedup();
        due
    }

    /// When to look again for verdicts that are due; `None` when none waits.
    pub(crate) fn next_due(&self, now: Instant) -> Option<Duration> {
        let (since, _) = self.unsettled_since.front()?;
        Some(self.settle.saturating_sub(now.saturating_duration_since(*since)))
    }

    /// Where the notices of wrappers come from that wait, one behind the other.
    pub(crate) fn noticed(&self) -> Vec<u64> {
        let noticed = self.waiting.iter().filter(|entry| matches!(entry.event, Event::Noticed { .. }));
        noticed.flat_map(|entry| entry.place.ips().iter().copied()).collect()
    }

    /// Whether there are probes.
    pub(crate) fn has_probes(&self) -> bool {
        self.sight.events.is_some() && !self.sight.notes_only
    }

    /// Whether events wait to be received.
    pub(crate) fn has_events(&self) -> bool {
        self.sight.events.is_some_and(|events| events.pending() > 0)
            || self.harness.as_ref().is_some_and(|harness| harness.notes.is_pending())
    }

    /// The verdict on a panic, which counts as said from now on, and what its line repeats.
    pub(crate) fn verdict(&mut self, sequence: u64) -> Option<(Change, About)> {
        let about = self.about.get(&sequence)?.clone();
        let change = self.publish(sequence)?;
        Some((change, about))
    }

    /// The process ends, by a call of `exit` there: every panic gets its last verdict.
    pub(crate) fn process_ends(&mut self, exit: Option<&ExitPlace>) {
        if let Some((exit, inside)) = exit.and_then(|exit| Some((exit, exit.inside?))) {
            self.lives.exits(exit.tid, inside);
        }
        self.lives.process_ends(self.sight.watched);
    }

    /// Lives that did not add up since the last call: number and word.
    pub(crate) fn take_imbalances(&mut self) -> Vec<(u64, &'static str)> {
        self.lives.take_imbalances().into_iter().map(|(sequence, why)| (sequence, why.word())).collect()
    }

    /// Panics of which a line may still speak, and verdicts that wait to be said.
    #[cfg(test)]
    pub(crate) fn sizes(&self) -> (usize, usize) {
        (self.about.len(), self.unsettled_since.len().max(self.unsettled.len()))
    }

    fn publish(&mut self, sequence: u64) -> Option<Change> {
        let change = self.lives.publish(sequence)?;
        self.unsettled.remove(&sequence);
        Some(change)
    }

    fn lineage(&mut self, record: &RawRecord, namer: &mut dyn Namer) -> Arc<[Ancestor]> {
        let tid = record.tid;
        if let Some(known) = self.lineages.get(&tid) {
            return known.clone();
        }
        let ancestors: Arc<[Ancestor]> =
            self.lives.line_of(tid, record.mono_ns).map(|child| lineage::parent_of(child, namer)).collect();
        let unnamed = |ancestor: &Ancestor| {
            ancestor.spawned_at.as_ref().is_some_and(|place| place.function.is_none() && place.line.is_none())
        };
        // Names may be ready when the thread panics again.
        let whole = !ancestors.is_empty() && !ancestors.iter().any(unnamed);
        if whole && self.lineages.len() < LINEAGES {
            self.lineages.insert(tid, ancestors.clone());
        }
        ancestors
    }
}

/// The full number of the panic that was unwinding; the record has its low 32 bits.
fn full_number(low: u32, later: u64) -> u64 {
    if low == 0 {
        return 0;
    }
    let round = later & !u64::from(u32::MAX);
    let same_round = round | u64::from(low);
    if same_round < later { same_round } else { same_round.saturating_sub(1 << 32) }
}
