//! The frames of this thread outside of a place on its stack, as plain addresses.
//!
//! Runs on: any thread, inside a probe. Takes the loader's lock for frames in images that no snapshot has.
//! Must not: allocate, panic, or keep large locals.

use core::ops::ControlFlow;

use super::table_walk::follow_tables;
use crate::image;
use crate::record::WalkEnd;
use crate::sys::registers;
use crate::sys::system_unwinder::trace;

/// Who is shown the frames of [`walk_outside`].
pub(super) trait Visitor {
    /// The next return address, innermost first.
    fn frame(&mut self, ip: u64) -> ControlFlow<()>;

    /// What was shown is void, and the walk begins again.
    fn restart(&mut self);
}

/// Shows the return addresses of the frames outside of `anchor` until the visitor has enough: by the tables, or where
/// they cannot be followed by the system's unwinder.
///
/// `anchor` is the address of a local variable of the innermost frame that is *not* wanted.
///
/// # Cost
/// No allocation, no lock; about ten nanoseconds a frame once its address was seen before.
#[inline(always)]
pub(super) fn walk_outside<V: Visitor>(visitor: &mut V, anchor: usize) {
    // The stack pointer of a frame is below its locals, and that of its caller is above them.
    let outside = |visitor: &mut V, ip, sp| {
        if sp <= anchor as u64 { ControlFlow::Continue(()) } else { visitor.frame(ip) }
    };
    let registers = registers::current();
    let followed = image::current().and_then(|snapshot| {
        follow_tables(snapshot, &registers, &mut |frame| match outside(visitor, frame.ip, frame.sp) {
            ControlFlow::Continue(()) => ControlFlow::Continue(()),
            ControlFlow::Break(()) => ControlFlow::Break(WalkEnd::TooDeep),
        })
    });
    if followed.is_none() {
        visitor.restart();
        // How it ends does not matter: what was kept is right.
        let _ = trace(&mut |frame| outside(visitor, frame.ip, frame.sp));
    }
}
