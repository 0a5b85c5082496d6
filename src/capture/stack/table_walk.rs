//! The agent's own walk, over the unwind tables of a snapshot.
//!
//! Runs on: the panicking thread. Must not: allocate, lock, panic, read outside its stack.

use core::ops::ControlFlow;

use super::collector::{Collector, WalkedFrame};
use crate::image::{Snapshot, Way};
use crate::record::{WalkEnd, WalkSource};
use crate::sys::registers::Registers;
use crate::sys::stack_bound::{REACH, StackWindow};
use crate::unwind::{CfaBase, Step};

/// Addresses of programs lie below this; above it a signed return address carries its signature (AArch64).
const ADDRESS_BITS: u64 = (1 << 48) - 1;

/// Walks outwards from `registers`; `None` when the system's unwinder must do it instead.
pub(super) fn walk_tables(
    snapshot: &Snapshot,
    registers: &Registers,
    collector: &mut Collector<'_>,
) -> Option<WalkEnd> {
    collector.source(WalkSource::Tables);
    follow_tables(snapshot, registers, &mut |frame| collector.frame(frame))
}

/// Shows each frame, innermost first, until `visit` has enough; `None` when the tables do not suffice.
pub(super) fn follow_tables(
    snapshot: &Snapshot,
    registers: &Registers,
    visit: &mut impl FnMut(WalkedFrame) -> ControlFlow<WalkEnd>,
) -> Option<WalkEnd> {
    let stack = StackWindow::above(registers)?;
    let mut cursor = Frame { ip: registers.ip(), sp: registers.sp(), fp: registers.fp() };
    // The first address is exact; all others are return addresses, which may already belong to what follows
    // the call: the byte before is inside it.
    let mut address = cursor.ip;
    loop {
        let facts = snapshot.facts(address);
        if facts.way == Way::AskSystem {
            return None;
        }
        let frame = WalkedFrame { ip: cursor.ip, sp: cursor.sp, action: facts.action };
        if let ControlFlow::Break(end) = visit(frame) {
            return Some(end);
        }
        match facts.way {
            Way::Step(step) => cursor = cursor.caller(step, &stack)?,
            Way::Bottom => return Some(WalkEnd::Bottom),
            Way::NoFunction => return Some(WalkEnd::NoUnwindInfo),
            Way::AskSystem => return None,
        }
        if cursor.ip == 0 {
            return Some(WalkEnd::Bottom);
        }
        address = cursor.ip.wrapping_sub(1);
    }
}

#[derive(Clone, Copy)]
struct Frame {
    ip: u64,
    sp: u64,
    fp: u64,
}

impl Frame {
    /// The caller's frame; `None` when the stack does not bear the rule out.
    fn caller(self, step: Step, stack: &StackWindow) -> Option<Self> {
        let base = match step.base {
            CfaBase::StackPointer => self.sp,
            CfaBase::FramePointer => self.fp,
        };
        let cfa = base.checked_add_signed(step.cfa_offset)?;
        // Stacks grow downwards, and every frame has at least its return address.
        if cfa <= self.sp || cfa.wrapping_sub(self.sp) > REACH {
            return None;
        }
        let ip = stack.word(cfa.checked_add_signed(step.return_address_at)?)?;
        let fp = match step.frame_pointer_at {
            Some(offset) => stack.word(cfa.checked_add_signed(offset)?)?,
            None => self.fp,
        };
        Some(Self { ip: if step.signed { ip & ADDRESS_BITS } else { ip }, sp: cfa, fp })
    }
}
