//! Keeps the lives of the panics of this process: gives each observation to the life it belongs to, links
//! panics that speak of one another, and says which verdicts have changed.
//!
//! Runs on: the writer thread. Must not: do I/O, read clocks, or grow without bound.

mod changes;
mod events;
mod eviction;
#[cfg(test)]
mod evidence_tests;
mod payload_holders;
pub(crate) mod place;
#[cfg(test)]
mod random_tests;
mod relation;
#[cfg(test)]
mod tests;
mod threads;
mod trail;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

pub(crate) use events::{Change, OfStack, Raise, Throw};
pub(crate) use relation::Relation;
pub(crate) use threads::Thread;

use crate::probe::SeenThreads;
use crate::record::{AbortReason, Fate, Handler, Place};
use crate::verdict::life::{DroppedBy, Imbalance, Life, LifeEvent, Predicted, Stop};
use crate::verdict::{Holder, fate_of_handler};
pub(crate) use trail::Saw;
use trail::{Moment, Trail};

/// One panic and what surrounds it.
#[derive(Debug, Default)]
struct Kept {
    life: Life,
    /// `None` until the record arrives; it never does when it was lost.
    raise: Option<Arc<Raise>>,
    /// The probes' number of the panic, 0 when they have not seen it.
    serial: u64,
    /// The probes' number of the panicking thread, 0 when not known.
    thread: u64,
    tid: u32,
    /// Vtable of a payload that is followed by its address alone, else 0.
    kind: u64,
    /// OS id of the thread that holds the payload, 0 when none does.
    holder: u32,
    /// Whether somebody joined the thread that died of it, or was handed the error of a wrapper.
    given: bool,
    incident: u64,
    relation: Option<Relation>,
    /// Where the throws that have not landed stop, if their stacks were recorded, oldest first.
    stops: VecDeque<Stop>,
    /// Stacks of repeated throws that were recorded and whose throw was not seen yet.
    hops_ahead: u32,
    /// Who was given the payload by the catch that stopped it last.
    caught_by: Holder,
    /// Whether destructors may have run on the way: a frame's own, or one of a function that was inlined into the frame
    /// of the catch. `None` without probes.
    cleaned: Option<bool>,
    /// What was seen of it.
    trail: Trail,
    /// Whether something happened to it since the last look at what changed.
    touched: bool,
    /// What was said of it last.
    published: Option<Change>,
}

/// The lives of the panics of this process.
#[derive(Debug, Default)]
pub(crate) struct Lives {
    /// Boxed: the map moves its values about, and they are large.
    kept: BTreeMap<u64, Box<Kept>>,
    by_serial: HashMap<u64, u64>,
    threads: SeenThreads<Thread>,
    /// Panics whose payload a thread holds: it caught them, or joined the thread that died of them.
    hands: HashMap<u32, Vec<u64>>,
    /// Panics raised on a thread whose end has not been seen, outermost first.
    open: HashMap<u32, Vec<u64>>,
    /// Last payload that a thread examined.
    last_read: HashMap<u32, u64>,
    /// Last panic whose dead thread a thread let go of.
    last_detached: HashMap<u32, u64>,
    /// Lives to which something happened since the last look at what changed.
    touched: Vec<u64>,
    /// Lives that can make room.
    settled: BTreeSet<u64>,
    /// Panics of which a scope may still speak, oldest first.
    awaiting_scopes: VecDeque<u64>,
    imbalances: Vec<(u64, Imbalance)>,
    /// Panics at whose landing a thread began to end, by the thread.
    dying: HashMap<u32, u64>,
    /// When and where that happens which the lives are told now.
    now: Moment,
    /// Highest number that had to make room.
    forgotten_up_to: u64,
}

impl Lives {
    /// A record arrived. Gives the number of the panic that had to make room for this one, if one had to.
    pub(crate) fn raised(&mut self, raise: Raise) -> Option<u64> {
        let (sequence, tid) = (raise.sequence, raise.tid);
        self.at(tid, raise.mono_ns);
        if raise.nothing_else_unwinds {
            self.left_behind(tid, sequence, raise.nested_in);
        }
        if !raise.perhaps_nested {
            self.went_on(tid, raise.nested_in);
        }
        let event = LifeEvent::Hooked(Predicted {
            stop: raise.stop,
            at: raise.at.clone(),
            abort_reason: raise.abort_reason,
            detached: raise.detached,
        });
        let forgotten = self.make_room_for(sequence);
        let kept = self.keep(sequence);
        kept.tid = tid;
        kept.stops.push_back(raise.at.clone());
        kept.raise = Some(Arc::new(raise));
        self.apply(sequence, event);
        self.link(sequence);
        self.open_on(tid, sequence);
        forgotten
    }

