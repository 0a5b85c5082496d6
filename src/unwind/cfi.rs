//! Runs call-frame instructions up to one address.
//!
//! Only three things are followed: the canonical frame address, the frame pointer and the return address.
//! Nothing else is needed to walk, which keeps the whole state within a few hundred bytes of stack.
//!
//! Runs on: the panicking thread and the writer. Must not: allocate, panic, evaluate expressions.
//! Source: DWARF 5, section 6.4.2; Linux Standard Base 5.0, section 10.5.1 (GNU additions).

use super::arch::{FRAME_POINTER, SIGNS_RETURN_ADDRESSES, STACK_POINTER};
use super::cursor::Cursor;
use super::eh_frame::Cie;
use super::{CfaBase, Fde, FrameRule, ReadError, Step};

/// Remembered states at a time. Compilers nest one or two.
const REMEMBERED: usize = 4;

/// The rule in force for the instruction that contains `address`.
///
/// `address` is a return address minus one, or an exact instruction pointer.
///
/// # Errors
/// The instructions cannot be read; nothing is known about the frame then.
pub(crate) fn rule_at(fde: &Fde<'_>, address: u64) -> Result<FrameRule, ReadError> {
    if fde.cie.signal_frame {
        return Ok(FrameRule::Unsupported);
    }
    let mut machine = Machine::new(fde);
    // The initial rows of a CIE have no location: they hold from the first address on.
    machine.run(fde.cie.instructions, u64::MAX)?;
    machine.initial = machine.now;
    machine.location = fde.start;
    machine.run(fde.instructions, address)?;
    Ok(machine.now.rule())
}

/// Where the caller's value of a register is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Saved {
    /// No instruction spoke of it.
    Unspecified,
    SameValue,
    Undefined,
    /// Relative to the CFA, in bytes.
    At(i64),
    /// In another register, or computed.
    Elsewhere,
}

#[derive(Clone, Copy, Debug)]
enum Cfa {
    Register {
        register: u64,
        offset: i64,
    },
    /// An expression, or nothing yet.
    Elsewhere,
}

/// One row of the call-frame table.
#[derive(Clone, Copy, Debug)]
struct Row {
    cfa: Cfa,
    frame_pointer: Saved,
    return_address: Saved,
    signed: bool,
}

impl Row {
    const EMPTY: Self = Self {
        cfa: Cfa::Elsewhere,
        frame_pointer: Saved::Unspecified,
        return_address: Saved::Unspecified,
        signed: false,
    };

    fn rule(&self) -> FrameRule {
        let return_address_at = match self.return_address {
            Saved::Undefined => return FrameRule::Bottom,
            Saved::At(offset) => offset,
            // Still in the link register: only a leaf has that, and a leaf has called nobody.
            _ => return FrameRule::Unsupported,
        };
        let (base, cfa_offset) = match self.cfa {
            Cfa::Register { register: STACK_POINTER, offset } => (CfaBase::StackPointer, offset),
            Cfa::Register { register: FRAME_POINTER, offset } => (CfaBase::FramePointer, offset),
            _ => return FrameRule::Unsupported,
        };
        let frame_pointer_at = match self.frame_pointer {
            Saved::Unspecified | Saved::SameValue | Saved::Undefined => None,
            Saved::At(offset) => Some(offset),
            Saved::Elsewhere => return FrameRule::Unsupported,
        };
        FrameRule::Step(Step { base, cfa_offset, frame_pointer_at, return_address_at, signed: self.signed })
    }
}

struct Machine<'c, 'a> {
    cie: &'c Cie<'a>,
    location: u64,
    now: Row,
    initial: Row,
    remembered: [Row; REMEMBERED],
    depth: usize,
}

impl<'c, 'a> Machine<'c, 'a> {
    fn new(fde: &'c Fde<'a>) -> Self {
        Self {
            cie: &fde.cie,
            location: 0,
            now: Row::EMPTY,
            initial: Row::EMPTY,
            remembered: [Row::EMPTY; REMEMBERED],
            depth: 0,
        }
    }

    /// Executes instructions until their location lies beyond `address`.
    fn run(&mut self, mut code: Cursor<'a>, address: u64) -> Result<(), ReadError> {
        while !code.is_empty() {
            let byte = code.u8()?;
            let low = u64::from(byte & 0x3f);
            match byte >> 6 {
                // DW_CFA_advance_loc
                1 => self.advance(low),
                // DW_CFA_offset
                2 => {
                    let factored = code.uleb128()?;
                    self.save_at(low, factored.cast_signed());
                }
                // DW_CFA_restore
                3 => self.restore(low),
                _ => self.extended(byte, &mut code)?,
            }
            if self.location > address {
                // The advance just made belongs to a later row; nothing after it has been read.
                return Ok(());
            }
        }
        Ok(())
    }

