//! The writer's loop: drain the inbox, write, flush when there is nothing left, sleep.
//!
//! Runs on: the writer thread. Must not: end before the process does, or wait for anything but work.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::acting::Acting;
use super::caught_reports::Delivery;
use super::emit::LossesSaid;
use super::ending::Ending;
use super::fan_out::{Batch, FanOut};
use super::fold::Fold;
use super::handle::Shared;
use super::names::Names;
use super::naming_budget::Patience;
use super::spool_notes::Spooled;
use super::supervisor::Notices;
use super::termination::LastWords;
use crate::channel::Channel;
use crate::config::Filter;
use crate::config::user_code::guarded;
use crate::platform;
use crate::record::finding::Finding;
use crate::record::{Line, LossReason, RawFlag, RawRecord, SoftError};
use crate::report::build::{Builder, PlaceNamer};
use crate::report::process_lines::{Abilities, process_line};
use crate::report::redact::Redact;
use crate::report::report_json::LineBuffer;
use crate::sink::{StandardSink, pretty};
use crate::verdict::Strategy;
use crate::verdict::follow::Follow;

/// How long a place that has had a report is no new one. A storm takes one slot of the reserve in that time.
const PLACES_FOR: Duration = Duration::from_secs(1);

/// Time between two looks at what holds up the end of the process. Nobody tells when a thread is about to end.
const LINGER_FOR: Duration = Duration::from_millis(2);

/// Everything the writer thread owns.
pub(crate) struct Worker {
    pub(crate) inbox: &'static Channel,
    pub(crate) shared: Arc<Shared>,
    pub(crate) builder: Builder,
    pub(crate) follow: Follow,
    pub(crate) patience: Patience,
    pub(crate) sinks: FanOut,
    /// Where a person reads reports.
    pub(crate) console: Option<StandardSink>,
    pub(crate) before_write: Option<Filter>,
    pub(crate) fold: Fold,
    pub(crate) acting: Acting,
    pub(crate) last_words: LastWords,
    pub(crate) notices: Notices,
    pub(crate) max_report_bytes: usize,
    pub(crate) line: LineBuffer,
    /// Verdicts on their way to the sinks; empty between turns.
    pub(crate) verdicts: Batch,
    pub(crate) losses: LossesSaid,
    /// Newest flush request that is done.
    pub(crate) done: u64,
    /// Whether a report was given to the sinks since the last flush.
    pub(crate) unflushed: bool,
    pub(crate) ending: Ending,
    pub(crate) names: Names,
    /// Since when places that have had a report are known.
    pub(crate) places_since: Option<Instant>,
    pub(crate) spool: Option<Spooled>,
}

/// What the writer does when a round is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pause {
    /// Sleeps until there is something to do; at most this long.
    Park(Option<Duration>),
    /// Leaves the reports that are there alone, because their names are not ready; at most this long.
    Hold(Duration),
}

/// Why a record has no line.
enum NotSaid {
    /// It is worth waiting for its names.
    Yet,
    Lost(LossReason),
}

impl From<LossReason> for NotSaid {
    fn from(reason: LossReason) -> Self {
        Self::Lost(reason)
    }
}

impl Worker {
    /// Writes the `process` line.
    pub(crate) fn start(&mut self, abilities: Abilities, strategy: Strategy) {
        let own_ip = Self::start as fn(&mut Self, Abilities, Strategy) as usize as u64 + 1;
        let own_ip = platform::std().entry().unwrap_or(own_ip);
        let line = process_line(&mut self.builder, abilities, strategy, own_ip);
        if let Some(spool) = &mut self.spool {
            spool.starts(&line, &*self.builder.surroundings);
        }
        self.about(line);
        if let Some(spool) = &self.spool {
            spool.started();
        }
        self.flush();
    }

    /// Works until the process ends.
    pub(crate) fn run(mut self) -> ! {
        loop {
            match self.turn() {
                Some(Pause::Park(sleep)) => self.inbox.park(sleep),
                Some(Pause::Hold(most)) => self.inbox.hold(Some(most)),
                None => {}
            }
        }
    }

