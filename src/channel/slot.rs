//! One slot: a state word and a record, fixed layout, no pointers, valid when zero.
//!
//! Runs on: panicking threads and the writer. Must not: allocate, lock, panic.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 4 | state: 0 free, 1 claimed, 2 published, 3 written |
//! | 4 | 4 | number of the next free slot plus 1, while this one is in the free list |
//! | 8 | 4 | publications of this slot that were written, wrapping |
//! | 12 | 4 | reserved, 0 |
//! | 16 | 8 | checksum of the record, where the memory outlives the process |
//! | 24 | 8 | reserved, 0 |
//! | 32 | … | [`RawRecord`] |
//!
//! The state goes round `free → claimed → published → written → free`, and from `claimed` back to `free`
//! when a claim is given up. Only the owner of the moment moves it on: whoever took the slot from the free
//! list, then the writer once the slot's number came out of the queue. The state word hands nothing over
//! inside the process (the free list and the queue do that); it tells a reader of the memory, also one that
//! comes after the process died, which records are whole. Hence every store of it is `Release`: a reader
//! that sees `published` sees the whole record.

use super::sync::{AtomicU32, AtomicU64, Futex, Ordering, RecordCell};

/// Nobody owns the slot.
const FREE: u32 = 0;
/// A panicking thread writes the record.
const CLAIMED: u32 = 1;
/// The record is whole and waits for the writer.
const PUBLISHED: u32 = 2;
/// The writer is done with the record.
const WRITTEN: u32 = 3;

/// See the module.
#[repr(C, align(64))]
pub(super) struct Slot {
    state: AtomicU32,
    /// Belongs to the free list.
    pub(super) next: AtomicU32,
    /// Written by the writer only, between `published` and `free`.
    pub(super) written: Futex,
    _reserved: u32,
    checksum: AtomicU64,
    _reserved_too: u64,
    pub(super) record: RecordCell,
}

#[cfg(not(panic_agent_loom))]
const _: () = {
    use super::layout;
    assert!(core::mem::offset_of!(Slot, state) == layout::slot::STATE, "the layout is documented");
    assert!(core::mem::offset_of!(Slot, written) == layout::slot::WRITTEN, "the layout is documented");
    assert!(core::mem::offset_of!(Slot, checksum) == layout::slot::CHECKSUM, "the layout is documented");
    assert!(core::mem::offset_of!(Slot, record) == layout::slot::RECORD, "the layout is documented");
    assert!(size_of::<Slot>() == layout::SLOT_BYTES, "the layout is documented");
    assert!(PUBLISHED == layout::slot::PUBLISHED, "the layout is documented");
};
#[cfg(not(panic_agent_loom))]
const _: () = assert!(
    size_of::<Slot>() <= 6 * 1024 + crate::record::CRUMB_BYTES,
    "a slot stays within 6 KiB and the breadcrumbs"
);

// SAFETY: the record is reached only by the slot's owner (see the module); everything else is atomic.
unsafe impl Sync for Slot {}

impl Slot {
    #[cfg(panic_agent_loom)]
    pub(super) fn new() -> Self {
        Self {
            state: AtomicU32::new(FREE),
            next: AtomicU32::new(0),
            written: Futex::default(),
            _reserved: 0,
            checksum: AtomicU64::new(0),
            _reserved_too: 0,
            record: RecordCell::new(),
        }
    }

    /// By the thread that took the slot from the free list.
    pub(super) fn mark_claimed(&self) {
        self.state.store(CLAIMED, Ordering::Release);
    }

    /// By the thread that claimed it, before it publishes: what tells a later reader that the record is whole.
    pub(super) fn seal(&self, checksum: u64) {
        // Relaxed: `mark_published` follows.
        self.checksum.store(checksum, Ordering::Relaxed);
    }

    /// By the thread that claimed it, when the record is whole.
    pub(super) fn mark_published(&self) {
        self.state.store(PUBLISHED, Ordering::Release);
    }

    /// By the writer, when the record was written.
    pub(super) fn mark_written(&self) {
        self.state.store(WRITTEN, Ordering::Release);
        // Release, paired with the Acquire in `Channel::wait_written`: what the writer did with the record
        // happened before the waiting thread goes on.
        self.written.word().fetch_add(1, Ordering::Release);
    }

    /// By the owner, before the slot goes back to the free list.
    pub(super) fn mark_free(&self) {
        self.state.store(FREE, Ordering::Release);
    }

    /// What one would find who comes after the process died now: a record that waits to be written. Acquire:
    /// then it is whole.
    #[cfg(panic_agent_loom)]
    pub(super) fn holds_a_record(&self) -> bool {
        self.state.load(Ordering::Acquire) == PUBLISHED
    }

    /// For tests of the protocol.
    #[cfg(test)]
    pub(super) fn is_free(&self) -> bool {
        self.state.load(Ordering::Acquire) == FREE
    }
}
