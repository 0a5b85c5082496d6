//! Which reactions a line calls for, each event of a panic once.
//!
//! Runs on: the writer thread. Must not: do I/O; look at lines of other processes.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use super::{Action, Event, Reaction};
use crate::record::{Line, PanicId, Report, Verdict};

/// Panics whose told events, and whose reports where a reaction asks for them, are remembered. Of one that is older nothing
/// is told that asks for its report.
const REMEMBERED: usize = 4096;

/// What is to be done.
#[derive(Debug)]
pub(crate) struct Called {
    pub(crate) event: Event,
    pub(crate) action: Action,
    pub(crate) panic: PanicId,
}

/// Panics for which each event was confirmed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) silent: u64,
    pub(crate) uncaught: u64,
    pub(crate) tasks_died: u64,
    pub(crate) swallowed: u64,
}

/// What was told of a panic.
#[derive(Debug, Default)]
struct Told {
    /// Events that were counted, as bits.
    counted: u8,
    /// Reactions that were called for, as bits.
    reacted: u64,
    report: Option<Arc<Report>>,
}

/// Decides, line by line.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    reactions: Vec<(Reaction, VecDeque<Instant>)>,
    wants_reports: bool,
    reacts_to_any: bool,
    told: Memory,
    pub(crate) counts: Counts,
}

impl Judge {
    /// Reactions of one event are called for in this order. Of more than 64 the rest is ignored.
    pub(crate) fn new(reactions: Vec<Reaction>) -> Self {
        let reactions: Vec<_> = reactions.into_iter().map(|one| (one, VecDeque::new())).take(64).collect();
        Self {
            wants_reports: reactions.iter().any(|(reaction, _)| reaction.wants_report()),
            reacts_to_any: reactions.iter().any(|(reaction, _)| reaction.event == Event::Any),
            reactions,
            ..Self::default()
        }
    }

    /// A later panic speaks of one that was silent: it is so no more.
    fn take_back(&mut self, verdict: &Verdict<'_>) {
        let silent = Event::Silent.bit();
        if let Some(told) = self.told.panics.get_mut(&verdict.head.id)
            && told.counted & silent != 0
            && verdict.silent != Some(true)
        {
            told.counted &= !silent;
            self.counts.silent = self.counts.silent.saturating_sub(1);
        }
    }

    /// Looks at a line that has reached the sinks.
    pub(crate) fn look(&mut self, line: &Line, now: impl Fn() -> Instant) -> Vec<Called> {
        let Some(verdict) = line.verdict() else { return Vec::new() };
        let (told, mut confirmed) = (Event::told(&verdict), Event::confirmed(&verdict));
        let report = if let Line::Panic(report) = line { Some(report) } else { None };
        match report {
            Some(_) if self.reacts_to_any => confirmed |= Event::Any.bit(),
            Some(_) => {}
            None => self.take_back(&verdict),
        }
        // Most panics are caught and read. They cost this comparison, and nothing of them is kept.
        if told | confirmed == 0 && (report.is_none() || !self.wants_reports) {
            return Vec::new();
        }
        let Self { reactions, counts, told: memory, wants_reports, .. } = self;
        let known = memory.entry(verdict.head.id, report.filter(|_| *wants_reports));
        let predicted = report.and_then(|report| report.prediction.handler.as_ref());
        let handler = verdict.landing.or(predicted).map(|handler| handler.kind);
        counts.add(confirmed & !known.counted);
        known.counted |= confirmed;
        let mut called = Vec::new();
        for event in Event::ALL {
            for (index, (reaction, times)) in (0_u32..).zip(reactions.iter_mut()) {
                let events = if reaction.predicted { told | confirmed } else { confirmed };
                let bit = 1_u64.checked_shl(index).unwrap_or(0);
                let is_new = reaction.event == event && events & event.bit() != 0 && known.reacted & bit == 0;
                if !is_new || !reaction.applies(&verdict, handler, known.report.as_deref()) {
                    continue;
                }
                known.reacted |= bit;
                if is_due(reaction, times, &now) {
                    let action = reaction.action.clone();
                    called.push(Called { event, action, panic: verdict.head.id });
                }
            }
        }
        called
    }
}

/// What was told of panics, the newest [`REMEMBERED`] of them.
#[derive(Debug, Default)]
struct Memory {
    panics: HashMap<PanicId, Told>,
    /// Keys of `panics`, oldest first.
    order: VecDeque<PanicId>,
}

impl Memory {
    /// What was told of this panic; makes room for it when nothing was.
    fn entry(&mut self, id: PanicId, report: Option<&Arc<Report>>) -> &mut Told {
        if !self.panics.contains_key(&id) {
            if self.order.len() >= REMEMBERED
                && let Some(oldest) = self.order.pop_front()
            {
                self.panics.remove(&oldest);
            }
            self.order.push_back(id);
        }
        let told = self.panics.entry(id).or_default();
        if let Some(report) = report {
            told.report = Some(report.clone());
        }
        told
    }
}

impl Counts {
    fn add(&mut self, events: u8) {
        for (event, count) in [
            (Event::Silent, &mut self.silent),
            (Event::Uncaught, &mut self.uncaught),
            (Event::TaskDied, &mut self.tasks_died),
            (Event::Swallowed, &mut self.swallowed),
        ] {
            *count += u64::from(events & event.bit() != 0);
        }
    }
}

/// Whether this is the time that the reaction waits for.
fn is_due(reaction: &Reaction, times: &mut VecDeque<Instant>, now: impl Fn() -> Instant) -> bool {
    let Some((count, within)) = reaction.budget else { return true };
    let now = now();
    times.push_back(now);
    times.retain(|then| now.saturating_duration_since(*then) <= within);
    if times.len() < count as usize {
        return false;
    }
    times.clear();
    true
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
