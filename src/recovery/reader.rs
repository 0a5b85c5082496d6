//! Reads a spool out of bytes that may be anything: damaged, cut, or made to deceive.
//!
//! Runs on: recoveries. Must not: panic, or do more work than the bytes are long; give out a record that is not
//! whole.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use core::fmt;

use crate::channel::layout;
use crate::channel::layout::{changing, fixed, slot};
use crate::record::{LossReason, Losses, RawRecord};
use crate::spool::checksums::{LogPosition, facts_checksum, header_checksum, log_checksum};
use crate::spool::process_facts::Facts;
use crate::spool::process_identity::Owner;

/// Why bytes are no spool that this build can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SpoolError {
    /// They do not begin like one.
    NotASpool,
    /// Another version of the layout.
    Version(u32),
    /// Another byte order, or records of another size.
    Geometry,
    /// The fixed header does not add up.
    Header,
}

impl fmt::Display for SpoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotASpool => write!(f, "it does not begin like a spool"),
            Self::Version(version) => {
                write!(f, "its layout has version {version}, this agent reads version {}", layout::VERSION)
            }
            Self::Geometry => write!(f, "it was made by another build or on another kind of machine"),
            Self::Header => write!(f, "its header is damaged"),
        }
    }
}

/// Everything that a spool says.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) owner: Owner,
    /// Process instance of the panics' ids.
    pub(crate) instance: u64,
    /// `None` when neither copy is whole.
    pub(crate) facts: Option<Facts>,
    pub(crate) log: Option<LogPosition>,
    pub(crate) losses: Losses,
    pub(crate) process_line_written: bool,
    /// Whether texts went through a redactor, also where there are no facts.
    pub(crate) redacted: bool,
    /// Distance of two slots.
    pub(crate) slot_bytes: usize,
    /// Published and perhaps not written, in the order of their numbers.
    pub(crate) records: Vec<Recovered>,
    /// Slots that hold a record that is not whole.
    pub(crate) torn: usize,
    /// Numbers of panics that had not landed, as far as they were noted; in no order.
    pub(crate) unwinding: Vec<u64>,
}

/// A whole record.
pub(crate) struct Recovered {
    pub(crate) record: Box<RawRecord>,
    pub(crate) landing: LandingNote,
    /// Number of its slot.
    pub(crate) slot: u32,
    /// The boot in which an earlier recovery wrote its line; 0: none did.
    pub(crate) written_in: u64,
}

impl fmt::Debug for Recovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recovered")
            .field("sequence", &self.record.sequence)
            .field("landing", &self.landing)
            .finish_non_exhaustive()
    }
}

/// What the spool says of the end of a panic's unwinding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LandingNote {
    /// A catch was entered.
    Landed,
    /// None was.
    NotLanded,
    /// The process did not note it, or a later panic took the note's place.
    Unknown,
}

/// Reads everything that is whole.
///
/// # Errors
/// When the fixed header is not one that this build can read.
pub(crate) fn read(bytes: &[u8]) -> Result<Contents, SpoolError> {
    let header = Header::read(bytes)?;
    let flags = u32_at(bytes, changing::FLAGS).unwrap_or(0);
    let mut contents = Contents {
        owner: header.owner,
        instance: header.instance,
        facts: facts(bytes),
        log: log(bytes),
        losses: losses(bytes),
        process_line_written: flags & layout::FLAG_PROCESS_LINE != 0,
        redacted: flags & layout::FLAG_REDACTED != 0,
        slot_bytes: layout::slot_bytes(header.record_bytes),
        records: Vec::new(),
        torn: 0,
        unwinding: unwinding(bytes, flags),
    };
    let slots = bytes.get(layout::SLOTS_AT..).unwrap_or_default();
    for (index, slot) in (0..header.slots).zip(slots.chunks_exact(contents.slot_bytes)) {
        let written_in = match u32_at(slot, slot::STATE) {
            Some(slot::PUBLISHED) => 0,
            Some(slot::RECOVERED) => u64_at(slot, slot::RECOVERED_IN).unwrap_or(0),
            _ => continue,
        };
        let Some(record) = record(index, slot, header.record_bytes) else {
            contents.torn = contents.torn.saturating_add(1);
            continue;
        };
        let landing = landing(bytes, record.sequence, flags);
        contents.records.push(Recovered { record, landing, slot: index, written_in });
    }
    contents.records.sort_by_key(|recovered| recovered.record.sequence);
    Ok(contents)
}

/// The parts of the fixed header that are not only checked.
struct Header {
    owner: Owner,
    instance: u64,
    slots: u32,
    record_bytes: usize,
}

