//! The twin of `src/channel/sync.rs` that loom explores: every load, store, fence and wait is a point at which it may
//! switch threads, and every access to a record is checked against all others.
//!
//! Runs on: loom's threads. Must not: be stronger than what it stands for.

pub(super) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

use core::time::Duration;
use loom::cell::UnsafeCell;
use loom::sync::{Condvar, Mutex};

use super::slot::Slot;
use crate::error::Error;
use crate::record::RawRecord;

/// Stands for `sys::futex`. A wait with a timeout is over at once, which any real one may be too.
pub(super) struct Futex {
    word: AtomicU32,
    bucket: Mutex<()>,
    woken: Condvar,
}

impl Default for Futex {
    fn default() -> Self {
        Self { word: AtomicU32::new(0), bucket: Mutex::new(()), woken: Condvar::new() }
    }
}

impl Futex {
    pub(super) fn word(&self) -> &AtomicU32 {
        &self.word
    }

    pub(super) fn wait(&self, expected: u32, timeout: Option<Duration>) {
        if timeout.is_some() {
            loom::thread::yield_now();
            return;
        }
        let bucket = self.bucket.lock().unwrap();
        if self.word.load(Ordering::Relaxed) == expected {
            drop(self.woken.wait(bucket).unwrap());
        }
    }

    pub(super) fn wake_one(&self) {
        let _bucket = self.bucket.lock().unwrap();
        self.woken.notify_one();
    }

    pub(super) fn wake_all(&self) {
        let _bucket = self.bucket.lock().unwrap();
        self.woken.notify_all();
    }
}

/// Stands for the record of a slot.
pub(super) struct RecordCell(UnsafeCell<Box<RawRecord>>);

impl RecordCell {
    pub(super) fn new() -> Self {
        // On the heap, because loom's threads have small stacks.
        Self(UnsafeCell::new(Box::new(RawRecord::new())))
    }

    pub(super) fn read(&self) -> *const RawRecord {
        // SAFETY: the cell is valid while borrowed; loom checks that no other thread writes it.
        self.0.with(|record| unsafe { &raw const **record })
    }

    pub(super) fn write(&self) -> *mut RawRecord {
        // SAFETY: the cell is valid while borrowed; loom checks that no other thread reaches it.
        self.0.with_mut(|record| unsafe { &raw mut **record })
    }
}

/// Room that is not used: the slots of a model lie on its own heap.
pub(crate) struct SlotRoom {
    pub(crate) region: std::sync::Arc<crate::sys::mmap::Region>,
    pub(crate) at: usize,
    pub(crate) extend: Option<Extend>,
}

/// Nothing is extended.
pub(crate) type Extend = Box<dyn Fn(usize) -> bool + Send + Sync>;

/// Stands for the mapped slots.
pub(super) struct SlotMemory(Vec<Slot>);

impl SlotMemory {
    pub(super) fn map(slots: u32) -> Result<Self, Error> {
        Ok(Self((0..slots).map(|_| Slot::new()).collect()))
    }

    pub(super) fn within(room: SlotRoom, slots: u32) -> Option<Self> {
        let _unused = (room.region, room.at, room.extend);
        Self::map(slots).ok()
    }

    pub(super) fn rest_from(&self, _: u32) {}

    pub(super) fn count(&self) -> u32 {
        self.0.len() as u32
    }

    pub(super) fn extend(&self, _: u32) -> bool {
        true
    }

    pub(super) fn is_lasting(&self) -> bool {
        false
    }

    pub(super) fn get(&self, index: u32) -> Option<&Slot> {
        self.0.get(index as usize)
    }
}

/// Stands for crossbeam's queue with the least that any queue must give: a send and the receive of the
/// same message synchronise, and nothing else does. Room for as many sends as a model makes.
pub(super) struct Queue {
    cells: Vec<AtomicU32>,
    tail: AtomicU32,
    /// Of the one receiver only.
    head: AtomicU32,
}

impl Queue {
    pub(super) fn new(_capacity: usize) -> Self {
        let cells = (0..4).map(|_| AtomicU32::new(0)).collect();
        Self { cells, tail: AtomicU32::new(0), head: AtomicU32::new(0) }
    }

    pub(super) fn try_send(&self, index: u32) -> bool {
        let at = self.tail.fetch_add(1, Ordering::Relaxed);
        self.cells[at as usize].store(index + 1, Ordering::Release);
        true
    }

    pub(super) fn try_receive(&self) -> Option<u32> {
        let head = self.head.load(Ordering::Relaxed);
        let Some(index) = self.cells.get(head as usize)?.load(Ordering::Acquire).checked_sub(1) else {
            // A sender may be between its two steps; loom must let it go on.
            loom::thread::yield_now();
            return None;
        };
        self.head.store(head + 1, Ordering::Relaxed);
        Some(index)
    }

    pub(super) fn len(&self) -> usize {
        let (tail, head) = (self.tail.load(Ordering::Relaxed), self.head.load(Ordering::Relaxed));
        tail.saturating_sub(head) as usize
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tail.load(Ordering::Relaxed) == self.head.load(Ordering::Relaxed)
    }
}
