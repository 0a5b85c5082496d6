//! Counts reports that were lost before they reached a sink.
//!
//! Runs on: any panicking thread (`record`) and the writer thread (`totals`).
//! Must not: allocate, block, panic.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use once_cell::race::OnceRef;
use serde::{Deserialize, Serialize};

use crate::sys::fork;

/// Why a report was lost.
#[repr(usize)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LossReason {
    /// Every slot was taken, and the overflow policy did not allow to wait (any longer).
    PoolFull = 0,
    /// The hook was entered again on a thread that was already inside it.
    Reentered = 1,
    /// The panic happened on the agent's own writer thread.
    WriterThread = 2,
    /// The sink refused the line (disk full, file gone, …).
    SinkFailed = 3,
    /// The sink panicked.
    SinkPanicked = 4,
    /// The writer was not there any more (forked child, or it could not be started).
    NoWriter = 5,
    /// The program's filter rejected it.
    Filtered = 6,
    /// The line could not be brought under the maximum size.
    TooLarge = 7,
    /// A subscriber's queue was full.
    SubscriberFull = 8,
    /// The panic repeats others and is counted in a `repeats` line; see [`Folding`](crate::Folding).
    Folded = 9,
}

impl LossReason {
    /// Every reason, in the order of the counters.
    pub const ALL: [Self; 10] = [
        Self::PoolFull,
        Self::Reentered,
        Self::WriterThread,
        Self::SinkFailed,
        Self::SinkPanicked,
        Self::NoWriter,
        Self::Filtered,
        Self::TooLarge,
        Self::SubscriberFull,
        Self::Folded,
    ];
}

/// Totals per [`LossReason`] since the start of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Losses {
    /// See [`LossReason::PoolFull`].
    pub pool_full: u64,
    /// See [`LossReason::Reentered`].
    pub reentered: u64,
    /// See [`LossReason::WriterThread`].
    pub writer_thread: u64,
    /// See [`LossReason::SinkFailed`].
    pub sink_failed: u64,
    /// See [`LossReason::SinkPanicked`].
    pub sink_panicked: u64,
    /// See [`LossReason::NoWriter`].
    pub no_writer: u64,
    /// See [`LossReason::Filtered`].
    pub filtered: u64,
    /// See [`LossReason::TooLarge`].
    pub too_large: u64,
    /// See [`LossReason::SubscriberFull`].
    pub subscriber_full: u64,
    /// See [`LossReason::Folded`].
    #[serde(default)]
    pub folded: u64,
}

impl Losses {
    /// Panics without a `panic` line in the file. A subscriber that missed a report lost only its copy.
    pub fn total(&self) -> u64 {
        [
            self.pool_full,
            self.reentered,
            self.writer_thread,
            self.sink_failed,
            self.sink_panicked,
            self.no_writer,
            self.filtered,
            self.too_large,
            self.folded,
        ]
        .into_iter()
        .fold(0, u64::saturating_add)
    }

    /// Asks for the count of each reason.
    pub(crate) fn from_counts(of: impl Fn(LossReason) -> u64) -> Self {
        Self {
            pool_full: of(LossReason::PoolFull),
            reentered: of(LossReason::Reentered),
            writer_thread: of(LossReason::WriterThread),
            sink_failed: of(LossReason::SinkFailed),
            sink_panicked: of(LossReason::SinkPanicked),
            no_writer: of(LossReason::NoWriter),
            filtered: of(LossReason::Filtered),
            too_large: of(LossReason::TooLarge),
            subscriber_full: of(LossReason::SubscriberFull),
            folded: of(LossReason::Folded),
        }
    }
}

/// What the probes could not follow, since the start of the process. No report is lost: verdicts are
/// `unknown` instead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProbeLosses {
    /// Events that found no room in the queue. Verdicts that were open then have the reason `events_lost`.
    pub events_lost: u64,
    /// Panics whose payload has no bytes, as with `panic_any(())`: nothing tells such payloads apart.
    pub payloads_without_bytes: u64,
    /// Panics whose payload type came after the table of types was full.
    pub payload_types_full: u64,
    /// Payloads that had to make room, so that their reads and drops belong to no panic any more.
    pub payloads_unidentified: u64,
    /// Threads whose start was not seen because too many were just starting; they inherit no labels.
    pub threads_unseen: u64,
}

impl ProbeLosses {
    /// Whether more was lost for want of room. A payload without bytes is no lack of room.
    pub(crate) fn grew_since(self, before: Self) -> bool {
        let of_room = |counts: Self| Self { payloads_without_bytes: 0, ..counts };
        of_room(self) != of_room(before)
    }
}

/// Counters that outlive the process, in the order of [`LossReason`]; there is room for reasons to come.
#[repr(transparent)]
#[derive(Debug)]
pub(crate) struct LossMirror(pub(crate) [AtomicU64; 16]);

/// One saturating counter per [`LossReason`].
///
/// All accesses are relaxed: a count publishes no other memory.
#[derive(Debug, Default)]
pub(crate) struct LossCounters {
    counters: [AtomicU64; LossReason::ALL.len()],
    /// Counts along, once it is set. Not in a forked child, which shares it with its parent.
    mirror: OnceRef<'static, LossMirror>,
    /// [`fork::generation`] of the process that owns the mirror.
    home: AtomicU32,
}

impl LossCounters {
    /// Lets another set of counters count along from now on; only the first call counts.
    pub(crate) fn mirror_in(&self, mirror: &'static LossMirror) {
        self.home.store(fork::generation(), Ordering::Relaxed);
        // A second mirror is not looked at.
        let _first = self.mirror.set(mirror);
    }

    /// Adds one loss; stays at `u64::MAX` rather than wrap to 0.
    ///
    /// # Cost
    /// No allocation; one CAS unless other threads count the same reason at the same instant.
    pub(crate) fn record(&self, reason: LossReason) {
        let Some(counter) = self.counters.get(reason as usize) else { return };
        if let Some(mirror) = self.mirror.get()
            && self.home.load(Ordering::Relaxed) == fork::generation()
            && let Some(counter) = mirror.0.get(reason as usize)
        {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        let mut seen = counter.load(Ordering::Relaxed);
        while seen != u64::MAX {
            let next = seen.saturating_add(1);
            match counter.compare_exchange_weak(seen, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }

    /// The totals so far.
    pub(crate) fn totals(&self) -> Losses {
        Losses::from_counts(|reason| {
            self.counters.get(reason as usize).map_or(0, |counter| counter.load(Ordering::Relaxed))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_own_counter_and_appears_in_the_totals() {
        let counters = LossCounters::default();
        for (index, reason) in LossReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index);
            counters.record(reason);
        }
        let json = serde_json::to_value(counters.totals()).unwrap();
        let fields = json.as_object().unwrap();
        assert_eq!(fields.len(), LossReason::ALL.len());
        assert!(fields.values().all(|count| count == 1), "{json}");
        assert_eq!(counters.totals().total(), LossReason::ALL.len() as u64 - 1);
    }

    #[test]
    fn a_full_counter_stays_full() {
        let counters = LossCounters::default();
        counters.counters[0].store(u64::MAX, Ordering::Relaxed);
        counters.record(LossReason::PoolFull);
        assert_eq!(counters.totals().pool_full, u64::MAX);
    }
}
