//! Where everything lies in a spool file. The normative text is `docs/spool-format.md`.
//!
//! Runs on: every thread. Must not: change without a new [`VERSION`].
//!
//! All numbers are in the byte order of the machine; a reader on another one sees that by [`BYTE_ORDER`].

use crate::record::RawRecord;

/// First bytes of a spool.
pub(crate) const MAGIC: [u8; 8] = *b"pa-spool";
/// Raised whenever anything here or in [`RawRecord`] moves.
pub(crate) const VERSION: u32 = 1;
/// Reads as another number where the bytes of a word have another order.
pub(crate) const BYTE_ORDER: u32 = 0x0102_0304;

/// Offsets in the fixed header, in order. The header is written once, before the file has its name.
pub(crate) mod fixed {
    pub(crate) const MAGIC: usize = 0;
    pub(crate) const VERSION: usize = 8;
    pub(crate) const BYTE_ORDER: usize = 12;
    pub(crate) const PID: usize = 16;
    pub(crate) const SLOTS: usize = 20;
    pub(crate) const SLOT_BYTES: usize = 24;
    pub(crate) const RECORD_BYTES: usize = 28;
    pub(crate) const START_TICKS: usize = 32;
    pub(crate) const INSTANCE: usize = 40;
    pub(crate) const CREATED: usize = 48;
    pub(crate) const BOOT: usize = 56;
    pub(crate) const CHECKSUM: usize = 72;
    /// Bytes that the checksum covers.
    pub(crate) const COVERED: usize = 72;
    /// All of them.
    pub(crate) const BYTES: usize = 80;
    /// Behind the checksum, because a reader does without it: 0 in spools of earlier builds.
    pub(crate) const PID_NAMESPACE: usize = 80;
}

/// What changes while the process runs: [`crate::spool::live`] has it as a type.
pub(crate) mod changing {
    pub(crate) const FLAGS: usize = 120;
    pub(crate) const LOSSES: usize = 128;
    pub(crate) const LOG: usize = 256;
    /// Distance of the two copies of the log position.
    pub(crate) const LOG_STRIDE: usize = 64;
}

/// The `process` line is in the log.
pub(crate) const FLAG_PROCESS_LINE: u32 = 1;
/// Landings are noted, so that a panic without a note had not landed.
pub(crate) const FLAG_LANDINGS: u32 = 2;
/// Texts go through a redactor. Also in the facts, which are written later.
pub(crate) const FLAG_REDACTED: u32 = 4;

/// The two copies of the facts (see [`crate::spool::process_facts`]): generation, length, checksum, text.
pub(crate) const FACTS_AT: usize = 4096;
/// Bytes of each copy.
pub(crate) const FACTS_BYTES: usize = 64 * 1024;
/// Bytes before the text.
pub(crate) const FACTS_HEAD: usize = 24;

/// Numbers of panics, each at its remainder, with [`UNWINDING`] until it has landed.
pub(crate) const LANDINGS_AT: usize = FACTS_AT + 2 * FACTS_BYTES;
/// Set in the number of a panic that has not landed.
pub(crate) const UNWINDING: u64 = 1 << 63;
/// Entries of 8 bytes.
pub(crate) const LANDINGS: usize = 8192;

/// The first slot. A whole number of pages.
pub(crate) const SLOTS_AT: usize = LANDINGS_AT + 8 * LANDINGS;
const _: () = assert!(SLOTS_AT.is_multiple_of(4096), "slots are aligned to cache lines");

/// Offsets in a slot; `channel::slot` has it as a type.
pub(crate) mod slot {
    pub(crate) const STATE: usize = 0;
    pub(crate) const WRITTEN: usize = 8;
    pub(crate) const CHECKSUM: usize = 16;
    pub(crate) const RECOVERED_IN: usize = 24;
    pub(crate) const RECORD: usize = 32;
    /// The record is whole and its line was not written, as far as the process knew.
    pub(crate) const PUBLISHED: u32 = 2;
    /// A recovery has written its line, in the boot of which the word at [`RECOVERED_IN`] tells.
    pub(crate) const RECOVERED: u32 = 4;
}

/// Distance of two slots.
pub(crate) const SLOT_BYTES: usize = slot_bytes(size_of::<RawRecord>());

/// Distance of two slots with records of this size.
pub(crate) const fn slot_bytes(record: usize) -> usize {
    slot::RECORD.saturating_add(record).next_multiple_of(64)
}

/// Bytes of a spool with this many slots.
pub(crate) const fn file_bytes(slots: usize) -> usize {
    SLOTS_AT.saturating_add(slots.saturating_mul(SLOT_BYTES))
}

/// What the checksum of a slot begins with: its number, and how often it had been written before.
pub(crate) const fn place(index: u32, written_before: u32) -> u64 {
    (index as u64) << 32 | written_before as u64
}
