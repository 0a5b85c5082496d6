//! What the protocols of this folder are made of: atomics, a word to wait on, and the cell of a record.
//! `tests/loom/sync.rs` is the twin that the model checker runs.
//!
//! Runs on: every thread. Must not: add anything to what the twin has too.

pub(super) use core::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

use core::cell::UnsafeCell;

pub(crate) use super::memory::Extend;
pub(super) use super::memory::SlotMemory;
pub(crate) use super::memory::SlotRoom;
pub(super) use super::queue::Queue;
pub(super) use crate::sys::futex::Futex;

use crate::record::RawRecord;

/// The record of a slot. Whoever owns the slot by the state protocol may reach it, nobody else.
#[repr(transparent)]
pub(super) struct RecordCell(UnsafeCell<RawRecord>);

impl RecordCell {
    /// For the owner that reads.
    pub(super) fn read(&self) -> *const RawRecord {
        self.0.get()
    }

    /// For the owner that writes.
    pub(super) fn write(&self) -> *mut RawRecord {
        self.0.get()
    }
}
