//! The last lines of a process, and what comes after them.
//!
//! The `end` line is a barrier: everything that was published before it has its line before it, its totals are those
//! of the lines before it, and the writer writes nothing behind it of its own accord. A process that ends may be gone
//! in the middle of any later `write(2)`, and then the file would end in a part of a line.
//!
//! So a report that comes later is written only where the process cannot be gone meanwhile, or evidently lives on:
//! when the thread that ends the process waits for it, and after [`LIVES_ON`]. New totals follow it.
//! See `docs/decisions/0050-end-line.md`.
//!
//! Runs on: the writer thread. Must not: let a storm of panics put off the `end` line.

use std::thread;
use std::time::{Duration, Instant};

use super::worker::{Pause, Worker};
use crate::record::Losses;
use crate::report::process_lines::{Lost, end_line};

/// Time after which a process that was about to end lives on, if a report waits that long for its line.
pub(super) const LIVES_ON: Duration = Duration::from_millis(250);

/// Time between two looks while half of the slots hold reports that wait.
const BETWEEN_LOOKS: Duration = Duration::from_millis(1);

/// What the writer knows of the end.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    /// Whether the last lines are being written.
    pub(super) begun: bool,
    /// Whether the `end` line is written.
    pub(super) finished: bool,
    /// Panics that the writer received: written, or counted as lost by the writer.
    pub(super) received: u64,
    /// Since when a report waits that came after the `end` line.
    late_since: Option<Instant>,
}

impl Ending {
    /// Panics whose fate is known to be in the totals. `counted`, the number of hooks that were through before the
    /// last report was received, must not be larger: if it is, a report is missing, and the totals shall show it.
    pub(super) fn panics(&self, counted: u64, lost: &Losses) -> u64 {
        let in_hooks = [lost.pool_full, lost.reentered, lost.writer_thread, lost.no_writer];
        counted.max(in_hooks.into_iter().fold(self.received, u64::saturating_add))
    }
}

impl Worker {
    /// Writes whatever was published until now, the last verdicts, and the `end` line.
    pub(super) fn end(&mut self) {
        self.ending.begun = true;
        // No reaction ends the process any more.
        self.acting.last = None;
        // In this order: a hook that is counted has published.
        let counted = self.builder.surroundings.panics();
        // Once, so that a storm cannot put off the end.
        let last = self.inbox.pending();
        if let Some(spool) = self.spool.as_mut().filter(|_| last > 0) {
            spool.before_lines();
        }
        for _ in 0..last {
            let inbox = self.inbox;
            if !inbox.receive(&mut |record| self.record(record, false)) {
                break;
            }
        }
        self.say_verdicts(true);
        self.say_repeats(true);
        // What a sink could not deliver belongs to the totals.
        self.flush();
        let lost = self.lost();
        self.say_losses(lost, true);
        self.say_end(counted, lost);
        self.ending.finished = true;
    }

    fn say_end(&mut self, counted: u64, lost: Lost) {
        let panics = self.ending.panics(counted, &lost.reports);
        let by = self.acting.ended_by.clone();
        let line = end_line(&mut self.builder, panics, self.shared.written(), lost, by);
        self.about(line);
        self.shared.close_subscriptions();
        // What it cannot deliver of this line nobody will hear of.
        self.sinks.flush().ok();
    }

    /// A round after the `end` line.
    pub(super) fn after_end(&mut self) -> Option<Pause> {
        let requested = self.shared.requested();
        // Their queue shall not fill up.
        self.follow.collect();
        self.note_read();
        let late = self.inbox.pending();
        if late == 0 {
            self.ending.late_since = None;
        } else {
            let since = *self.ending.late_since.get_or_insert_with(Instant::now);
            let left = self.patience.lives_on().saturating_sub(since.elapsed());
            if !left.is_zero() && self.inbox.ender().is_none() {
                if self.inbox.is_filling_up() {
                    thread::sleep(BETWEEN_LOOKS);
                    return None;
                }
                return Some(Pause::Hold(left));
            }
            // Who waits for its report waits for its names, too, as it would have before the end.
            if let Some(left) = self.patience.hold() {
                return Some(Pause::Hold(left));
            }
            self.write_late(late);
            if let Some(left) = self.patience.hold() {
                return Some(Pause::Hold(left));
            }
            self.ending.late_since = None;
        }
        self.done = requested;
        self.shared.advance(requested, true);
        let nothing_new = self.shared.requested() == requested && self.inbox.pending() == 0;
        nothing_new.then_some(Pause::Park(None))
    }

    /// Writes so many reports; at most up to that of the thread that ends the process, which is released last.
    fn write_late(&mut self, late: u64) {
        let inbox = self.inbox;
        let ender = inbox.ender();
        for number in 1..=late {
            let mut is_last = number == late;
            let received = inbox.receive(&mut |record| {
                if !self.record(record, true) {
                    return false;
                }
                is_last |= ender == Some(record.tid);
                if is_last {
                    self.flush();
                    let lost = self.lost();
                    // Who is counted meanwhile may still wait.
                    self.say_end(0, lost);
                    inbox.ender_waits(0);
                }
                true
            });
            if !received || is_last {
                return;
            }
        }
    }
}