    /// One round; `Some` when there was nothing left to do, with what to do instead.
    pub(crate) fn turn(&mut self) -> Option<Pause> {
        if self.ending.finished {
            return self.after_end();
        }
        let requested = self.shared.requested();
        let finish = self.shared.finish_requested();
        let asks = self.asks_for_names();
        let hold = self.patience.hold();
        let pending = self.inbox.pending();
        let awaited = asks
            || pending > 0
            || (hold.is_some() && finish && self.follow.wants_names_at_end(|| self.shared.exit_thread()));
        if let Some(most) = hold.filter(|_| awaited) {
            // Events need no names yet, and their queue is short.
            self.follow.collect();
            if let Some(soon) = platform::std().look_in() {
                // What is being loaded shall be known before it panics.
                self.builder.surroundings.refresh();
                return Some(Pause::Hold(most.min(soon)));
            }
            return Some(Pause::Hold(most));
        }
        // What was published before a request is within this batch, so a storm cannot starve a flush.
        let batch = if hold.is_none() { pending.max(1) } else { 0 };
        if let Some(spool) = &mut self.spool {
            spool.refresh(&*self.builder.surroundings);
            if pending > 0 {
                spool.before_lines();
            }
        }
        let inbox = self.inbox;
        let mut received = 0;
        while received < batch && inbox.receive(&mut |record| self.record(record, true)) {
            received += 1;
        }
        if received > 0 {
            let now = (self.patience.clock)();
            if let Some(used) = &mut self.names.used {
                *used = now;
            }
            if self.places_since.is_none_or(|since| now.saturating_duration_since(since) >= PLACES_FOR) {
                self.places_since = Some(now);
                self.inbox.forget_places();
            }
        }
        if received < batch && hold.is_none() && self.patience.hold().is_some() {
            // The next of them waits for its names from now on, and so does whoever waits for all of them.
            if received > 0 {
                self.flush();
            }
            return None;
        }
        let idle = received < batch || batch == 0;
        // A thread that began meanwhile wants names.
        let lacks_names = finish && hold.is_some() && self.wants_names_at_end();
        let lingers = lacks_names || (finish && self.lingers());
        if finish && !lingers {
            self.end();
        } else {
            self.say_verdicts(false);
            self.say_repeats(false);
            self.say_losses(self.lost(), false);
            if idle || requested != self.done {
                self.flush();
            }
        }
        self.notices.tell(self.acting.counts());
        if self.ending.finished {
            self.notices.finish();
        }
        self.end_by_reaction();
        self.done = requested;
        self.shared.advance(requested, self.ending.finished);
        if idle {
            if hold.is_none() {
                self.inbox.close_room();
            }
            // Images that were loaded meanwhile; nobody waits for this.
            self.builder.surroundings.refresh();
        }
        let now = Instant::now();
        let due = self.losses.due_in(self.lost(), now);
        let look = lingers.then_some(LINGER_FOR);
        let give_back = self.give_names_back();
        let due = [
            due,
            look,
            self.follow.next_due(now),
            self.fold.due_in(now),
            platform::std().look_in(),
            give_back,
        ]
        .into_iter()
        .flatten()
        .min();
        let nothing_new = !self.follow.has_events()
            && self.shared.requested() == requested
            && self.shared.finish_requested() == finish;
        (idle && nothing_new).then_some(Pause::Park(due))
    }

    /// One record, from slot to sinks. A bug of ours costs this report and not the writer. `false` when it `may_wait` and
    /// is worth waiting for its names.
    pub(crate) fn record(&mut self, record: &RawRecord, may_wait: bool) -> bool {
        if record.has_flag(RawFlag::Hop) {
            // Not a panic of its own: it only says where a payload that is thrown again stops.
            let Some((report, prepared)) = self.report(record, None, may_wait) else { return false };
            let patience = &mut self.patience;
            let naming = &mut |effort| patience.naming(effort, None);
            self.follow.rethrown(record, &mut PlaceNamer { builder: &mut self.builder, naming });
            self.follow.hopped(record, prepared.stop(record, report.fate));
            return true;
        }
        let delivered = match guarded(|| self.deliver(record, may_wait)) {
            Some(Err(NotSaid::Yet)) => return false,
            Some(Err(NotSaid::Lost(reason))) => Some(Err(reason)),
            Some(Ok(())) => Some(Ok(())),
            None => None,
        };
        self.ending.received += 1;
        if record.has_flag(RawFlag::Wrapped) && !matches!(delivered, Some(Ok(()))) {
            // Where the report itself could be made it is there already, and this is not looked at.
            self.shared.board.put(record.sequence, Delivery::None);
        }
        match delivered {
            Some(Ok(())) => self.shared.count_written(),
            Some(Err(reason)) => self.inbox.losses.record(reason),
            None => {
                self.follow.unsaid(record.sequence);
                self.inbox.losses.record(LossReason::SinkFailed);
            }
        }
        if record.has_flag(RawFlag::Waiting) {
            // The process is about to die and waits for this slot: what is not said by then never is. A panic that
            // dooms an earlier one changes its verdict.
            self.say_verdicts(false);
            self.flush();
        }
        true
    }

