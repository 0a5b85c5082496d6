//! When the writer lets debug information be read, and when it gives it back.
//!
//! Nothing is read before something asks for a name: the first panic, a replaced hook, a wrapper that has something to
//! report, or the program. What was read is given back when nothing asked for [`QUIET`], with the memory of the slots that
//! were made meanwhile; names that were found stay.
//!
//! Runs on: the writer thread. Must not: read debug information itself where another thread can.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::naming_budget::Budget;
use super::worker::Worker;
use crate::hook;
use crate::record::{RawRecord, Report};
use crate::report::build::PlaceNamer;
use crate::report::prepared::Prepared;
use crate::symbolize::Namer as _;
use crate::symbolize::ready::own_ip;

/// Time without a panic after which debug information is given back.
pub(super) const QUIET: Duration = Duration::from_secs(60);

/// What was read, as far as the writer must know.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Whether that of the program is read.
    is_read: bool,
    /// When a report last used what is read; `None` when nothing is.
    pub(super) used: Option<Instant>,
    /// Whether it is kept for ever.
    kept: bool,
}

impl Names {
    /// Nothing is given back.
    pub(crate) fn keep(&mut self) {
        self.kept = true;
    }
}

impl Worker {
    /// Begins to read the debug information of the program.
    pub(super) fn read_own(&mut self) {
        let at = self.builder.surroundings.image_of(own_ip().saturating_sub(1), None);
        self.patience.read(vec![(own_ip(), at)]);
    }

    /// The report of a record, and its stack; `None` when it `may_wait` and is worth waiting for its names, which are
    /// being read from now on.
    pub(super) fn report(
        &mut self,
        record: &RawRecord,
        budget: Option<Budget>,
        may_wait: bool,
    ) -> Option<(Report, Arc<Prepared>)> {
        loop {
            let patience = &mut self.patience;
            let naming = &mut |effort| patience.naming_or_later(effort, budget);
            let made = self.builder.report(record, naming);
            if !self.patience.take_wants() {
                return Some(made);
            }
            let unread = self.builder.stacks.unread_of(record, &mut *self.builder.surroundings);
            let reads = self.patience.read(unread);
            if may_wait && self.patience.hold().is_some() {
                return None;
            }
            if !reads || !self.note_read() {
                return Some(made);
            }
        }
    }

    /// Whether something besides reports waits for names that are being read. Begins to read for it, and for whoever asked.
    pub(super) fn asks_for_names(&mut self) -> bool {
        self.note_read();
        if self.names.is_read {
            return false;
        }
        if self.shared.wants_names() {
            if self.builder.stacks.symbolizer.is_on() && self.patience.reader.is_some() {
                self.read_own();
            } else {
                self.shared.names_are_read(true);
            }
        }
        self.follow.collect();
        let mut ips = self.follow.noticed();
        if let Some(replaced) = hook::replacement() {
            let naming = &mut |_| crate::symbolize::Naming::NotReady;
            let mut namer = PlaceNamer { builder: &mut self.builder, naming };
            ips.extend(namer.outside_of_c(&replaced));
        }
        if ips.is_empty() {
            return false;
        }
        let unread = self.builder.stacks.unread(&ips, &mut *self.builder.surroundings);
        self.patience.read(unread) && !self.note_read()
    }

    /// Takes note of what was read; whether anything was.
    pub(super) fn note_read(&mut self) -> bool {
        let read = self.patience.take_read();
        if read.is_empty() {
            return false;
        }
        self.names.is_read = true;
        self.shared.names_are_read(true);
        self.names.used = Some((self.patience.clock)());
        for (_, at) in read {
            self.builder.stacks.symbolizer.was_opened(at);
        }
        true
    }

    /// Gives back what was read if nobody has used it for long; how long until then otherwise.
    pub(super) fn give_names_back(&mut self) -> Option<Duration> {
        let used = self.names.used.filter(|_| !self.names.kept && self.patience.symbols.is_ready())?;
        let quiet = (self.patience.clock)().saturating_duration_since(used);
        if quiet < QUIET {
            return Some(QUIET.saturating_sub(quiet));
        }
        self.builder.stacks.symbolizer.give_back();
        self.inbox.rest();
        self.names = Names::default();
        self.shared.names_are_read(false);
        None
    }
}
