//! Pointers in the encodings of the exception tables (`DW_EH_PE_*`).
//!
//! Runs on: every thread. Must not: follow an indirect pointer, panic, allocate.
//! Source: Linux Standard Base 5.0, section 10.5 "DWARF extensions".

use super::ReadError;
use super::cursor::Read;

/// No value is present.
pub(crate) const OMIT: u8 = 0xff;
const INDIRECT: u8 = 0x80;
const FORMAT: u8 = 0x0f;
const APPLICATION: u8 = 0x70;
const PC_RELATIVE: u8 = 0x10;
const DATA_RELATIVE: u8 = 0x30;
const FUNCTION_RELATIVE: u8 = 0x40;

/// An address as a table states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pointer {
    /// The address itself.
    Direct(u64),
    /// The address of a word that holds it.
    Indirect(u64),
}

impl Pointer {
    /// The address that stands in the table, whatever it points to.
    pub(crate) fn stated(self) -> u64 {
        match self {
            Self::Direct(address) | Self::Indirect(address) => address,
        }
    }
}

/// What relative pointers are relative to, besides their own place.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bases {
    /// Start of `.eh_frame_hdr`, inside that section.
    pub(crate) data: Option<u64>,
    /// Start of the function, inside an LSDA.
    pub(crate) function: Option<u64>,
}

/// The bare number in one of the value formats, sign-extended.
pub(crate) fn read_value(cursor: &mut impl Read, encoding: u8) -> Result<u64, ReadError> {
    match encoding & FORMAT {
        0x00 | 0x04 | 0x0c => cursor.u64(),
        0x01 => cursor.uleb128(),
        0x02 => cursor.u16().map(u64::from),
        0x03 => cursor.u32().map(u64::from),
        0x09 => cursor.sleb128().map(i64::cast_unsigned),
        0x0a => cursor.u16().map(|value| i64::from(value.cast_signed()).cast_unsigned()),
        0x0b => cursor.u32().map(|value| i64::from(value.cast_signed()).cast_unsigned()),
        _ => Err(ReadError::Encoding { encoding }),
    }
}

/// An offset: a number that no base is added to, as in a call-site table.
pub(crate) fn read_offset(cursor: &mut impl Read, encoding: u8) -> Result<u64, ReadError> {
    if encoding & !FORMAT != 0 {
        return Err(ReadError::Encoding { encoding });
    }
    read_value(cursor, encoding)
}

/// A pointer; `None` when the stored number is 0, which stands for null in every relative encoding.
pub(crate) fn read_pointer(
    cursor: &mut impl Read,
    encoding: u8,
    bases: Bases,
) -> Result<Option<Pointer>, ReadError> {
    let unsupported = ReadError::Encoding { encoding };
    if encoding == OMIT {
        return Ok(None);
    }
    let place = cursor.address();
    let value = read_value(cursor, encoding)?;
    let base = match encoding & APPLICATION {
        0 => 0,
        PC_RELATIVE => place,
        DATA_RELATIVE => bases.data.ok_or(unsupported)?,
        FUNCTION_RELATIVE => bases.function.ok_or(unsupported)?,
        _ => return Err(unsupported),
    };
    if value == 0 {
        return Ok(None);
    }
    let address = base.wrapping_add(value);
    Ok(Some(if encoding & INDIRECT == 0 { Pointer::Direct(address) } else { Pointer::Indirect(address) }))
}

/// Moves over a pointer whose base need not be known.
pub(crate) fn skip_pointer(cursor: &mut impl Read, encoding: u8) -> Result<(), ReadError> {
    if encoding & APPLICATION > FUNCTION_RELATIVE {
        // `DW_EH_PE_aligned` begins at the next word; the rest means nothing.
        return Err(ReadError::Encoding { encoding });
    }
    read_value(cursor, encoding).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unwind::Section;

    fn read(bytes: &[u8], encoding: u8, bases: Bases) -> Result<Option<Pointer>, ReadError> {
        read_pointer(&mut Section::new(0x1000, bytes).at(0x1000)?, encoding, bases)
    }

    #[test]
    fn pc_relative_counts_from_the_place_of_the_value() {
        // DW_EH_PE_pcrel | DW_EH_PE_sdata4, value -4.
        assert_eq!(read(&[0xfc, 0xff, 0xff, 0xff], 0x1b, Bases::default()), Ok(Some(Pointer::Direct(0xffc))));
        // The same, indirect: what `DW.ref.rust_eh_personality` looks like.
        let indirect = read(&[0x10, 0, 0, 0], 0x9b, Bases::default());
        assert_eq!(indirect, Ok(Some(Pointer::Indirect(0x1010))));
    }

    #[test]
    fn zero_is_null_in_a_relative_encoding() {
        assert_eq!(read(&[0; 4], 0x1b, Bases::default()), Ok(None));
    }

    #[test]
    fn a_base_that_is_not_known_and_an_alignment_are_refused() {
        assert_eq!(read(&[1; 8], 0x3b, Bases::default()), Err(ReadError::Encoding { encoding: 0x3b }));
        assert_eq!(read(&[1; 8], 0x50, Bases::default()), Err(ReadError::Encoding { encoding: 0x50 }));
        let skip = |encoding| {
            let mut cursor = Section::new(0x1000, &[1; 8]).at(0x1000)?;
            skip_pointer(&mut cursor, encoding).map(|()| cursor.rest().len())
        };
        assert_eq!(skip(0x3b), Ok(4), "the base is not needed");
        assert_eq!(skip(0x50), Err(ReadError::Encoding { encoding: 0x50 }));
        let data = Bases { data: Some(0x5000), ..Bases::default() };
        assert_eq!(read(&[1, 0, 0, 0], 0x3b, data), Ok(Some(Pointer::Direct(0x5001))));
    }
}
