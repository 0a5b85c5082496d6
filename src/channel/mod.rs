//! Stage 3: the only way from a panicking thread to the writer. A fixed pool of slots; only slot numbers
//! cross.
//!
//! Runs on: panicking threads (`claim`, `publish`, `wait_written`) and the writer (`try_receive`, `park`).
//! Must not: allocate, lock or wait on a panicking thread, except for `wait_written` and a blocking
//! overflow policy, which wait with a deadline.
//!
//! A slot changes hands three times. From the free list to the panicking thread: see [`free_list`]. Through the
//! queue to the writer: see [`queue`]. And back to the free list. Each hand-over is one Release/Acquire pair,
//! so the record itself needs no ordering of its own. How the writer sleeps: see [`sleep`].
//!
//! Threads that wait for the writer (here: [`Waiters`]) use the same argument as the writer's sleep, the
//! other way round: the waiting thread counts itself, fences, then looks; the writer changes what they look
//! at, fences, then looks at the count.
//!
//! A little longer than other files: every way in and out of a slot is here, and each order of its accesses with its reason.
#![cfg_attr(
    not(any(test, panic_agent_loom)),
    deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)
)]

#[allow(unsafe_code)]
mod exchange;
mod first_sites;
mod free_list;
pub(crate) mod layout;
mod loss_sites;
#[cfg(not(panic_agent_loom))]
#[allow(unsafe_code)]
mod memory;
#[cfg(panic_agent_loom)]
#[path = "../../tests/loom/models.rs"]
#[allow(unsafe_code)]
pub mod models;
mod pool;
#[cfg(not(panic_agent_loom))]
mod queue;
mod sleep;
#[allow(unsafe_code)]
mod slot;
#[cfg_attr(panic_agent_loom, path = "../../tests/loom/sync.rs", allow(unsafe_code))]
mod sync;
#[cfg(test)]
mod tests;
#[allow(unsafe_code)]
mod ticket;
mod waiters;

use std::time::Duration;

pub(crate) use exchange::{Carried, Exchange};
pub(crate) use first_sites::Site;
pub(crate) use loss_sites::LossSites;
pub(crate) use sync::{Extend, SlotRoom};
pub(crate) use ticket::{ClaimedSlot, ReceivedSlot, Ticket};

use crate::error::{Error, ErrorKind};
use crate::record::{LossCounters, RawRecord};
use first_sites::FirstSites;
use pool::{Counts, Pool};
use sleep::{Sleep, Urgency};
use sync::{AtomicU32, AtomicU64, Ordering, Queue};
use waiters::Waiters;

/// Slots beyond those that were asked for, for the first panics of places: as many of them can be under way while a storm
/// has taken all others.
pub(crate) const RESERVE: usize = 64;

/// Reports that may be under way at once while the writer waits for names: then slots are made as they are needed, up to
/// this many besides [`RESERVE`], or as many as were asked for where that is more. 24 MiB.
const MOST: usize = 4096;
/// Slots that are made at once.
const STEP: u32 = 1024;

/// Slots that there may be at most where so many were asked for, without those in [`RESERVE`].
pub(crate) fn most(slots: usize) -> usize {
    slots.max(MOST)
}

/// The slots, the queue of their numbers, and the counts of what was lost.
pub(crate) struct Channel {
    /// Losses of every stage.
    pub(crate) losses: LossCounters,
    /// Places whose reports were lost for want of a slot.
    pub(crate) loss_sites: LossSites,
    /// Places that have had a slot.
    first_sites: FirstSites,
    pool: Pool,
    queue: Queue,
    sleep: Sleep,
    /// 1 when there is something for the writer besides the queue. Set before the writer's state is looked at,
    /// cleared by the writer before it looks.
    attention: AtomicU32,
    /// OS id of the thread that ends the process while it waits for a report of its own, else 0.
    ender: AtomicU32,
    /// Number plus 1 of a slot that was received and put back, else 0. Belongs to the writer.
    head: AtomicU32,
    /// Publications so far. Counted before the number goes into the queue, so it is never behind `released`.
    published: AtomicU64,
    /// Publications that the writer is done with. Written by the writer only.
    released: AtomicU64,
    /// Threads that wait for one publication to be written.
    written: Waiters,
    /// Threads that wait for any slot to come back, and how often that happened while somebody waited.
    returned: Waiters,
    /// Publications in flight at which the writer must not sleep any more. Relaxed: a number to compare with.
    many: AtomicU64,
}

impl Channel {
    /// Maps the slots.
    ///
    /// # Errors
    /// [`ErrorKind::AllocatePool`] when the system does not give the memory, [`ErrorKind::InvalidValue`] for
    /// no slots at all.
    pub(crate) fn new(slots: usize, reserve: usize, most: usize) -> Result<Self, Error> {
        let counts = counts_of(slots, reserve, most)?;
        Ok(Self::over(Pool::new(counts)?, counts))
    }

