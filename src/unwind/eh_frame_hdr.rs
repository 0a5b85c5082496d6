//! `.eh_frame_hdr`: a table sorted by function start that leads to the FDE of an address.
//!
//! Runs on: every thread. Must not: read outside the section, panic, allocate.
//! Source: Linux Standard Base 5.0, section 10.6.2.

use super::cursor::Read as _;
use super::encoded::{Bases, OMIT, Pointer, read_pointer, read_value};
use super::{ReadError, Section};

/// `DW_EH_PE_datarel | DW_EH_PE_sdata4`: the only table layout that linkers write and unwinders search.
const SEARCHABLE: u8 = 0x3b;
/// Two 32-bit offsets: function start and FDE.
const ENTRY_BYTES: u64 = 8;

/// The header and its search table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EhFrameHdr<'a> {
    address: u64,
    eh_frame: u64,
    table: &'a [u8],
}

impl<'a> EhFrameHdr<'a> {
    /// Reads the header of a section.
    ///
    /// # Errors
    /// Another version than 1, no table, or a table that is not sorted 32-bit offsets.
    pub(crate) fn parse(section: Section<'a>) -> Result<Self, ReadError> {
        let address = section.address();
        let mut cursor = section.at(address)?;
        let version = cursor.u8()?;
        if version != 1 {
            return Err(ReadError::Version { version });
        }
        let eh_frame_encoding = cursor.u8()?;
        let count_encoding = cursor.u8()?;
        let table_encoding = cursor.u8()?;
        let bases = Bases { data: Some(address), function: None };
        let eh_frame = match read_pointer(&mut cursor, eh_frame_encoding, bases)? {
            Some(Pointer::Direct(eh_frame)) => eh_frame,
            _ => return Err(ReadError::Encoding { encoding: eh_frame_encoding }),
        };
        if count_encoding == OMIT || table_encoding != SEARCHABLE {
            return Err(ReadError::NoSearchTable);
        }
        let count = read_value(&mut cursor, count_encoding)?;
        let place = cursor.address();
        let bytes = count.checked_mul(ENTRY_BYTES).ok_or(ReadError::Truncated { address: place })?;
        let table = cursor.split(bytes)?.rest();
        Ok(Self { address, eh_frame, table })
    }

    /// Address of `.eh_frame`.
    pub(crate) fn eh_frame(&self) -> u64 {
        self.eh_frame
    }

    /// Address of the only FDE that can cover `address`. Whether it does, its own length must tell.
    pub(crate) fn fde_candidate(&self, address: u64) -> Option<u64> {
        let (entries, _) = self.table.as_chunks::<8>();
        let after = entries.partition_point(|entry| self.decode(entry).0 <= address);
        let entry = entries.get(after.checked_sub(1)?)?;
        Some(self.decode(entry).1)
    }

    /// Function start and FDE address of every entry, in the order of the table.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let (entries, _) = self.table.as_chunks::<8>();
        entries.iter().map(|entry| self.decode(entry))
    }

    fn decode(&self, entry: &[u8; 8]) -> (u64, u64) {
        let [a, b, c, d, e, f, g, h] = *entry;
        let relative = |offset: i32| self.address.wrapping_add(i64::from(offset).cast_unsigned());
        (relative(i32::from_le_bytes([a, b, c, d])), relative(i32::from_le_bytes([e, f, g, h])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// version 1; eh_frame pcrel sdata4; count udata4; table datarel sdata4; eh_frame at 0x1004 + 0x100;
    /// two entries: function 0x2000 with FDE 0x1110, function 0x3000 with FDE 0x1120.
    const TWO: [u8; 28] = [
        1, 0x1b, 0x03, 0x3b, 0x00, 0x01, 0, 0, 2, 0, 0, 0, //
        0x00, 0x10, 0, 0, 0x10, 0x01, 0, 0, //
        0x00, 0x20, 0, 0, 0x20, 0x01, 0, 0,
    ];

    #[test]
    fn the_last_entry_at_or_before_the_address_is_the_candidate() {
        let hdr = EhFrameHdr::parse(Section::new(0x1000, &TWO)).unwrap();
        assert_eq!(hdr.eh_frame(), 0x1104);
        assert_eq!(hdr.fde_candidate(0x1fff), None);
        assert_eq!(hdr.fde_candidate(0x2000), Some(0x1110));
        assert_eq!(hdr.fde_candidate(0x2fff), Some(0x1110));
        assert_eq!(hdr.fde_candidate(u64::MAX), Some(0x1120));
    }

    #[test]
    fn a_table_that_cannot_be_searched_is_a_named_error() {
        let mut bytes = TWO;
        bytes[3] = OMIT;
        let no_table = EhFrameHdr::parse(Section::new(0x1000, &bytes)).err();
        assert_eq!(no_table, Some(ReadError::NoSearchTable));
        bytes = TWO;
        bytes[8] = 3;
        let short = EhFrameHdr::parse(Section::new(0x1000, &bytes)).err();
        assert_eq!(short, Some(ReadError::Truncated { address: 0x100c }));
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_header_or_an_error(
            bytes in proptest::collection::vec(any::<u8>(), 0..64), valid_start: bool, address: u64,
        ) {
            let mut bytes = bytes;
            if valid_start && bytes.len() >= 4 {
                bytes[..4].copy_from_slice(&TWO[..4]);
            }
            if let Ok(hdr) = EhFrameHdr::parse(Section::new(0x1000, &bytes)) {
                let candidate = hdr.fde_candidate(address);
                prop_assert!(candidate.is_none_or(|fde| hdr.entries().any(|(_, entry)| entry == fde)));
            }
        }
    }
}
