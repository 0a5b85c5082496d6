//! `.eh_frame`: CIEs and FDEs.
//!
//! Runs on: every thread. Must not: read outside the section, panic, allocate.
//! Source: Linux Standard Base 5.0, section 10.6.1; DWARF 5, section 6.4.1.

use super::cursor::{Cursor, Read as _};
use super::encoded::{Bases, OMIT, Pointer, read_pointer, read_value};
use super::{ReadError, Section};

/// What a group of FDEs has in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cie<'a> {
    pub(crate) code_alignment: u64,
    pub(crate) data_alignment: i64,
    pub(crate) return_register: u64,
    /// The routine that the unwinder asks about each frame.
    pub(crate) personality: Option<Pointer>,
    /// The frame was made by the kernel to deliver a signal; its registers are all restored from memory.
    pub(crate) signal_frame: bool,
    pub(crate) instructions: Cursor<'a>,
    lsda_encoding: u8,
    pointer_encoding: u8,
    /// The augmentation begins with `z`: an FDE states the length of its own augmentation data.
    sized: bool,
}

/// One function, or one piece of a function.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fde<'a> {
    pub(crate) cie: Cie<'a>,
    /// First address of the function.
    pub(crate) start: u64,
    /// One past the last address.
    pub(crate) end: u64,
    /// The language-specific data area; `None` when the function needs no landing pads.
    pub(crate) lsda: Option<Pointer>,
    pub(crate) instructions: Cursor<'a>,
}

/// The common head of CIE and FDE.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    /// Address of the entry after this one.
    pub(crate) next: u64,
    address: u64,
    // Distance already applied.
    cie: Option<u64>,
    body: Cursor<'a>,
}

impl<'a> Entry<'a> {
    /// The entry at an address; `None` at the terminator, whose length is 0.
    pub(crate) fn at(eh_frame: Section<'a>, address: u64) -> Result<Option<Self>, ReadError> {
        let mut cursor = eh_frame.at(address)?;
        let length = match cursor.u32()? {
            0 => return Ok(None),
            u32::MAX => cursor.u64()?,
            short => u64::from(short),
        };
        let mut body = cursor.split(length)?;
        let id_place = body.address();
        // In .eh_frame the id is always 32 bits: 0 for a CIE, else the distance back to the CIE.
        let cie = match body.u32()? {
            0 => None,
            distance => Some(id_place.wrapping_sub(u64::from(distance))),
        };
        Ok(Some(Self { next: cursor.address(), address, cie, body }))
    }

    /// Address of the CIE that an FDE belongs to; `None` for a CIE.
    pub(crate) fn cie(&self) -> Option<u64> {
        self.cie
    }
}

impl<'a> Cie<'a> {
    /// The CIE at an address.
    pub(crate) fn at(eh_frame: Section<'a>, address: u64) -> Result<Self, ReadError> {
        let entry = match Entry::at(eh_frame, address)? {
            Some(entry) if entry.cie.is_none() => entry,
            _ => return Err(ReadError::NotACie { address }),
        };
        Self::parse(&entry)
    }

    /// Whether FDEs of this CIE may have an LSDA.
    pub(crate) fn has_lsdas(&self) -> bool {
        self.lsda_encoding != OMIT
    }

    fn parse(entry: &Entry<'a>) -> Result<Self, ReadError> {
        let mut cursor = entry.body;
        let version = cursor.u8()?;
        let text = cursor;
        while cursor.u8()? != 0 {}
        match version {
            1 | 3 => {}
            4 => {
                let (address_bytes, segment_bytes) = (cursor.u8()?, cursor.u8()?);
                if (address_bytes, segment_bytes) != (8, 0) {
                    return Err(ReadError::Version { version });
                }
            }
            _ => return Err(ReadError::Version { version }),
        }
        let code_alignment = cursor.uleb128()?;
        let data_alignment = cursor.sleb128()?;
        let return_register = if version == 1 { u64::from(cursor.u8()?) } else { cursor.uleb128()? };
        let mut cie = Self {
            code_alignment,
            data_alignment,
            return_register,
            personality: None,
            signal_frame: false,
            instructions: cursor,
            lsda_encoding: OMIT,
            pointer_encoding: 0,
            sized: false,
        };
        cie.read_augmentation(text, &mut cursor, entry.address)?;
        Ok(cie)
    }

    /// Letters of the augmentation text, and their data in the same order.
    fn read_augmentation(
        &mut self,
        mut text: Cursor<'a>,
        cursor: &mut Cursor<'a>,
        address: u64,
    ) -> Result<(), ReadError> {
        let mut data = *cursor;
        loop {
            match text.u8()? {
                0 => break,
                b'z' if !self.sized => {
                    let length = cursor.uleb128()?;
                    data = cursor.split(length)?;
                    self.sized = true;
                }
                b'L' if self.sized => self.lsda_encoding = data.u8()?,
                b'R' if self.sized => self.pointer_encoding = data.u8()?,
                b'P' if self.sized => {
                    let encoding = data.u8()?;
                    self.personality = read_pointer(&mut data, encoding, Bases::default())?;
                }
                b'S' if self.sized => self.signal_frame = true,
                // AArch64: return addresses are signed with the B key; or: tagged memory. Neither has data.
                b'B' | b'G' if self.sized => {}
                _ => return Err(ReadError::Augmentation { address }),
            }
        }
        self.instructions = *cursor;
        Ok(())
    }
}