    fn deliver(&mut self, record: &RawRecord, may_wait: bool) -> Result<(), NotSaid> {
        let budget = self.patience.budget_of(record);
        let (mut report, prepared) = self.report(record, budget, may_wait).ok_or(NotSaid::Yet)?;
        let patience = &mut self.patience;
        let naming = &mut |effort| patience.naming(effort, budget);
        let mut namer = PlaceNamer { builder: &mut self.builder, naming };
        let of_stack = prepared.of_stack(record, report.fate);
        self.follow.raised(record, &mut report, of_stack, &mut namer);
        if self.builder.redact.take_failed() {
            report.soft_errors.push(Redact::failure("message"));
        }
        if report.hook == Some(false) && prepared.wants_hook == Some(true) {
            self.unhooked(record.sequence);
        }
        if let Some(filter) = &self.before_write {
            match guarded(|| filter(&report)) {
                Some(true) => {}
                Some(false) => {
                    self.follow.unsaid(record.sequence);
                    return Err(LossReason::Filtered.into());
                }
                None => report.soft_errors.push(SoftError::new(
                    "soft_errors",
                    "filter_failed",
                    "the filter panicked; the report is written as if it had agreed",
                )),
            }
        }
        if !record.has_flag(RawFlag::Waiting) && self.fold.takes(&report, Instant::now()) {
            self.follow.unsaid(record.sequence);
            return Err(LossReason::Folded.into());
        }
        if self.line.write(&mut report, &prepared, self.max_report_bytes).is_err() {
            self.follow.unsaid(record.sequence);
            return Err(LossReason::TooLarge.into());
        }
        let report = Arc::new(report);
        let line = Line::Panic(report.clone());
        self.unflushed = true;
        let result = self.sinks.write(&self.line.encoded(&line));
        self.shared.publish(&line, &self.inbox.losses);
        self.act(&line);
        self.last_words.of_panic(&report);
        if record.has_flag(RawFlag::Wrapped) {
            self.shared.board.put(record.sequence, Delivery::Report(report.clone()));
        }
        if let Some(console) = self.console.as_mut().filter(|_| !record.has_flag(RawFlag::Silent)) {
            // A console that is gone is nobody's loss: the report is in the sinks.
            console.put(pretty(&report).as_bytes()).ok();
        }
        Ok(result?)
    }

    /// Whether reports or verdicts wait for names that somebody has time for.
    fn wants_names_at_end(&mut self) -> bool {
        self.inbox.pending() > 0 || self.follow.wants_names_at_end(|| self.shared.exit_thread())
    }

    /// Whether the end of the process waits yet for threads of tests.
    fn lingers(&mut self) -> bool {
        let patience = &mut self.patience;
        let naming = &mut |effort| patience.naming(effort, None);
        let mut namer = PlaceNamer { builder: &mut self.builder, naming };
        self.follow.lingers(self.shared.exit_ns(), &mut namer)
    }

    /// Reports that a sink took and could not deliver were counted as written; how many is not known, so one
    /// loss stands for them.
    pub(super) fn flush(&mut self) {
        let reports = core::mem::take(&mut self.unflushed);
        if let Err(reason) = self.sinks.flush()
            && reports
        {
            self.inbox.losses.record(reason);
        }
        for trouble in self.sinks.take_troubles() {
            self.find(Finding::sink_trouble(trouble));
        }
    }
}
