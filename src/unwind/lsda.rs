//! Reads what a frame does with a Rust panic from its language-specific data area (LSDA).
//!
//! Runs on: the panicking thread and the writer. Must not: read outside the given bytes, panic, allocate; read a byte
//! that a personality routine does not read.
//! Source: Itanium C++ ABI, "Exception handling tables"; Rust std `sys/personality/dwarf/eh.rs`; GCC
//! `libstdc++-v3/libsupc++/eh_personality.cc` and `libgcc/unwind-c.c`.

use super::cursor::{Read, Source};
use super::encoded::{OMIT, read_offset, read_value, skip_pointer};
use super::{Personality, ReadError};
use crate::record::EhAction;

/// Records in one chain; a chain longer than this is a loop.
const MAX_CHAIN: usize = 1024;
/// Bytes after the call-site table that [`extent`] allows for action and type tables.
const TAIL_BYTES: u64 = 4096;

/// What the frame of a function does with a Rust panic that reaches it from the call at `address`.
///
/// `address` is the return address minus one.
///
/// # Errors
/// The LSDA lies outside the section or cannot be read.
pub(crate) fn find_action(
    bytes: &impl Source,
    lsda: u64,
    function_start: u64,
    address: u64,
    personality: Personality,
) -> Result<EhAction, ReadError> {
    let mut header = Header::at(bytes.at(lsda)?);
    header.read()?;
    match (header.call_site(function_start, address)?, personality) {
        // std: the ip is not present in the table, so the call must not unwind. C has no such rule.
        (None, Personality::C) | (Some((0, _)), _) => Ok(EhAction::None),
        (None, _) => Ok(EhAction::Terminate),
        (Some((_, 0)), _) | (Some(_), Personality::C) => Ok(EhAction::Cleanup),
        (Some((_, action)), Personality::Rust) => header.first_record(bytes, action),
        (Some((_, action)), Personality::Cxx | Personality::Other) => header.chain(bytes, action),
    }
}

/// Whether the landing pad for the call at `address` runs destructors before it catches: those of functions that were
/// inlined into the one that catches have no landing of their own.
///
/// LLVM writes the actions of one landing pad as a chain, the catch first and the cleanup last
/// (`MachineFunction::addLandingPad`).
///
/// # Errors
/// As for [`find_action`]; also where the call is not covered by a catch.
pub(crate) fn catch_cleans(
    bytes: &impl Source,
    lsda: u64,
    function_start: u64,
    address: u64,
) -> Result<bool, ReadError> {
    let mut header = Header::at(bytes.at(lsda)?);
    header.read()?;
    let no_catch = ReadError::OutOfSection { address };
    let (_, action) =
        header.call_site(function_start, address)?.filter(|(pad, _)| *pad != 0).ok_or(no_catch)?;
    let mut record = bytes.at(header.record_address(action))?;
    for _ in 0..MAX_CHAIN {
        if record.sleb128()? == 0 {
            return Ok(true);
        }
        let place = record.address();
        match record.sleb128()? {
            0 => return Ok(false),
            displacement => record = bytes.at(place.wrapping_add(displacement.cast_unsigned()))?,
        }
    }
    Err(ReadError::ActionLoop { address })
}

/// One past the last byte of an LSDA as far as its header tells, or a little more.
pub(crate) fn extent(bytes: &impl Source, lsda: u64) -> Result<u64, ReadError> {
    let mut header = Header::at(bytes.at(lsda)?);
    header.read()?;
    Ok(header.type_table.unwrap_or(0).max(header.actions.saturating_add(TAIL_BYTES)))
}

/// What stands before the call sites, and these.
struct Header<C> {
    /// While the header is read: what is left of it.
    call_sites: C,
    call_site_encoding: u8,
    /// Address of the action table.
    actions: u64,
    /// Address just after the type table, from which its entries are counted backwards.
    type_table: Option<u64>,
    type_encoding: u8,
}

/// Read in small steps, and in place: one of the readers is a thread with little stack, and in a debug build every
/// value that a function returns or hands on has a place of its own in its frame.
impl<C: Read> Header<C> {
    /// One at the start of an LSDA.
    fn at(lsda: C) -> Self {
        Self { call_sites: lsda, call_site_encoding: OMIT, actions: 0, type_table: None, type_encoding: OMIT }
    }

    fn read(&mut self) -> Result<(), ReadError> {
        self.skip_landing_pad_base()?;
        self.read_type_table()?;
        self.read_call_site_encoding()?;
        self.read_call_sites()
    }

    /// Only the distance from 0 of a landing pad matters here, not the base it is counted from.
    fn skip_landing_pad_base(&mut self) -> Result<(), ReadError> {
        match self.call_sites.u8()? {
            OMIT => Ok(()),
            encoding => skip_pointer(&mut self.call_sites, encoding),
        }
    }