    /// Puts the slots into room that outlives the process. What is beyond `slots` and `reserve` of it need not be usable
    /// yet.
    ///
    /// # Errors
    /// [`ErrorKind::AllocatePool`] when the room is too small, [`ErrorKind::InvalidValue`] for no slots at all.
    pub(crate) fn within(room: SlotRoom, slots: usize, reserve: usize, most: usize) -> Result<Self, Error> {
        let counts = counts_of(slots, reserve, most)?;
        let Some(memory) = sync::SlotMemory::within(room, counts.all()) else {
            let subject = format!("the room is too small for {slots} slots");
            return Err(Error::new(
                ErrorKind::AllocatePool,
                subject,
                "set PANIC_AGENT_SLOTS to a smaller number",
            ));
        };
        Ok(Self::over(Pool::over(memory, counts), counts))
    }

    fn over(pool: Pool, counts: Counts) -> Self {
        Self {
            losses: LossCounters::default(),
            loss_sites: LossSites::new(),
            first_sites: FirstSites::new(),
            pool,
            queue: Queue::new(counts.all() as usize),
            sleep: Sleep::default(),
            attention: AtomicU32::new(0),
            ender: AtomicU32::new(0),
            head: AtomicU32::new(0),
            published: AtomicU64::new(0),
            released: AtomicU64::new(0),
            written: Waiters::default(),
            returned: Waiters::default(),
            many: AtomicU64::new(half(counts.common)),
        }
    }

