//! Emits the lines that are due besides reports: verdicts, findings, what a harness said, repeats, losses.
//!
//! Runs on: the writer thread. Must not: wait.

use std::time::{Duration, Instant};

use super::worker::Worker;
use crate::hook;
use crate::record::finding::Finding;
use crate::record::{EncodedLine, Line};
use crate::report::build::PlaceNamer;
use crate::report::process_lines::{Lost, finding_line, losses_line, repeats_line, test_line, verdict_line};
use crate::symbolize::{Namer as _, unnamed};

/// Least time between two `losses` lines.
const LOSSES_EVERY: Duration = Duration::from_secs(1);

/// The totals that the last `losses` line carried, and when that was.
#[derive(Debug, Default)]
pub(crate) struct LossesSaid {
    totals: Lost,
    at: Option<Instant>,
}

impl LossesSaid {
    /// How long to wait until totals that grew may be said; `None` when they did not grow.
    pub(super) fn due_in(&self, totals: Lost, now: Instant) -> Option<Duration> {
        if !totals.grew_since(self.totals) {
            return None;
        }
        let since = self.at.map_or(LOSSES_EVERY, |at| now.saturating_duration_since(at));
        Some(LOSSES_EVERY.saturating_sub(since))
    }
}

impl Worker {
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
            let frames = namer.name(&ips);
            let stack = unnamed(&ips, &frames, &mut namer);
            let finding = self.follow.hook_replaced(&frames);
            findings.extend(finding.map(|finding| finding.with_stack(stack, None)));
        }
        findings.extend(self.follow.take_unhooked(ending || named));
        if ending {
            let exit = self.shared.take_exit();
            self.follow.process_ends(exit.as_ref());
            let interrupted = self.follow.lives.interrupted();
            findings.extend(self.follow.harness_ends(exit.as_ref(), &mut namer));
            late = self.follow.tests_known_late(&mut namer);
            let exit = exit.filter(|_| !interrupted.is_empty());
            let (tid, ips) = exit.map_or((0, Vec::new()), |exit| (exit.tid, exit.ips));
            let frames = namer.name(&ips);
            let stack = unnamed(&ips, &frames, &mut namer);
            let found = |(sequence, _)| {
                Finding::exit_while_unwinding(sequence, tid, &frames).with_stack(stack.clone(), Some(tid))
            };
            findings.extend(interrupted.into_iter().map(found));
        }
        for said in self.follow.take_said() {
            if let Some(line) = test_line(&mut self.builder, said) {
                self.about(line);
            }
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
                let evidence = self.follow.lives.evidence(&change);
                let line = verdict_line(&mut self.builder, &change, about, evidence);
                self.verdicts.push(line.into());
                if self.verdicts.is_full() {
                    self.give_verdicts();
                }
            }
        }
        self.give_verdicts();
        for finding in std::mem::take(&mut self.follow.findings) {
            self.find(finding);
        }
        for (sequence, why) in self.follow.take_imbalances() {
            self.find(Finding::unbalanced(sequence, why));
        }
    }

    /// A panic that should have called the agent's hook and did not.
    pub(super) fn unhooked(&mut self, sequence: u64) {
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
        for line in self.fold.take_due((!ending).then(Instant::now)) {
            let line = repeats_line(&mut self.builder, line);
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
        let line = losses_line(&mut self.builder, totals, self.inbox.loss_sites.top());
        self.about(line);
    }

    pub(super) fn lost(&self) -> Lost {
        Lost {
            reports: self.inbox.losses.totals(),
            probes: self.follow.has_probes().then(|| self.builder.surroundings.probe_losses()),
        }
    }

    /// A line about the process. When a sink refuses it no report is lost, so nothing is counted: the
    /// totals stand in the next such line.
    pub(super) fn about(&mut self, line: impl Into<Line>) {
        let line = line.into();
        let Some(json) = line.encode() else { return };
        self.sinks.write(&EncodedLine::new(&line, &json)).ok();
        self.shared.publish(&line, &self.inbox.losses);
    }

    fn give_verdicts(&mut self) {
        for line in self.verdicts.give(&mut self.sinks) {
            self.shared.publish(&line, &self.inbox.losses);
            self.act(&line);
        }
    }

    /// Does what a line that the sinks have calls for.
    pub(super) fn act(&mut self, line: &Line) {
        let ending = self.ending.begun;
        let counts = self.acting.look(line, ending, &self.inbox.losses);
        self.shared.set_counts(counts);
    }
}