    /// The unwinder was entered for a panic.
    pub(crate) fn thrown(&mut self, sequence: u64, throw: Throw) {
        let Throw { serial, thread, tid, traced, kind, recorded_again } = throw;
        self.by_serial.insert(serial, sequence);
        let kept = self.keep(sequence);
        (kept.serial, kept.thread, kept.tid, kept.kind) = (serial, thread, tid, kind);
        kept.hops_ahead = kept.hops_ahead.saturating_sub(u32::from(recorded_again));
        self.let_go(sequence);
        self.open_on(tid, sequence);
        self.apply(sequence, LifeEvent::Thrown { traced });
    }

    /// The stack of a payload that is thrown once more was recorded: where it stops this time.
    pub(crate) fn hopped(&mut self, sequence: u64, stop: Stop) {
        let kept = self.keep(sequence);
        kept.hops_ahead = kept.hops_ahead.saturating_add(1);
        kept.stops.push_back(stop);
    }

    /// Whether an event of this panic can be applied: its record has arrived, and so has that of the repeated
    /// throw that it speaks of. Events of a panic that had to make room can, and change nothing.
    pub(crate) fn is_ready(&self, sequence: u64, repeated_throw: bool) -> bool {
        match self.kept.get(&sequence) {
            Some(kept) => kept.raise.is_some() && (!repeated_throw || kept.hops_ahead > 0),
            None => sequence <= self.forgotten_up_to,
        }
    }

    /// Who was given the payload by the catch that stopped it last.
    pub(crate) fn caught_by(&self, sequence: u64) -> Holder {
        self.kept.get(&sequence).map_or(Holder::Unknown, |kept| kept.caught_by)
    }

    /// Whether this panic is kept.
    pub(crate) fn knows(&self, sequence: u64) -> bool {
        self.kept.contains_key(&sequence)
    }

    /// A panic landed on the thread `tid`, at the return address `ip`.
    pub(crate) fn landed(&mut self, sequence: u64, tid: u32, ip: u64, cleanups: u32) {
        let kept = self.keep(sequence);
        let stop = match kept.stops.iter().position(|stop| stop.ip == ip) {
            Some(at) => kept.stops.drain(..=at).next_back().unwrap_or_default(),
            None => Stop::default(),
        };
        kept.caught_by = stop.holder;
        let cleaned = cleanups > 0 || stop.cleans != Some(false);
        kept.cleaned = Some(cleaned || kept.cleaned == Some(true));
        match stop.fate {
            Fate::ThreadDied => _ = self.dying.insert(tid, sequence),
            Fate::MainDied => {}
            _ => self.hold(tid, sequence),
        }
        self.close_on(tid, sequence);
        // What was raised later on this thread ran inside of a destructor that is done.
        for inner in self.under_way_on(tid).into_iter().filter(|inner| *inner > sequence) {
            self.apply(inner, LifeEvent::LeftBehind);
        }
        self.apply(sequence, LifeEvent::Landed(stop));
    }

    /// A wrapper of this crate on the thread `tid` says that it stopped a panic, and what it knows of itself.
    /// Without symbols the function is missing; the tables' handler has it if it is the same catch.
    pub(crate) fn wrapped(&mut self, sequence: u64, tid: u32, mut handler: Handler) {
        let fate = fate_of_handler(handler.kind);
        let kept = self.keep(sequence);
        let known = kept.raise.as_ref().and_then(|raise| raise.at.handler.as_ref());
        if let Some(known) = known.filter(|known| known.kind == handler.kind) {
            handler.function.clone_from(&known.function);
        }
        self.hold(tid, sequence);
        self.close_on(tid, sequence);
        let stop = Stop { fate, handler: Some(Arc::new(handler)), ..Stop::default() };
        self.apply(sequence, LifeEvent::Wrapped(stop));
    }

    /// The thread `tid` was handed the error of a wrapper.
    pub(crate) fn handed(&mut self, sequence: u64, tid: u32) {
        self.saw(sequence, Saw::Handed);
        self.give(tid, sequence);
    }

    /// A panic was met by something that aborts the process.
    ///
    /// Why is what its stack told; a boundary that nobody announced is one that must not unwind.
    pub(crate) fn doomed(&mut self, sequence: u64) {
        let reason = match self.raise_of(sequence) {
            Some(raise) if raise.at.fate == Fate::Aborted => raise.abort_reason,
            _ => Some(AbortReason::NounwindBoundary),
        };
        self.saw(sequence, Saw::MetBoundary);
        self.apply(sequence, LifeEvent::MustAbort(reason));
    }