impl Header {
    fn read(bytes: &[u8]) -> Result<Self, SpoolError> {
        if bytes.get(fixed::MAGIC..).and_then(|at| at.first_chunk()) != Some(&layout::MAGIC) {
            return Err(SpoolError::NotASpool);
        }
        let number = |at| u32_at(bytes, at).ok_or(SpoolError::Header);
        let long = |at| u64_at(bytes, at).ok_or(SpoolError::Header);
        if number(fixed::BYTE_ORDER)? != layout::BYTE_ORDER {
            return Err(SpoolError::Geometry);
        }
        let version = number(fixed::VERSION)?;
        if version != layout::VERSION {
            return Err(SpoolError::Version(version));
        }
        if long(fixed::CHECKSUM)? != header_checksum(bytes) {
            return Err(SpoolError::Header);
        }
        let record_bytes = number(fixed::RECORD_BYTES)? as usize;
        let is_known = [size_of::<RawRecord>(), RawRecord::WITHOUT_CRUMBS].contains(&record_bytes);
        if !is_known || number(fixed::SLOT_BYTES)? as usize != layout::slot_bytes(record_bytes) {
            return Err(SpoolError::Geometry);
        }
        let boot = bytes.get(fixed::BOOT..).and_then(|at| at.first_chunk()).ok_or(SpoolError::Header)?;
        Ok(Self {
            owner: Owner {
                pid: number(fixed::PID)?,
                start_ticks: long(fixed::START_TICKS)?,
                boot: u128::from_ne_bytes(*boot),
                pid_namespace: u64_at(bytes, fixed::PID_NAMESPACE).unwrap_or(0),
            },
            instance: long(fixed::INSTANCE)?,
            slots: number(fixed::SLOTS)?,
            record_bytes,
        })
    }
}

/// The record in a slot, if it is whole.
fn record(index: u32, bytes: &[u8], record_bytes: usize) -> Option<Box<RawRecord>> {
    let written_before = u32_at(bytes, slot::WRITTEN)?;
    let checksum = u64_at(bytes, slot::CHECKSUM)?;
    let record = RawRecord::decode(bytes.get(slot::RECORD..)?.get(..record_bytes)?)?;
    (record.checksum(layout::place(index, written_before)) == checksum).then_some(record)
}

fn landing(bytes: &[u8], sequence: u64, flags: u32) -> LandingNote {
    if flags & layout::FLAG_LANDINGS == 0 {
        return LandingNote::Unknown;
    }
    let entry = usize::try_from(sequence).unwrap_or(0) % layout::LANDINGS;
    match u64_at(bytes, layout::LANDINGS_AT.saturating_add(entry.saturating_mul(8))) {
        Some(noted) if noted == sequence => LandingNote::Landed,
        Some(noted) if noted == sequence | layout::UNWINDING => LandingNote::NotLanded,
        _ => LandingNote::Unknown,
    }
}

/// Numbers of panics that had not landed.
fn unwinding(bytes: &[u8], flags: u32) -> Vec<u64> {
    if flags & layout::FLAG_LANDINGS == 0 {
        return Vec::new();
    }
    let entries = bytes.get(layout::LANDINGS_AT..).unwrap_or_default().chunks_exact(8).take(layout::LANDINGS);
    let numbers = entries.filter_map(|entry| u64_at(entry, 0));
    let open = numbers.filter(|entry| entry & layout::UNWINDING != 0).map(|entry| entry & !layout::UNWINDING);
    open.filter(|sequence| *sequence > 0).collect()
}

/// The newer of two copies.
fn newer<T>(copies: [Option<(u64, T)>; 2]) -> Option<T> {
    copies.into_iter().flatten().max_by_key(|(generation, _)| *generation).map(|(_, copy)| copy)
}

fn facts(bytes: &[u8]) -> Option<Facts> {
    let copy = |number: usize| {
        let start = layout::FACTS_AT.checked_add(number.checked_mul(layout::FACTS_BYTES)?)?;
        let bytes = bytes.get(start..)?;
        let bytes = bytes.get(..layout::FACTS_BYTES).unwrap_or(bytes);
        let (generation, len) = (u64_at(bytes, 0)?, u64_at(bytes, 8)?);
        let text = bytes.get(layout::FACTS_HEAD..)?.get(..usize::try_from(len).ok()?)?;
        let whole = generation > 0 && u64_at(bytes, 16)? == facts_checksum(generation, text);
        Some((generation, serde_json::from_slice(text).ok().filter(|_| whole)?))
    };
    newer([copy(0), copy(1)])
}

fn log(bytes: &[u8]) -> Option<LogPosition> {
    let copy = |number: usize| {
        let at = changing::LOG.checked_add(number.checked_mul(changing::LOG_STRIDE)?)?;
        let word = |number: usize| u64_at(bytes, at.checked_add(number.checked_mul(8)?)?);
        let generation = word(0)?;
        let position =
            LogPosition { device: word(1)?, inode: word(2)?, offset: word(3)?, noted_ns: word(4)? };
        (generation > 0 && word(5)? == log_checksum(generation, position)).then_some((generation, position))
    };
    newer([copy(0), copy(1)])
}

fn losses(bytes: &[u8]) -> Losses {
    Losses::from_counts(|reason: LossReason| {
        u64_at(bytes, changing::LOSSES.saturating_add((reason as usize).saturating_mul(8))).unwrap_or(0)
    })
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|word| u32::from_ne_bytes(*word))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|word| u64::from_ne_bytes(*word))
}
