//! The writer's loop: drain the inbox, write, flush when there is nothing left, sleep.
//!
//! Runs on: the writer thread. Must not: end before the process does, or wait for anything but work.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::batch::Batch;
use super::caught_reports::Delivery;
use super::ending::Ending;
use super::fan_out::FanOut;
use super::fold::Fold;
use super::handle::Shared;
use super::naming_budget::Patience;
use super::source::Inbox;
#[cfg(panic_agent_spool)]
use super::spool_notes::Spooled;
use crate::config::Filter;
use crate::config::user_code::guarded;
use crate::hook;
use crate::probe::foreign;
use crate::record::finding::Finding;
use crate::record::{EncodedLine, Line, LossReason, RawFlag, RawRecord, SoftError};
use crate::report::build::{Builder, PlaceNamer};
use crate::report::process_lines::{
    Abilities, Lost, finding_line, losses_line, process_line, repeats_line, test_line, verdict_line,
};
use crate::report::redact::Redact;
use crate::report::report_json::LineBuffer;
use crate::sink::Pretty;
use crate::symbolize::Namer as _;
use crate::verdict::Strategy;
use crate::verdict::follow::Follow;

/// Least time between two `losses` lines.
const LOSSES_EVERY: Duration = Duration::from_secs(1);

/// Time between two looks at what holds up the end of the process. Nobody tells when a thread is about to end.
const LINGER_FOR: Duration = Duration::from_millis(2);