    /// A free slot, cleared; `None` when there is none. Never waits.
    ///
    /// # Cost
    /// No allocation; one CAS unless other threads claim at the same instant; the stores of
    /// [`RawRecord::clear`].
    pub(crate) fn claim(&self) -> Option<ClaimedSlot<'_>> {
        ClaimedSlot::new(self, self.pool.take()?)
    }

    /// Like [`claim`](Self::claim), for a panic at this place: the first one there has a slot of the reserve when all
    /// others are taken.
    ///
    /// # Cost
    /// One load more where the place is known.
    pub(crate) fn claim_for(&self, site: Site) -> Option<ClaimedSlot<'_>> {
        if let Some(slot) = self.claim() {
            self.first_sites.enter(site);
            return Some(slot);
        }
        if !self.first_sites.enter(site) {
            return None;
        }
        let reserved = self.pool.take_reserved().and_then(|index| ClaimedSlot::new(self, index));
        if reserved.is_none() {
            self.first_sites.take_out(site);
        }
        reserved
    }

    /// Like [`claim`](Self::claim), but waits for a slot at most this long.
    ///
    /// # Cost
    /// System calls only when there is no slot at once. The wait takes no lock.
    pub(crate) fn claim_within(&self, deadline: Duration) -> Option<ClaimedSlot<'_>> {
        if let Some(slot) = self.claim() {
            return Some(slot);
        }
        self.sleep.wake();
        self.returned.wait_for_event(Some(deadline), || self.claim())
    }

    /// Waits until the publication was written (its slot released by the writer) or the deadline passed.
    ///
    /// `true` when it was written. Takes no lock, so the caller may hold any; must not be called on the
    /// writer thread, which would wait for itself.
    pub(crate) fn wait_written(&self, ticket: Ticket, deadline: Duration) -> bool {
        self.wait_ticket(ticket, Some(deadline))
    }

    fn wait_ticket(&self, ticket: Ticket, deadline: Option<Duration>) -> bool {
        let Some(slot) = self.pool.slot(ticket.slot()) else { return false };
        // `Waiters` looks at the word with Acquire: see `Slot::mark_written`.
        self.written.wait_for_change(&slot.written, ticket.written_before(), deadline, || self.sleep.wake())
    }

    /// Writer: nothing was to be done for long.
    pub(crate) fn rest(&self) {
        self.pool.rest();
    }

    /// Writer: a place that has had a slot is a new one again, and the next panic there may have one of the reserve.
    pub(crate) fn forget_places(&self) {
        self.first_sites.forget();
    }

    /// Writer: the next published slot.
    pub(crate) fn try_receive(&self) -> Option<ReceivedSlot<'_>> {
        // Relaxed: nobody else reads or writes it.
        let index = match self.head.load(Ordering::Relaxed).checked_sub(1) {
            Some(head) => head,
            None => self.queue.try_receive()?,
        };
        self.head.store(0, Ordering::Relaxed);
        self.sleep.had_work();
        ReceivedSlot::new(self, index)
    }

    /// Writer: lends the next record to `read`, and marks it written when `read` is done with it, which it says; else it stays
    /// the next one. `false` when none was taken.
    pub(crate) fn receive(&self, read: &mut dyn FnMut(&RawRecord) -> bool) -> bool {
        let Some(slot) = self.try_receive() else { return false };
        let done = read(slot.record());
        if !done {
            self.head.store(slot.keep().saturating_add(1), Ordering::Relaxed);
        }
        done
    }

    /// Writer: sleeps until there may be something to do: a publication (soon after it, when there was work
    /// a moment ago; at once, when there was none for a while or the pool is half full), a call of
    /// [`wake`](Self::wake), or the end of the time. Returns at once when one of these has happened already.
    pub(crate) fn park(&self, timeout: Option<Duration>) {
        let has_head = || self.head.load(Ordering::Relaxed) != 0;
        let is_asked = || self.attention.load(Ordering::Relaxed) != 0;
        self.sleep.sleep(timeout, || !self.queue.is_empty() || has_head() || is_asked());
        self.attention.store(0, Ordering::Relaxed);
    }

    /// Anyone: there is something for the writer besides the queue, soon is enough.
    ///
    /// # Cost
    /// A store, a fence and a load; a system call only when the writer sleeps.
    pub(crate) fn nudge(&self) {
        self.attention.store(1, Ordering::Relaxed);
        // The fence in `published` orders the store before the look at the state.
        self.sleep.published(Urgency::Normal);
    }

    /// Writer: sleeps like [`park`](Self::park), but leaves publications alone until the pool is half full.
    /// A publication may end the sleep early.
    pub(crate) fn hold(&self, timeout: Option<Duration>) {
        self.sleep.sleep(timeout, || self.is_filling_up());
    }

    /// Writer: whether a thread waits for its publication to be written.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.written.any()
    }

    /// By the thread that ends the process, before it waits for its publication: its OS id. By the writer, when that is
    /// written: 0.
    pub(crate) fn ender_waits(&self, tid: u32) {
        // Relaxed: the wait that follows wakes the writer, and the other way round the release of the slot follows.
        self.ender.store(tid, Ordering::Relaxed);
    }

    /// Writer: the thread that ends the process, while it waits for its publication.
    pub(crate) fn ender(&self) -> Option<u32> {
        Some(self.ender.load(Ordering::Relaxed)).filter(|tid| *tid != 0)
    }

    /// Whether half of the slots are published and not yet released.
    pub(crate) fn is_filling_up(&self) -> bool {
        self.pending() >= self.many.load(Ordering::Relaxed)
    }

    /// Writer: makes slots until it may leave those alone that are published, if that can be; whether it may. It is woken
    /// early enough to make more.
    pub(crate) fn make_room(&self) -> bool {
        let mut slots = self.pool.usable();
        while self.pending() >= quarter(slots) {
            match self.pool.make_room(STEP) {
                Some(more) => slots = more,
                None => break,
            }
            self.returned.happened();
        }
        let is_enough = self.pending() < half(slots);
        self.many.store(if is_enough { quarter(slots) } else { half(slots) }, Ordering::Relaxed);
        is_enough
    }

    /// Writer: nothing is left alone any more.
    pub(crate) fn close_room(&self) {
        self.many.store(half(self.pool.close_room()), Ordering::Relaxed);
    }

    /// Anyone: wakes the writer. A writer that is not asleep does not go to sleep next time.
    pub(crate) fn wake(&self) {
        self.sleep.wake();
    }

    /// Published and not yet released.
    pub(crate) fn pending(&self) -> u64 {
        // In this order: `released` is never ahead of `published`, but may overtake what was read of it.
        let released = self.released.load(Ordering::Acquire);
        self.published.load(Ordering::Relaxed).saturating_sub(released)
    }

    /// By the panicking thread, with a slot whose record is whole. `false` when the queue had no room, which
    /// cannot happen while it has one place per slot.
    fn send(&self, index: u32) -> bool {
        // Relaxed: a count; the record travels with the number.
        self.published.fetch_add(1, Ordering::Relaxed);
        let sent = self.queue.try_send(index);
        let urgency = if self.is_filling_up() { Urgency::High } else { Urgency::Normal };
        self.sleep.published(urgency);
        sent
    }

    /// By the writer, or for a slot that could not be sent: the publication is over.
    fn release(&self, index: u32) {
        let slot = self.pool.slot(index);
        if let Some(slot) = slot {
            slot.mark_written();
        }
        self.pool.give_back(index);
        // Release: see `pending`.
        self.released.fetch_add(1, Ordering::Release);
        if let Some(slot) = slot {
            self.written.changed(&slot.written);
        }
        self.returned.happened();
    }

    /// A claim was given up: the slot goes back unpublished.
    fn abandon(&self, index: u32) {
        self.pool.give_back(index);
        self.returned.happened();
    }
}

/// Half of the slots.
fn half(slots: u32) -> u64 {
    u64::from(slots.div_ceil(2))
}

/// A quarter of them.
fn quarter(slots: u32) -> u64 {
    u64::from(slots.div_ceil(4))
}

fn counts_of(slots: usize, reserve: usize, most: usize) -> Result<Counts, Error> {
    let common = u32::try_from(slots).ok().filter(|&count| 0 < count && count < u32::MAX);
    let common = common.ok_or_else(|| {
        let subject = format!("cannot work with {slots} slots");
        Error::new(ErrorKind::InvalidValue, subject, "ask for at least 1 slot")
    })?;
    let reserve = u32::try_from(reserve.min(RESERVE)).unwrap_or(0);
    let room = u32::try_from(most.saturating_sub(slots)).unwrap_or(0);
    Ok(Counts { common, reserve, room })
}