    /// Panics that the end of the process cut short, each with the OS id of its thread.
    pub(crate) fn interrupted(&self) -> Vec<(u64, u32)> {
        let cut_short = self.kept.iter().filter(|(_, kept)| kept.life.outcome().fate == Fate::Interrupted);
        cut_short.map(|(sequence, kept)| (*sequence, kept.tid)).collect()
    }

    /// A payload was examined on the thread `tid`.
    pub(crate) fn read(&mut self, sequence: u64, tid: u32, place: Place) {
        self.last_read.insert(tid, sequence);
        self.apply(sequence, LifeEvent::Read(place));
    }

    /// A payload was dropped on the thread `tid`, after `reads` reads.
    ///
    /// `by` is what names tell of it; where they do not, what threads did decides.
    pub(crate) fn dropped(&mut self, sequence: u64, tid: u32, by: DroppedBy, place: Place, reads: u32) {
        let told = self.dropper(sequence, tid);
        let by = if by == DroppedBy::Unknown { told.map_or(by, Saw::dropped_by) } else { by };
        let saw = told.filter(|told| told.dropped_by() == by).unwrap_or_else(|| Saw::named(by));
        if reads > 0 {
            // The read itself may have been one of those that are not sent.
            self.apply(sequence, LifeEvent::Read(Place::default()));
        }
        self.gone(sequence, tid, saw, by, place);
    }

    /// The error of a wrapper was dropped on the thread `tid`; `by` is whose it was, as the wrapper knows.
    pub(crate) fn disposed(&mut self, sequence: u64, tid: u32, by: DroppedBy, place: Place) {
        let saw = if by == DroppedBy::Runtime { Saw::DroppedByWrapper } else { Saw::DroppedGiven };
        self.gone(sequence, tid, saw, by, place);
    }

    fn gone(&mut self, sequence: u64, tid: u32, saw: Saw, by: DroppedBy, place: Place) {
        self.link_dropped(sequence, tid);
        let now = self.now;
        if let Some(kept) = self.kept.get_mut(&sequence).filter(|kept| kept.life.is_untouched()) {
            kept.trail.dropped(saw, now, &place);
        }
        self.apply(sequence, LifeEvent::Dropped { by, place });
        self.let_go(sequence);
    }

    /// A payload of this kind was met where none is known: any that is followed by its address may be the one.
    pub(crate) fn strayed(&mut self, kind: u64) {
        self.apply_where(|kept| kind != 0 && kept.kind == kind, &LifeEvent::PerhapsMoved);
    }

    /// Events were lost: what did not come proves nothing for any panic that is still open.
    pub(crate) fn evidence_lost(&mut self) {
        self.apply_where(|kept| !kept.life.is_settled(), &LifeEvent::EvidenceLost);
    }

    /// The process ends: every panic gets its last verdict.
    pub(crate) fn process_ends(&mut self, watched: bool) {
        self.now = Moment::default();
        self.apply_where(|_| true, &LifeEvent::ProcessEnds { watched });
    }

    /// The record of a panic, once it has arrived.
    fn raise_of(&self, sequence: u64) -> Option<&Arc<Raise>> {
        self.kept.get(&sequence)?.raise.as_ref()
    }

    fn apply_where(&mut self, applies: impl Fn(&Kept) -> bool, event: &LifeEvent) {
        let all: Vec<u64> =
            self.kept.iter().filter(|(_, kept)| applies(kept)).map(|(sequence, _)| *sequence).collect();
        for sequence in all {
            self.apply(sequence, event.clone());
        }
    }

    /// Tells one life of something that concerns no other.
    pub(crate) fn apply(&mut self, sequence: u64, event: LifeEvent) {
        let now = self.now;
        let Some(kept) = self.kept.get_mut(&sequence) else { return };
        kept.trail.follow(&event, &kept.life, now);
        let before = kept.life.imbalance();
        let was_settled = kept.life.is_settled();
        kept.life.apply(event);
        if let (None, Some(imbalance)) = (before, kept.life.imbalance()) {
            self.imbalances.push((sequence, imbalance));
        }
        match (was_settled, kept.life.is_settled()) {
            (false, true) => _ = self.settled.insert(sequence),
            (true, false) => _ = self.settled.remove(&sequence),
            _ => {}
        }
        self.touch(sequence);
    }
}