/// Everything the writer thread owns.
pub(crate) struct Worker {
    pub(crate) inbox: &'static dyn Inbox,
    pub(crate) shared: Arc<Shared>,
    pub(crate) builder: Builder,
    pub(crate) follow: Follow,
    pub(crate) patience: Patience,
    pub(crate) sinks: FanOut,
    pub(crate) console: Option<Pretty>,
    pub(crate) before_write: Option<Filter>,
    pub(crate) fold: Fold,
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
    #[cfg(panic_agent_spool)]
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

/// The totals that the last `losses` line carried, and when that was.
#[derive(Debug, Default)]
pub(crate) struct LossesSaid {
    totals: Lost,
    at: Option<Instant>,
}

impl LossesSaid {
    /// How long to wait until totals that grew may be said; `None` when they did not grow.
    fn due_in(&self, totals: Lost, now: Instant) -> Option<Duration> {
        if !totals.grew_since(self.totals) {
            return None;
        }
        let since = self.at.map_or(LOSSES_EVERY, |at| now.saturating_duration_since(at));
        Some(LOSSES_EVERY.saturating_sub(since))
    }
}

impl Worker {
    /// Writes the `process` line.
    pub(crate) fn start(&mut self, abilities: Abilities, strategy: Strategy) {
        let own_ip = Self::start as fn(&mut Self, Abilities, Strategy) as usize as u64 + 1;
        let own_ip = foreign::entry().unwrap_or(own_ip);
        let line = process_line(&mut self.builder, abilities, strategy, own_ip);
        #[cfg(panic_agent_spool)]
        if let Some(spool) = &mut self.spool {
            spool.starts(&line, &*self.builder.surroundings);
        }
        self.about(line);
        #[cfg(panic_agent_spool)]
        if let Some(spool) = &self.spool {
            spool.started();
        }
        self.flush();
        // The warm-up looks up an address of this crate.
        if let Some(at) = self.builder.surroundings.image_of(own_ip, None) {
            self.builder.stacks.was_opened(at.image);
        }
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
        let hold = self.patience.hold();
        let pending = self.inbox.pending();
        let awaited = pending > 0
            || (hold.is_some() && finish && self.follow.wants_names_at_end(|| self.shared.exit_thread()));
        if let Some(most) = hold.filter(|_| awaited) {
            // Events need no names yet, and their queue is short.
            self.follow.collect();
            if let Some(soon) = foreign::look_in() {
                // What is being loaded shall be known before it panics.
                self.builder.surroundings.refresh();
                return Some(Pause::Hold(most.min(soon)));
            }
            return Some(Pause::Hold(most));
        }
        // What was published before a request is within this batch, so a storm cannot starve a flush.
        let batch = if hold.is_none() { pending.max(1) } else { 0 };
        #[cfg(panic_agent_spool)]
        if let Some(spool) = &mut self.spool {
            spool.refresh(&*self.builder.surroundings);
            if pending > 0 {
                spool.before_lines();
            }
        }
        let inbox = self.inbox;
        let mut received = 0;
        while received < batch && inbox.receive(&mut |record| self.record(record)) {
            received += 1;
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
        self.done = requested;
        self.shared.advance(requested, self.ending.finished);
        if idle {
            // Images that were loaded meanwhile; nobody waits for this.
            self.builder.surroundings.refresh();
        }
        let now = Instant::now();
        let due = self.losses.due_in(self.lost(), now);
        let look = lingers.then_some(LINGER_FOR);
        let due = [due, look, self.follow.next_due(now), self.fold.due_in(now), foreign::look_in()]
            .into_iter()
            .flatten()
            .min();
        let nothing_new = !self.follow.has_events()
            && self.shared.requested() == requested
            && self.shared.finish_requested() == finish;
        (idle && nothing_new).then_some(Pause::Park(due))
    }

    /// One record, from slot to sinks. A bug of ours costs this report and not the writer.
    pub(crate) fn record(&mut self, record: &RawRecord) {
        if record.has_flag(RawFlag::Hop) {
            // Not a panic of its own: it only says where a payload that is thrown again stops.
            let patience = &mut self.patience;
            let (report, prepared) = self.builder.report(record, &mut |effort| patience.naming(effort, None));
            let naming = &mut |effort| patience.naming(effort, None);
            self.follow.rethrown(record, &mut PlaceNamer { builder: &mut self.builder, naming });
            return self.follow.hopped(record, prepared.stop(record, report.fate));
        }
        self.ending.received += 1;
        let delivered = guarded(|| self.deliver(record));
        if record.has_flag(RawFlag::Wrapped) && !matches!(delivered, Some(Ok(()))) {
            // Where the report itself could be made it is there already, and this is not looked at.
            self.shared.board.put(record.sequence, Delivery::None);
        }
        match delivered {
            Some(Ok(())) => self.shared.count_written(),
            Some(Err(reason)) => self.inbox.losses().record(reason),
            None => {
                self.follow.unsaid(record.sequence);
                self.inbox.losses().record(LossReason::SinkFailed);
            }
        }
        if record.has_flag(RawFlag::Waiting) {
            // The process is about to die and waits for this slot: what is not said by then never is. A panic that
            // dooms an earlier one changes its verdict.
            self.say_verdicts(false);
            self.flush();
        }
    }

    fn deliver(&mut self, record: &RawRecord) -> Result<(), LossReason> {
        let budget = self.patience.budget_of(record);
        let patience = &mut self.patience;
        let naming = &mut |effort| patience.naming(effort, budget);
        let (mut report, prepared) = self.builder.report(record, naming);
        let mut namer = PlaceNamer { builder: &mut self.builder, naming };
        let of_stack = prepared.of_stack(record, report.fate);
        self.follow.raised(record, &mut report, of_stack, &mut namer);
        if self.builder.redact.take_failed() {
            report.soft_errors.push(Redact::failure());
        }
        if report.hook == Some(false) && prepared.wants_hook == Some(true) {
            self.unhooked(record.sequence);
        }
        if let Some(filter) = &self.before_write {
            match guarded(|| filter(&report)) {
                Some(true) => {}
                Some(false) => {
                    self.follow.unsaid(record.sequence);
                    return Err(LossReason::Filtered);
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
            return Err(LossReason::Folded);
        }
        if self.line.write(&mut report, &prepared, self.max_report_bytes).is_err() {
            self.follow.unsaid(record.sequence);
            return Err(LossReason::TooLarge);
        }
        let report = Arc::new(report);
        let line = Line::Panic(report.clone());
        self.unflushed = true;
        let result = self.sinks.write(&EncodedLine::new(&line, self.line.bytes()));
        self.shared.publish(&line, self.inbox.losses());
        if record.has_flag(RawFlag::Wrapped) {
            self.shared.board.put(record.sequence, Delivery::Report(report.clone()));
        }
        if let Some(console) = self.console.as_mut().filter(|_| !record.has_flag(RawFlag::Silent)) {
            console.print(&report);
        }
        result
    }

    /// Writes the verdicts that are due; when the process ends, the last one of every panic.
    pub(super) fn say_verdicts(&mut self, ending: bool) {
        let named = self.patience.symbols.is_ready();
        let patience = &mut self.patience;
        let naming = &mut |effort| patience.naming(effort, None);
        let mut namer = PlaceNamer { builder: &mut self.builder, naming };
        self.follow.catch_up(&mut namer);
        let (mut findings, mut late) = (Vec::new(), Vec::new());
        // Without names the finding would say little; the writer is woken when they are ready.
        let nameable = ending || named;
        if let Some(ips) = nameable.then(hook::take_replacement).flatten() {
            let ips = namer.outside_of_c(&ips);
            findings.extend(self.follow.hook_replaced(&namer.name(&ips)));
        }
        findings.extend(self.follow.take_unhooked(ending || named));
        if ending {
            let exit = self.shared.take_exit();
            self.follow.process_ends(exit.as_ref());
            let interrupted = self.follow.interrupted();
            findings.extend(self.follow.harness_ends(exit.as_ref(), &mut namer));
            late = self.follow.tests_known_late(&mut namer);
            let exit = exit.filter(|_| !interrupted.is_empty());
            let (tid, frames) = exit.map_or((0, Arc::default()), |exit| (exit.tid, namer.name(&exit.ips)));
            let found = |sequence| Finding::exit_while_unwinding(sequence, tid, &frames);
            findings.extend(interrupted.into_iter().map(found));
        }
        for said in self.follow.take_said() {
            let line = test_line(&mut self.builder, said);
            self.about(line);
        }
        for finding in findings {
            self.find(finding);
        }
        let mut due = self.follow.due((!ending).then(Instant::now));
        if !late.is_empty() {
            due.extend(late);
            due.sort_unstable();
            due.dedup();
        }
        for sequence in due {
            if let Some((change, about)) = self.follow.verdict(sequence) {
                let line = verdict_line(&mut self.builder, &change, about);
                self.verdicts.push(line.into());
                if self.verdicts.is_full() {
                    self.give_verdicts();
                }
            }
        }
        self.give_verdicts();
        for finding in self.follow.take_findings() {
            self.find(finding);
        }
        for (sequence, why) in self.follow.take_imbalances() {
            self.find(Finding::unbalanced(sequence, why));
        }
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

    /// A panic that should have called the agent's hook and did not.
    fn unhooked(&mut self, sequence: u64) {
        let finding = Finding::raise_without_hook(sequence, hook::is_replaced());
        if let Some(finding) = self.follow.unhooked(finding) {
            self.find(finding);
        }
    }

    pub(super) fn find(&mut self, finding: Finding) {
        let line = finding_line(&mut self.builder, finding);
        self.about(line);
    }

    /// Writes a line for each fingerprint whose folded panics have waited long enough; at the end, for all.
    pub(super) fn say_repeats(&mut self, ending: bool) {
        for folded in self.fold.take_due((!ending).then(Instant::now)) {
            let line = repeats_line(&mut self.builder, folded);
            self.about(line);
        }
    }

    /// Writes a `losses` line when the totals grew and either the last one is old enough or the end has come.
    pub(super) fn say_losses(&mut self, totals: Lost, ending: bool) {
        let now = Instant::now();
        if self.losses.due_in(totals, now).is_none_or(|due| !due.is_zero() && !ending) {
            return;
        }
        self.losses = LossesSaid { totals, at: Some(now) };
        let line = losses_line(&mut self.builder, totals, self.inbox.loss_sites());
        self.about(line);
    }

    pub(super) fn lost(&self) -> Lost {
        Lost {
            reports: self.inbox.losses().totals(),
            probes: self.follow.has_probes().then(|| self.builder.surroundings.probe_losses()),
        }
    }

    /// A line about the process. When a sink refuses it no report is lost, so nothing is counted: the
    /// totals stand in the next such line.
    pub(super) fn about(&mut self, line: impl Into<Line>) {
        let line = line.into();
        let Some(json) = line.encode() else { return };
        self.sinks.write(&EncodedLine::new(&line, &json)).ok();
        self.shared.publish(&line, self.inbox.losses());
    }

    fn give_verdicts(&mut self) {
        for line in self.verdicts.give(&mut self.sinks) {
            self.shared.publish(&line, self.inbox.losses());
        }
    }

    /// Reports that a sink took and could not deliver were counted as written; how many is not known, so one
    /// loss stands for them.
    pub(super) fn flush(&mut self) {
        let reports = core::mem::take(&mut self.unflushed);
        if let Err(reason) = self.sinks.flush()
            && reports
        {
            self.inbox.losses().record(reason);
        }
        for trouble in self.sinks.take_troubles() {
            self.find(Finding::sink_trouble(trouble));
        }
    }
}
