//! All that a walk needs to know about one return address, in one word.
//!
//! Runs on: every thread. Must not: allocate, panic.

use crate::record::EhAction;
use crate::unwind::{CfaBase, Step};

/// What the frame with a given return address does, and the way from it to its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameFacts {
    pub(crate) action: EhAction,
    pub(crate) way: Way,
}

/// The way out of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// To the caller.
    Step(Step),
    /// There is no caller: the bottom of the stack.
    Bottom,
    /// No function is described at this address; an unwinder ends here.
    NoFunction,
    /// The system's unwinder must be asked: the address lies in no known image, its tables cannot be read,
    /// or the frame has a shape that the agent does not follow.
    AskSystem,
}

impl FrameFacts {
    /// Nothing can be said.
    pub(crate) const UNKNOWN: Self = Self { action: EhAction::Unknown, way: Way::AskSystem };

    /// The facts in one word that is never 0; `None` when a number is too large, which no compiler makes.
    ///
    /// Bits 0..3 action, 3..5 way, 5 base register, 6 signed, 7 always set, 8..32 CFA offset, 32..48 place of
    /// the frame pointer (0 when it is unchanged), 48..64 place of the return address; offsets in words of
    /// 8 bytes, places counted downwards from the CFA.
    pub(crate) fn pack(self) -> Option<u64> {
        let (way, step) = match self.way {
            Way::Step(step) => (0_u64, Some(step)),
            Way::Bottom => (1, None),
            Way::NoFunction => (2, None),
            Way::AskSystem => (3, None),
        };
        let mut word = u64::from(self.action as u8) | (way << 3) | (1 << 7);
        if let Some(step) = step {
            word |= u64::from(step.base == CfaBase::FramePointer) << 5;
            word |= u64::from(step.signed) << 6;
            word |= words(step.cfa_offset, 24)? << 8;
            if let Some(offset) = step.frame_pointer_at {
                word |= words(offset.checked_neg()?, 16).filter(|words| *words != 0)? << 32;
            }
            word |= words(step.return_address_at.checked_neg()?, 16)? << 48;
        }
        Some(word)
    }

    /// Reads back a packed word.
    #[inline]
    pub(crate) fn unpack(word: u64) -> Self {
        let field = |shift: u32, bits: u32| {
            let mask = u64::MAX.checked_shr(64_u32.saturating_sub(bits)).unwrap_or(0);
            let words = word.checked_shr(shift).unwrap_or(0) & mask;
            words.wrapping_mul(8).cast_signed()
        };
        let way = match (word >> 3) & 3 {
            0 => Way::Step(Step {
                base: if word & (1 << 5) == 0 { CfaBase::StackPointer } else { CfaBase::FramePointer },
                cfa_offset: field(8, 24),
                frame_pointer_at: Some(field(32, 16)).filter(|words| *words != 0).map(i64::wrapping_neg),
                return_address_at: field(48, 16).wrapping_neg(),
                signed: word & (1 << 6) != 0,
            }),
            1 => Way::Bottom,
            2 => Way::NoFunction,
            _ => Way::AskSystem,
        };
        let [low, ..] = word.to_le_bytes();
        Self { action: EhAction::from_u8(low & 7), way }
    }
}

/// An offset in words of 8 bytes, if it fits.
fn words(offset: i64, bits: u32) -> Option<u64> {
    let offset = u64::try_from(offset).ok()?;
    let words = offset.checked_div(8)?;
    let fits = words.checked_shr(bits) == Some(0);
    (offset % 8 == 0 && fits).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_packed_word_gives_back_the_facts(
            action in 0_u8..6, way in 0_usize..4, frame_based: bool, signed: bool,
            cfa in 0_i64..1 << 24, frame_pointer in 0_i64..1 << 16, return_address in 0_i64..1 << 16,
        ) {
            let step = Step {
                base: if frame_based { CfaBase::FramePointer } else { CfaBase::StackPointer },
                cfa_offset: cfa * 8,
                frame_pointer_at: (frame_pointer != 0).then_some(frame_pointer * -8),
                return_address_at: return_address * -8,
                signed,
            };
            let way = [Way::Step(step), Way::Bottom, Way::NoFunction, Way::AskSystem][way];
            let facts = FrameFacts { action: EhAction::from_u8(action), way };
            let word = facts.pack().unwrap();
            prop_assert_ne!(word, 0);
            prop_assert_eq!(FrameFacts::unpack(word), facts);
        }
    }

    #[test]
    fn numbers_that_do_not_fit_are_not_packed() {
        let step = Step {
            base: CfaBase::StackPointer,
            cfa_offset: 16,
            frame_pointer_at: None,
            return_address_at: -8,
            signed: false,
        };
        let packed = |step| FrameFacts { action: EhAction::None, way: Way::Step(step) }.pack();
        assert!(packed(step).is_some());
        assert_eq!(packed(Step { cfa_offset: 1 << 30, ..step }), None);
        assert_eq!(packed(Step { cfa_offset: 12, ..step }), None);
        assert_eq!(packed(Step { cfa_offset: -8, ..step }), None);
        assert_eq!(packed(Step { return_address_at: 8, ..step }), None);
        // Frame pointer at the CFA itself would read back as "unchanged".
        assert_eq!(packed(Step { frame_pointer_at: Some(0), ..step }), None);
    }
}