    fn extended(&mut self, opcode: u8, code: &mut Cursor<'a>) -> Result<(), ReadError> {
        match opcode {
            // nop
            0x00 => {}
            // advance_loc1, 2, 4
            0x02 => self.advance(u64::from(code.u8()?)),
            0x03 => self.advance(u64::from(code.u16()?)),
            0x04 => self.advance(u64::from(code.u32()?)),
            // offset_extended, offset_extended_sf, GNU_negative_offset_extended
            0x05 => {
                let register = code.uleb128()?;
                let factored = code.uleb128()?.cast_signed();
                self.save_at(register, factored);
            }
            0x11 => {
                let register = code.uleb128()?;
                let factored = code.sleb128()?;
                self.save_at(register, factored);
            }
            0x2f => {
                let register = code.uleb128()?;
                let factored = code.uleb128()?.cast_signed().wrapping_neg();
                self.save_at(register, factored);
            }
            // restore_extended, undefined, same_value
            0x06 => {
                let register = code.uleb128()?;
                self.restore(register);
            }
            0x07 => self.save(code.uleb128()?, Saved::Undefined),
            0x08 => self.save(code.uleb128()?, Saved::SameValue),
            // register, val_offset, val_offset_sf
            0x09 | 0x14 => {
                self.save(code.uleb128()?, Saved::Elsewhere);
                code.uleb128()?;
            }
            0x15 => {
                self.save(code.uleb128()?, Saved::Elsewhere);
                code.sleb128()?;
            }
            // remember_state, restore_state
            0x0a => self.remember()?,
            0x0b => self.recall()?,
            // def_cfa, def_cfa_sf
            0x0c => {
                let register = code.uleb128()?;
                let offset = code.uleb128()?.cast_signed();
                self.now.cfa = Cfa::Register { register, offset };
            }
            0x12 => {
                let register = code.uleb128()?;
                let offset = code.sleb128()?.wrapping_mul(self.cie.data_alignment);
                self.now.cfa = Cfa::Register { register, offset };
            }
            // def_cfa_register
            0x0d => {
                let register = code.uleb128()?;
                if let Cfa::Register { offset, .. } = self.now.cfa {
                    self.now.cfa = Cfa::Register { register, offset };
                }
            }
            // def_cfa_offset, def_cfa_offset_sf
            0x0e => {
                let offset = code.uleb128()?.cast_signed();
                self.cfa_offset(offset);
            }
            0x13 => {
                let offset = code.sleb128()?.wrapping_mul(self.cie.data_alignment);
                self.cfa_offset(offset);
            }
            // def_cfa_expression
            0x0f => {
                let length = code.uleb128()?;
                code.skip(length)?;
                self.now.cfa = Cfa::Elsewhere;
            }
            // expression, val_expression
            0x10 | 0x16 => {
                self.save(code.uleb128()?, Saved::Elsewhere);
                let length = code.uleb128()?;
                code.skip(length)?;
            }
            // GNU_args_size: moves nothing that a search needs.
            0x2e => {
                code.uleb128()?;
            }
            0x2d if SIGNS_RETURN_ADDRESSES => self.now.signed = !self.now.signed,
            // set_loc (0x01) does not occur in .eh_frame; all others are unknown.
            _ => return Err(ReadError::Instruction { opcode }),
        }
        Ok(())
    }

    fn advance(&mut self, delta: u64) {
        self.location = self.location.saturating_add(delta.saturating_mul(self.cie.code_alignment));
    }

    fn save_at(&mut self, register: u64, factored: i64) {
        self.save(register, Saved::At(factored.wrapping_mul(self.cie.data_alignment)));
    }

    fn save(&mut self, register: u64, saved: Saved) {
        if register == FRAME_POINTER {
            self.now.frame_pointer = saved;
        } else if register == self.cie.return_register {
            self.now.return_address = saved;
        }
    }

    fn restore(&mut self, register: u64) {
        if register == FRAME_POINTER {
            self.now.frame_pointer = self.initial.frame_pointer;
        } else if register == self.cie.return_register {
            self.now.return_address = self.initial.return_address;
        }
    }

    fn cfa_offset(&mut self, offset: i64) {
        if let Cfa::Register { register, .. } = self.now.cfa {
            self.now.cfa = Cfa::Register { register, offset };
        }
    }

    fn remember(&mut self) -> Result<(), ReadError> {
        *self.remembered.get_mut(self.depth).ok_or(ReadError::StateStack)? = self.now;
        self.depth = self.depth.saturating_add(1);
        Ok(())
    }

    fn recall(&mut self) -> Result<(), ReadError> {
        self.depth = self.depth.checked_sub(1).ok_or(ReadError::StateStack)?;
        self.now = *self.remembered.get(self.depth).ok_or(ReadError::StateStack)?;
        Ok(())
    }
}
