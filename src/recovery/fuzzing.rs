//! Spools in a form that is small enough to be changed at random, for tests and fuzz targets.
//!
//! Runs on: tests. Must not: be relied upon by anything else.
//!
//! A spool is mostly zeros. Its compact form is one byte of [`Repair`] bits, the length of the file as `u32`, then
//! pieces: offset `u32`, length `u16`, bytes; all little endian.

use crate::channel::layout;
use crate::channel::layout::{fixed, slot};
use crate::record::RawRecord;
use crate::recovery::reader::{self, u32_at, u64_at};
use crate::spool::checksums;

/// Most slots of an expanded spool.
const SLOTS: usize = 4;

/// Which checksums are made right after the pieces were put in place, so that changes get past them.
pub(crate) enum Repair {
    Header = 1,
    Facts = 2,
    Slots = 4,
}

/// The bytes of a spool from its compact form. Pieces that do not fit are left out.
pub(crate) fn expand(input: &[u8]) -> Vec<u8> {
    let Some((&[repair, a, b, c, d], mut rest)) = input.split_first_chunk::<5>() else { return Vec::new() };
    let len = (u32::from_le_bytes([a, b, c, d]) as usize).min(layout::file_bytes(SLOTS));
    let mut bytes = vec![0; len];
    while let Some((&[a, b, c, d, e, f], after)) = rest.split_first_chunk::<6>() {
        let (at, len) = (u32::from_le_bytes([a, b, c, d]) as usize, usize::from(u16::from_le_bytes([e, f])));
        let piece = &after[..len.min(after.len())];
        if let Some(place) = bytes.get_mut(at..at.saturating_add(piece.len())) {
            place.copy_from_slice(piece);
        }
        rest = &after[piece.len()..];
    }
    if repair & Repair::Header as u8 != 0 && bytes.len() >= fixed::BYTES {
        let sum = checksums::header_checksum(&bytes);
        bytes[fixed::CHECKSUM..fixed::BYTES].copy_from_slice(&sum.to_ne_bytes());
    }
    if repair & Repair::Facts as u8 != 0 {
        (0..2).for_each(|copy| repair_facts(&mut bytes, layout::FACTS_AT + copy * layout::FACTS_BYTES));
    }
    if repair & Repair::Slots as u8 != 0 {
        // As the header says, which may be that of a build without breadcrumbs.
        let known = [RawRecord::WITHOUT_CRUMBS, size_of::<RawRecord>()].map(layout::slot_bytes);
        let said = u32_at(&bytes, fixed::SLOT_BYTES);
        let distance =
            known.into_iter().find(|known| said == Some(*known as u32)).unwrap_or(layout::SLOT_BYTES);
        let slots = bytes.get_mut(layout::SLOTS_AT..).unwrap_or_default();
        for (index, slot) in (0..).zip(slots.chunks_exact_mut(distance)) {
            repair_slot(index, slot);
        }
    }
    bytes
}

/// The compact form.
#[cfg(test)]
pub(crate) fn compact(bytes: &[u8], repair: u8) -> Vec<u8> {
    const PIECE: usize = 64;
    let mut compact = vec![repair];
    compact.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    for (number, piece) in bytes.chunks(PIECE).enumerate() {
        if piece.iter().any(|byte| *byte != 0) {
            compact.extend_from_slice(&((number * PIECE) as u32).to_le_bytes());
            compact.extend_from_slice(&(piece.len() as u16).to_le_bytes());
            compact.extend_from_slice(piece);
        }
    }
    compact
}

fn repair_facts(bytes: &mut [u8], at: usize) {
    let Some(copy) = bytes.get_mut(at..at + layout::FACTS_BYTES) else { return };
    let word = |at: usize| u64_at(copy, at).unwrap_or_default();
    let (generation, len) = (word(0), word(8));
    let text = usize::try_from(len).ok().and_then(|len| copy[layout::FACTS_HEAD..].get(..len));
    if let Some(sum) = text.map(|text| checksums::facts_checksum(generation, text)) {
        copy[16..24].copy_from_slice(&sum.to_ne_bytes());
    }
}

fn repair_slot(index: u32, bytes: &mut [u8]) {
    let written = u32_at(bytes, slot::WRITTEN).unwrap_or_default();
    if let Some(record) = RawRecord::decode(&bytes[slot::RECORD..]) {
        let sum = record.checksum(layout::place(index, written));
        bytes[slot::CHECKSUM..slot::CHECKSUM + 8].copy_from_slice(&sum.to_ne_bytes());
    }
}

/// Reads a spool from its compact form, and writes the lines of everything in it.
pub(crate) fn read_and_write(input: &[u8]) {
    use crate::config::Symbols;
    use crate::recovery::report::{Given, Treatment, write};

    let bytes = expand(input);
    let Ok(contents) = reader::read(&bytes) else { return };
    let room = bytes.len().saturating_sub(layout::SLOTS_AT) / contents.slot_bytes;
    assert!(contents.records.len() + contents.torn <= room, "no more records than slots");
    let treatment = Treatment { symbols: Some(Symbols::Off), ..Treatment::default() };
    let mut lines = 0;
    // A line that is too large for the maximum that the spool claims is an error, and no line.
    let _written = write(&contents, &crate::recovery::LogTail::default(), treatment, &mut |given| {
        let Given::Line(line) = given else { return Ok(()) };
        let line = line.with_newline();
        assert!(line.ends_with(b"}\n") && serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok());
        lines += 1;
        Ok(())
    });
    assert!(lines <= 3 + 2 * room, "{lines} lines");
}
