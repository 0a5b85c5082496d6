//! Register numbers of the architecture, as `.eh_frame` spells them.
//!
//! Source: System V ABI, AMD64 supplement, figure 3.36; DWARF for the Arm 64-bit architecture, section 4.1.

const AARCH64: bool = cfg!(target_arch = "aarch64");

/// `rsp`, or `sp`.
pub(super) const STACK_POINTER: u64 = if AARCH64 { 31 } else { 7 };
/// `rbp`, or `x29`.
pub(super) const FRAME_POINTER: u64 = if AARCH64 { 29 } else { 6 };
/// Opcode 0x2d is `DW_CFA_AARCH64_negate_ra_state`, and means nothing on x86_64.
pub(super) const SIGNS_RETURN_ADDRESSES: bool = AARCH64;