    fn read_type_table(&mut self) -> Result<(), ReadError> {
        self.type_encoding = self.call_sites.u8()?;
        if self.type_encoding != OMIT {
            let offset = self.call_sites.uleb128()?;
            self.type_table = Some(self.call_sites.address().wrapping_add(offset));
        }
        Ok(())
    }

    fn read_call_site_encoding(&mut self) -> Result<(), ReadError> {
        self.call_site_encoding = self.call_sites.u8()?;
        Ok(())
    }

    fn read_call_sites(&mut self) -> Result<(), ReadError> {
        let length = self.call_sites.uleb128()?;
        self.actions = self.call_sites.address().wrapping_add(length);
        self.call_sites = self.call_sites.split(length)?;
        Ok(())
    }

    /// Landing pad and action number of the call site that covers the address.
    fn call_site(&self, function_start: u64, address: u64) -> Result<Option<(u64, u64)>, ReadError> {
        let mut sites = self.call_sites;
        while !sites.is_empty() {
            let start = read_offset(&mut sites, self.call_site_encoding)?;
            let length = read_offset(&mut sites, self.call_site_encoding)?;
            let landing_pad = read_offset(&mut sites, self.call_site_encoding)?;
            let action = sites.uleb128()?;
            let start = function_start.wrapping_add(start);
            if address < start {
                // The table is sorted.
                return Ok(None);
            }
            if address < start.wrapping_add(length) {
                return Ok(Some((landing_pad, action)));
            }
        }
        Ok(None)
    }

    fn record_address(&self, action: u64) -> u64 {
        // Action numbers count bytes from 1.
        self.actions.wrapping_add(action).wrapping_sub(1)
    }

    /// Rust's rule: the first record alone decides.
    fn first_record(&self, bytes: &impl Source, action: u64) -> Result<EhAction, ReadError> {
        let filter = bytes.at(self.record_address(action))?.sleb128()?;
        Ok(match filter {
            0 => EhAction::Cleanup,
            1.. => EhAction::Catch,
            _ => EhAction::Filter,
        })
    }

    /// C++'s rule for a foreign exception: the first record of the chain that matches it.
    fn chain(&self, bytes: &impl Source, action: u64) -> Result<EhAction, ReadError> {
        let mut address = self.record_address(action);
        let mut seen = EhAction::None;
        for _ in 0..MAX_CHAIN {
            let mut record = bytes.at(address)?;
            let filter = record.sleb128()?;
            if filter > 0 && self.is_catch_all(bytes, filter.unsigned_abs())? {
                return Ok(EhAction::Catch);
            }
            if filter < 0 {
                // An exception specification: no foreign exception is in its list.
                return Ok(EhAction::Filter);
            }
            if filter == 0 {
                seen = EhAction::Cleanup;
            }
            let place = record.address();
            match record.sleb128()? {
                0 => return Ok(seen),
                displacement => address = place.wrapping_add(displacement.cast_unsigned()),
            }
        }
        Err(ReadError::ActionLoop { address })
    }

