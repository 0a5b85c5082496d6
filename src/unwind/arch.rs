//! Register numbers of the architecture, as `.eh_frame` spells them.
//!
//! Source: System V ABI, AMD64 supplement, figure 3.36; DWARF for the Arm 64-bit architecture, section 4.1.

#[cfg(not(target_arch = "aarch64"))]
mod numbers {
    /// `rsp`.
    pub(in crate::unwind) const STACK_POINTER: u64 = 7;
    /// `rbp`.
    pub(in crate::unwind) const FRAME_POINTER: u64 = 6;
    /// Opcode 0x2d means nothing here.
    pub(in crate::unwind) const SIGNS_RETURN_ADDRESSES: bool = false;
}

#[cfg(target_arch = "aarch64")]
mod numbers {
    /// `sp`.
    pub(in crate::unwind) const STACK_POINTER: u64 = 31;
    /// `x29`.
    pub(in crate::unwind) const FRAME_POINTER: u64 = 29;
    /// Opcode 0x2d is `DW_CFA_AARCH64_negate_ra_state`.
    pub(in crate::unwind) const SIGNS_RETURN_ADDRESSES: bool = true;
}

pub(super) use numbers::{FRAME_POINTER, SIGNS_RETURN_ADDRESSES, STACK_POINTER};
