//! The operands of call-frame instructions.
//!
//! Runs on: the panicking thread and the writer. Must not: allocate, panic.
//! Source: DWARF 5, table 7.29; Linux Standard Base 5.0, section 10.5.1.

use super::ReadError;
use super::arch::SIGNS_RETURN_ADDRESSES;
use super::cursor::{Cursor, Read as _};

/// How an operand is stored. Signed numbers are carried as the bits of a `u64`.
#[derive(Clone, Copy)]
pub(super) enum Operand {
    Absent,
    Byte,
    Half,
    Word,
    Unsigned,
    Signed,
    /// A length and as many bytes: an expression. Skipped.
    Block,
}

impl Operand {
    /// Reads the operand.
    pub(super) fn read(self, code: &mut Cursor<'_>) -> Result<u64, ReadError> {
        match self {
            Self::Absent => Ok(0),
            Self::Byte => code.u8().map(u64::from),
            Self::Half => code.u16().map(u64::from),
            Self::Word => code.u32().map(u64::from),
            Self::Unsigned => code.uleb128(),
            Self::Signed => code.sleb128().map(i64::cast_unsigned),
            Self::Block => {
                let length = code.uleb128()?;
                code.skip(length).map(|()| 0)
            }
        }
    }
}

/// `DW_CFA_remember_state`.
pub(super) const REMEMBER_STATE: u8 = 0x0a;
/// `DW_CFA_restore_state`.
pub(super) const RESTORE_STATE: u8 = 0x0b;
/// `DW_CFA_AARCH64_negate_ra_state`.
pub(super) const NEGATE_RA_STATE: u8 = 0x2d;

/// The operands of an instruction with a whole-byte opcode; `None` when it is not known.
///
/// `DW_CFA_set_loc` (0x01) does not occur in `.eh_frame`.
pub(super) fn operands(opcode: u8) -> Option<[Operand; 2]> {
    use Operand::{Absent, Block, Byte, Half, Signed, Unsigned, Word};
    Some(match opcode {
        0x00 | REMEMBER_STATE | RESTORE_STATE => [Absent, Absent],
        NEGATE_RA_STATE if SIGNS_RETURN_ADDRESSES => [Absent, Absent],
        0x02 => [Byte, Absent],
        0x03 => [Half, Absent],
        0x04 => [Word, Absent],
        0x06..=0x08 | 0x0d | 0x0e | 0x2e => [Unsigned, Absent],
        0x05 | 0x09 | 0x0c | 0x14 | 0x2f => [Unsigned, Unsigned],
        0x11 | 0x12 | 0x15 => [Unsigned, Signed],
        0x13 => [Signed, Absent],
        0x0f => [Block, Absent],
        0x10 | 0x16 => [Unsigned, Block],
        _ => return None,
    })
}