    /// Whether a type entry is null: `catch (...)` in C++, the catch of `catch_unwind` in Rust.
    fn is_catch_all(&self, bytes: &impl Source, index: u64) -> Result<bool, ReadError> {
        let unsupported = ReadError::Encoding { encoding: self.type_encoding };
        let table = self.type_table.ok_or(unsupported)?;
        let size = match self.type_encoding & 0x0f {
            0x00 | 0x04 | 0x0c => 8,
            0x02 | 0x0a => 2,
            0x03 | 0x0b => 4,
            _ => return Err(unsupported),
        };
        let entry = table.wrapping_sub(index.wrapping_mul(size));
        read_value(&mut bytes.at(entry)?, self.type_encoding).map(|value| value == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unwind::Section;
    use proptest::prelude::*;

    const LSDA: u64 = 0x5000;
    const FUNCTION: u64 = 0x2000;

    /// Landing-pad base omitted; type table pcrel sdata4, ending 24 bytes on; call sites in uleb128, 16 bytes:
    const BYTES: [u8; 32] = [
        0xff, 0x9b, 0x1d, 0x01, 0x10, //
        0x00, 0x10, 0x00, 0x00, // 0x00..0x10: no landing pad
        0x10, 0x10, 0x40, 0x00, // 0x10..0x20: cleanup
        0x20, 0x10, 0x50, 0x01, // 0x20..0x30: action 1
        0x30, 0x10, 0x60, 0x03, // 0x30..0x40: action 3; from 0x40 on: nothing
        0x01, 0x00, // action 1: type 1, end of chain
        0x7f, 0x00, // action 3: filter -1, end of chain
        0x00, 0x00, 0x00, // padding
        0x00, 0x00, 0x00, 0x00, // type 1: null
    ];

    fn action(bytes: &[u8], offset: u64, personality: Personality) -> Result<EhAction, ReadError> {
        find_action(&Section::new(LSDA, bytes), LSDA, FUNCTION, FUNCTION + offset, personality)
    }

    #[test]
    fn each_kind_of_call_site_has_its_action() {
        for (offset, expected) in [
            (0x00, EhAction::None),
            (0x1f, EhAction::Cleanup),
            (0x20, EhAction::Catch),
            (0x3f, EhAction::Filter),
            (0x40, EhAction::Terminate),
        ] {
            for personality in [Personality::Rust, Personality::Cxx, Personality::Other] {
                assert_eq!(action(&BYTES, offset, personality), Ok(expected), "{offset:#x} {personality:?}");
            }
        }
    }

    #[test]
    fn a_catch_cleans_where_its_chain_ends_with_a_cleanup() {
        let cleans = |bytes: &[u8], offset: u64| {
            catch_cleans(&Section::new(LSDA, bytes), LSDA, FUNCTION, FUNCTION + offset)
        };
        assert_eq!(cleans(&BYTES, 0x20), Ok(false));
        // The record behind it, one byte from the displacement: a cleanup, and the end.
        let mut bytes = BYTES;
        bytes[22..25].copy_from_slice(&[0x01, 0x00, 0x00]);
        assert_eq!(cleans(&bytes, 0x20), Ok(true));
        assert!(cleans(&BYTES, 0x00).is_err(), "no landing pad");
        assert!(cleans(&BYTES, 0x48).is_err(), "no call site");
    }

    #[test]
    fn c_stops_nothing() {
        assert_eq!(action(&BYTES, 0x20, Personality::C), Ok(EhAction::Cleanup));
        assert_eq!(action(&BYTES, 0x40, Personality::C), Ok(EhAction::None));
    }

    #[test]
    fn a_typed_catch_of_cxx_lets_a_panic_pass_and_a_later_catch_all_stops_it() {
        // Type table pcrel sdata4, ending at 3 + 0x15 = 24; one call site 0x00..0x10 with action 1.
        let mut bytes = [
            0xff, 0x9b, 0x15, 0x01, 0x04, 0x00, 0x10, 0x40, 0x01, //
            0x01, 0x01, // action 1: type 1, next record 1 byte after the displacement's place
            0x02, 0x00, // type 2, end of chain
            0x00, 0x00, 0x00, // padding
            0x00, 0x00, 0x00, 0x00, // type 2: null, `catch (...)`
            0x40, 0x00, 0x00, 0x00, // type 1: a class
        ];
        assert_eq!(action(&bytes, 0, Personality::Cxx), Ok(EhAction::Catch));
        bytes[16] = 0x40;
        assert_eq!(action(&bytes, 0, Personality::Cxx), Ok(EhAction::None));
        // Rust's routine does not look at types: any positive index stops.
        assert_eq!(action(&bytes, 0, Personality::Rust), Ok(EhAction::Catch));
        // A cleanup at the end of the chain.
        bytes[11] = 0;
        assert_eq!(action(&bytes, 0, Personality::Cxx), Ok(EhAction::Cleanup));
    }

    #[test]
    fn a_chain_that_returns_to_itself_ends_with_an_error() {
        let mut bytes = BYTES;
        // Type 1 does not match; the displacement leads back to the same record.
        bytes[28] = 0x40;
        bytes[22] = 0x7f;
        assert!(matches!(action(&bytes, 0x20, Personality::Cxx), Err(ReadError::ActionLoop { .. })));
    }

    #[test]
    fn a_call_site_table_longer_than_the_section_is_truncated() {
        let mut bytes = BYTES;
        bytes[4] = 0x7f;
        let error = action(&bytes, 0, Personality::Rust);
        assert_eq!(error, Err(ReadError::Truncated { address: LSDA + 5 }));
    }

    proptest! {
        #[test]
        fn any_bytes_give_an_action_or_an_error(
            bytes in proptest::collection::vec(any::<u8>(), 0..64), offset in 0_u64..0x100, which in 0..4_u8,
        ) {
            let personality = match which {
                0 => Personality::Rust,
                1 => Personality::Cxx,
                2 => Personality::C,
                _ => Personality::Other,
            };
            if let Ok(action) = action(&bytes, offset, personality) {
                prop_assert!(action != EhAction::Unknown);
                prop_assert!(personality != Personality::C || !action.stops());
            }
        }

        #[test]
        fn damaged_tables_give_an_action_or_an_error(at in 0..BYTES.len(), byte: u8, offset in 0_u64..0x80) {
            let mut bytes = BYTES;
            bytes[at] = byte;
            for personality in [Personality::Rust, Personality::Cxx, Personality::C, Personality::Other] {
                let _either = action(&bytes, offset, personality);
            }
        }
    }
}
