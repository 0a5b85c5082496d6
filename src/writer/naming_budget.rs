//! How long reports may wait for their names, and how long names may be looked up, while somebody waits for
//! the writer.
//!
//! Debug information is read when a name is wanted for which it was not read yet. As long as that takes, reports stay where
//! they are, and room is made for those that follow. Half of the time that a
//! waiting thread gives the writer may go into that; three quarters may have gone when the last name is
//! looked up. What comes later is written without names: a line without names is better than no line.
//!
//! Runs on: the writer thread. Must not: sleep; it only says how long one may.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::ending::LIVES_ON;
use super::handle::Shared;
use crate::channel::Channel;
use crate::record::{RawFlag, RawRecord};
use crate::symbolize::ready::{Reader, Readiness, Wanted};
use crate::symbolize::{Effort, Naming};
use crate::sys::clock::mono_ns;

/// The longest that reports wait when nobody is in a hurry: a process that is killed loses them.
const LONGEST: Duration = Duration::from_secs(30);

/// How much longer the reading of one image may take than that of another.
const IMAGES_DIFFER: u32 = 8;

/// The time that a waiting thread gives the writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Budget {
    from: Instant,
    whole: Duration,
}

impl Budget {
    pub(crate) fn new(from: Instant, whole: Duration) -> Self {
        Self { from, whole }
    }

    /// When half of it is left. A budget that ends after the end of the clock ends never: `None`.
    fn half_left(self) -> Option<Instant> {
        self.from.checked_add(self.whole / 2)
    }

    /// When a quarter of it is left.
    fn quarter_left(self) -> Option<Instant> {
        self.from.checked_add(self.whole / 4 * 3)
    }

    /// Whether nothing of it is left.
    pub(crate) fn is_over(self, now: Instant) -> bool {
        now.saturating_duration_since(self.from) >= self.whole
    }
}

/// Knows who waits, and whether names are ready.
pub(crate) struct Patience {
    pub(crate) shared: Arc<Shared>,
    pub(crate) inbox: &'static Channel,
    pub(crate) symbols: Arc<Readiness>,
    /// Reads debug information on another thread; `None`: the writer does so itself.
    pub(crate) reader: Option<Reader>,
    /// What is being read, until [`take_read`](Self::take_read).
    reading: Vec<Wanted>,
    /// Whether a name was wanted that must be read first.
    wants: bool,
    /// What a thread that is about to abort gives the writer.
    pub(crate) flush_deadline: Duration,
    /// When the last reading began.
    pub(crate) started: Instant,
    /// Since when threads are seen to wait for their reports.
    pub(crate) waited_since: Option<Instant>,
    /// Replaced by tests.
    pub(crate) clock: Box<dyn Fn() -> Instant + Send>,
}

impl Patience {
    pub(crate) fn new(shared: Arc<Shared>, inbox: &'static Channel, flush_deadline: Duration) -> Self {
        Self {
            shared,
            inbox,
            symbols: Readiness::ready(),
            reader: None,
            reading: Vec::new(),
            wants: false,
            flush_deadline,
            started: Instant::now(),
            waited_since: None,
            clock: Box::new(Instant::now),
        }
    }

    /// How long reports may be left where they are, because their names are not ready and nobody is in a
    /// hurry; `None` when they are to be written.
    pub(crate) fn hold(&mut self) -> Option<Duration> {
        if self.symbols.is_ready() || !self.inbox.make_room() {
            return None;
        }
        let now = (self.clock)();
        let budgets = self.budgets(now);
        let hurry = budgets.into_iter().filter_map(Budget::half_left).min();
        let longest = self.started + LONGEST;
        let left = hurry.map_or(longest, |hurry| hurry.min(longest)).saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// Whether one more name may be looked up for a report; `own` is its [`budget_of`](Self::budget_of).
    pub(crate) fn naming(&mut self, effort: Effort, own: Option<Budget>) -> Naming {
        self.ask(effort, own, false)
    }

    /// The same for a report that can wait: where debug information must be read first the answer is no, and
    /// [`take_wants`](Self::take_wants) says so.
    pub(crate) fn naming_or_later(&mut self, effort: Effort, own: Option<Budget>) -> Naming {
        self.ask(effort, own, true)
    }

    fn ask(&mut self, effort: Effort, own: Option<Budget>, can_wait: bool) -> Naming {
        if !self.symbols.is_ready() {
            self.wants |= can_wait;
            return Naming::NotReady;
        }
        let first = effort == Effort::FirstOfImage;
        let now = (self.clock)();
        let hurry = self.budgets(now).into_iter().chain(own).filter_map(Budget::quarter_left).min();
        if let Some(left) = hurry.map(|hurry| hurry.saturating_duration_since(now)) {
            let took = self.symbols.took();
            if left.is_zero() {
                return Naming::OutOfTime;
            }
            // Once begun it cannot be stopped. What it takes on this machine, under this load, was measured.
            if first && took * IMAGES_DIFFER > left {
                return Naming::Unopened;
            }
            if first && !can_wait && self.reader.is_some() && took.is_zero() {
                return Naming::Unopened;
            }
        }
        if first && can_wait && self.reader.is_some() {
            self.wants = true;
            return Naming::NotReady;
        }
        Naming::Allowed
    }

    /// Whether, since the last call, a name was not looked up because debug information must be read first.
    pub(crate) fn take_wants(&mut self) -> bool {
        core::mem::take(&mut self.wants)
    }

    /// Begins to read, unless that is under way. `false` when there is nothing to be read.
    pub(crate) fn read(&mut self, wanted: Vec<Wanted>) -> bool {
        if !self.symbols.is_ready() {
            return true;
        }
        let Some(reader) = self.reader.as_mut().filter(|_| !wanted.is_empty()) else { return false };
        self.started = (self.clock)();
        self.symbols = reader(wanted.clone());
        self.reading = wanted;
        true
    }

    /// What was read since the last call.
    pub(crate) fn take_read(&mut self) -> Vec<Wanted> {
        if self.symbols.is_ready() { core::mem::take(&mut self.reading) } else { Vec::new() }
    }

    /// The time that the panicking thread gives the writer for this report, if it waits for it.
    pub(crate) fn budget_of(&self, record: &RawRecord) -> Option<Budget> {
        record.has_flag(RawFlag::Waiting).then(|| {
            let now = (self.clock)();
            let age = Duration::from_nanos(mono_ns().saturating_sub(record.mono_ns));
            Budget::new(now.checked_sub(age).unwrap_or(now), self.flush_deadline)
        })
    }

    /// How long a report that came after the end waits for its line: no longer than its thread does.
    pub(crate) fn lives_on(&self) -> Duration {
        LIVES_ON.min(self.flush_deadline / 2)
    }

    /// Everybody's who waits now.
    fn budgets(&mut self, now: Instant) -> Vec<Budget> {
        let mut budgets = self.shared.budgets(now);
        // Whose report that is stands in the report, which may not be received yet.
        if self.inbox.is_waited_for() {
            let since = *self.waited_since.get_or_insert(now);
            budgets.push(Budget::new(since, self.flush_deadline));
        } else {
            self.waited_since = None;
        }
        budgets
    }
}
