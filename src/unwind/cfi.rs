//! Runs call-frame instructions up to one address.
//!
//! Only three things are followed: the canonical frame address, the frame pointer and the return address.
//! Nothing else is needed to walk, which keeps the whole state within a few hundred bytes of stack.
//!
//! Runs on: the panicking thread and the writer. Must not: allocate, panic, evaluate expressions.
//! Source: DWARF 5, section 6.4.2; Linux Standard Base 5.0, section 10.5.1 (GNU additions).

use super::arch::{FRAME_POINTER, STACK_POINTER};
use super::cfi_operand::{NEGATE_RA_STATE, REMEMBER_STATE, RESTORE_STATE, operands};
use super::cursor::{Cursor, Read as _};
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
        let [first, second] = operands(opcode).ok_or(ReadError::Instruction { opcode })?;
        let first = first.read(code)?;
        let second = second.read(code)?;
        match opcode {
            REMEMBER_STATE => self.remember(),
            RESTORE_STATE => self.recall(),
            _ => {
                self.apply(opcode, first, second);
                Ok(())
            }
        }
    }

    /// Executes an instruction that cannot fail, given its operands.
    fn apply(&mut self, opcode: u8, first: u64, second: u64) {
        let signed = second.cast_signed();
        let factored = |offset: i64| offset.wrapping_mul(self.cie.data_alignment);
        match opcode {
            // advance_loc1, 2, 4
            0x02..=0x04 => self.advance(first),
            // offset_extended, offset_extended_sf; GNU_negative_offset_extended
            0x05 | 0x11 => self.save_at(first, signed),
            0x2f => self.save_at(first, signed.wrapping_neg()),
            // restore_extended, undefined, same_value
            0x06 => self.restore(first),
            0x07 => self.save(first, Saved::Undefined),
            0x08 => self.save(first, Saved::SameValue),
            // register, expression, val_offset, val_offset_sf, val_expression
            0x09 | 0x10 | 0x14..=0x16 => self.save(first, Saved::Elsewhere),
            // def_cfa, def_cfa_sf
            0x0c => self.now.cfa = Cfa::Register { register: first, offset: signed },
            0x12 => self.now.cfa = Cfa::Register { register: first, offset: factored(signed) },
            // def_cfa_register
            0x0d => {
                if let Cfa::Register { offset, .. } = self.now.cfa {
                    self.now.cfa = Cfa::Register { register: first, offset };
                }
            }
            // def_cfa_offset, def_cfa_offset_sf
            0x0e => self.cfa_offset(first.cast_signed()),
            0x13 => self.cfa_offset(factored(first.cast_signed())),
            // def_cfa_expression
            0x0f => self.now.cfa = Cfa::Elsewhere,
            NEGATE_RA_STATE => self.now.signed = !self.now.signed,
            // nop; GNU_args_size, which moves nothing that a search needs.
            _ => {}
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unwind::Section;
    use proptest::prelude::*;

    /// A CIE `zR` at 0x1000: code alignment 1, data alignment -8, return register 16; CFA = rsp + 8, the
    /// return address 8 below it. An FDE at 0x1018 for 0x2000..0x2100 with these instructions.
    fn frame(instructions: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x14, 0, 0, 0, 0, 0, 0, 0, 1, b'z', b'R', 0, 1, 0x78, 16, 1, 0x00];
        bytes.extend_from_slice(&[0x0c, 7, 8, 0x90, 1, 0, 0]);
        bytes.extend_from_slice(&(21 + instructions.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&[0x1c, 0, 0, 0]);
        bytes.extend_from_slice(&0x2000_u64.to_le_bytes());
        bytes.extend_from_slice(&0x100_u64.to_le_bytes());
        bytes.push(0);
        bytes.extend_from_slice(instructions);
        bytes
    }

    fn rule(instructions: &[u8], offset: u64) -> Result<FrameRule, ReadError> {
        let bytes = frame(instructions);
        rule_at(&Fde::at(Section::new(0x1000, &bytes), 0x1018)?, 0x2000 + offset)
    }

    #[cfg(not(target_arch = "aarch64"))]
    #[test]
    fn a_prologue_changes_the_rule_where_its_instructions_say_so() {
        let step = |base, cfa_offset, frame_pointer_at| {
            let return_address_at = -8;
            Ok(FrameRule::Step(Step { base, cfa_offset, frame_pointer_at, return_address_at, signed: false }))
        };
        let code = [
            0x41, 0x0e, 16, 0x86, 2, // after `push rbp`: CFA = rsp + 16, rbp saved at CFA - 16
            0x43, 0x0d, 6, // after `mov rbp, rsp`: CFA = rbp + 16
            0x0a, 0x50, 0x0c, 7, 8, 0xc6, // epilogue at 0x14: CFA = rsp + 8, rbp restored
            0x41, 0x0b, // at 0x15: as before the epilogue
        ];
        assert_eq!(rule(&code, 0), step(CfaBase::StackPointer, 8, None));
        assert_eq!(rule(&code, 1), step(CfaBase::StackPointer, 16, Some(-16)));
        assert_eq!(rule(&code, 4), step(CfaBase::FramePointer, 16, Some(-16)));
        assert_eq!(rule(&code, 0x14), step(CfaBase::StackPointer, 8, None));
        assert_eq!(rule(&code, 0xff), step(CfaBase::FramePointer, 16, Some(-16)));
    }

    #[cfg(not(target_arch = "aarch64"))]
    #[test]
    fn what_is_not_followed_is_left_to_the_system() {
        // undefined ra: as in `_start`.
        assert_eq!(rule(&[0x07, 16], 0), Ok(FrameRule::Bottom));
        // CFA by expression, CFA from rbx, rbp in another register.
        for code in [&[0x0f, 2, 0x77, 8][..], &[0x0d, 3], &[0x09, 6, 3]] {
            assert_eq!(rule(code, 0), Ok(FrameRule::Unsupported), "{code:x?}");
        }
    }

    #[test]
    fn malformed_instructions_are_named() {
        assert_eq!(rule(&[0x01], 0), Err(ReadError::Instruction { opcode: 1 }));
        assert_eq!(rule(&[0x0b], 0), Err(ReadError::StateStack));
        assert_eq!(rule(&[0x0a; 9], 0), Err(ReadError::StateStack));
        assert!(matches!(rule(&[0x0f, 9, 0], 0), Err(ReadError::Truncated { .. })));
    }

    proptest! {
        #[test]
        fn any_instructions_give_a_rule_or_an_error(
            code in proptest::collection::vec(any::<u8>(), 0..48), offset in 0_u64..0x100,
        ) {
            let _either = rule(&code, offset);
        }
    }
}
