//! How to get from one frame to its caller's, in the few shapes that compiled code uses.
//!
//! Runs on: every thread. Must not: allocate, panic.

/// What the register the canonical frame address is counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CfaBase {
    /// `rsp`, `sp`.
    StackPointer,
    /// `rbp`, `x29`.
    FramePointer,
}

/// One step outwards. The caller's stack pointer is the canonical frame address (CFA).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) base: CfaBase,
    /// CFA minus the base register, in bytes.
    pub(crate) cfa_offset: i64,
    /// Where the caller's frame pointer was saved, relative to the CFA; `None` when it is unchanged.
    pub(crate) frame_pointer_at: Option<i64>,
    /// Where the return address was saved, relative to the CFA.
    pub(crate) return_address_at: i64,
    /// The saved return address carries a pointer authentication code (AArch64).
    pub(crate) signed: bool,
}

/// What the call-frame instructions say about one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameRule {
    /// There is a caller.
    Step(Step),
    /// The return address is undefined: the bottom of the stack.
    Bottom,
    /// A shape that these readers leave to the system's unwinder: expressions, other base registers,
    /// signal frames.
    Unsupported,
}