impl<'a> Fde<'a> {
    /// The FDE at an address, with its CIE.
    pub(crate) fn at(eh_frame: Section<'a>, address: u64) -> Result<Self, ReadError> {
        match Entry::at(eh_frame, address)? {
            Some(entry) => Self::parse(eh_frame, &entry),
            None => Err(ReadError::NotAnFde { address }),
        }
    }

    /// Reads the rest of an entry that is an FDE.
    pub(crate) fn parse(eh_frame: Section<'a>, entry: &Entry<'a>) -> Result<Self, ReadError> {
        let address = entry.address;
        let cie = Cie::at(eh_frame, entry.cie.ok_or(ReadError::NotAnFde { address })?)?;
        Self::with_cie(cie, entry)
    }

    /// Reads the rest of an FDE whose CIE is known.
    pub(crate) fn with_cie(cie: Cie<'a>, entry: &Entry<'a>) -> Result<Self, ReadError> {
        let address = entry.address;
        let mut cursor = entry.body;
        let start = match read_pointer(&mut cursor, cie.pointer_encoding, Bases::default())? {
            Some(Pointer::Direct(start)) => start,
            // A start of 0 is what a linker leaves of a discarded function.
            _ => return Err(ReadError::NotAnFde { address }),
        };
        let length = read_value(&mut cursor, cie.pointer_encoding)?;
        let mut lsda = None;
        if cie.sized {
            let length = cursor.uleb128()?;
            let mut data = cursor.split(length)?;
            if cie.lsda_encoding != OMIT {
                lsda = read_pointer(&mut data, cie.lsda_encoding, Bases::default())?;
            }
        }
        let end = start.saturating_add(length);
        Ok(Self { cie, start, end, lsda, instructions: cursor })
    }

    /// Whether an address lies in the function.
    pub(crate) fn contains(&self, address: u64) -> bool {
        (self.start..self.end).contains(&address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A CIE `zPLR` at 0x1000 and one FDE at 0x1020, the shape that LLVM writes for Rust on x86_64.
    const FRAME: [u8; 68] = [
        // CIE, length 0x1c, id 0, version 1, "zPLR".
        0x1c, 0, 0, 0, 0, 0, 0, 0, 1, b'z', b'P', b'L', b'R', 0, //
        // code alignment 1, data alignment -8, return register 16, 7 bytes of augmentation data:
        // personality indirect pcrel sdata4 at 0x1013 + 0x100, LSDA pcrel sdata4, pointers pcrel sdata4.
        0x01, 0x78, 0x10, 0x07, 0x9b, 0x00, 0x01, 0, 0, 0x1b, 0x1b, //
        // DW_CFA_def_cfa rsp+8; DW_CFA_offset ra, cfa-8; nop.
        0x0c, 0x07, 0x08, 0x90, 0x01, 0, 0, //
        // FDE at 0x1020, length 0x1c, CIE 0x24 back; start 0x1028 + 0x1000, length 0x40.
        0x1c, 0, 0, 0, 0x24, 0, 0, 0, 0x00, 0x10, 0, 0, 0x40, 0, 0, 0, //
        // 4 bytes of augmentation data: LSDA at 0x1031 + 0x200. Then 11 bytes of instructions.
        0x04, 0x00, 0x02, 0, 0, 0x44, 0x0e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, //
        // Terminator.
        0, 0, 0, 0,
    ];

    fn section(bytes: &[u8]) -> Section<'_> {
        Section::new(0x1000, bytes)
    }

    #[test]
    fn an_fde_names_its_function_its_lsda_and_its_personality() {
        let fde = Fde::at(section(&FRAME), 0x1020).unwrap();
        assert_eq!((fde.start, fde.end), (0x2028, 0x2068));
        assert_eq!(fde.lsda, Some(Pointer::Direct(0x1231)));
        assert_eq!(fde.cie.personality, Some(Pointer::Indirect(0x1113)));
        assert_eq!((fde.cie.code_alignment, fde.cie.data_alignment, fde.cie.return_register), (1, -8, 16));
        assert!(fde.contains(0x2067) && !fde.contains(0x2068));
        assert!(!fde.cie.signal_frame);
    }

    #[test]
    fn the_terminator_is_no_entry_and_a_cie_is_no_fde() {
        assert!(Entry::at(section(&FRAME), 0x1040).unwrap().is_none());
        assert_eq!(Fde::at(section(&FRAME), 0x1000).err(), Some(ReadError::NotAnFde { address: 0x1000 }));
    }

    #[test]
    fn an_unknown_letter_is_refused_because_its_data_cannot_be_skipped() {
        let mut bytes = FRAME;
        bytes[11] = b'Q';
        let error = Fde::at(section(&bytes), 0x1020).err();
        assert_eq!(error, Some(ReadError::Augmentation { address: 0x1000 }));
    }

    #[test]
    fn a_length_beyond_the_section_is_truncated() {
        let mut bytes = FRAME;
        bytes[0x21] = 0xff;
        assert_eq!(Fde::at(section(&bytes), 0x1020).err(), Some(ReadError::Truncated { address: 0x1024 }));
    }

    proptest! {
        #[test]
        fn damaged_entries_are_read_or_refused(
            changes in proptest::collection::vec((0..FRAME.len(), any::<u8>()), 1..6), address in 0xfff_u64..0x1048,
        ) {
            let mut bytes = FRAME;
            for (at, byte) in changes {
                bytes[at] = byte;
            }
            if let Ok(fde) = Fde::at(section(&bytes), address) {
                prop_assert!(fde.start <= fde.end);
                prop_assert!(fde.instructions.rest().len() <= bytes.len());
            }
        }
    }
}
