//! The innermost frames of this thread as plain addresses, for events that need a place and no prediction.
//!
//! Runs on: any thread, inside a probe. Takes the loader's lock for frames in images that no snapshot has.
//! Must not: allocate, panic, or keep large locals.

use core::ops::ControlFlow;

use super::outside_walk::{Visitor, walk_outside};
use super::table_walk::follow_tables;
use crate::image;
use crate::record::WalkEnd;
use crate::sys::registers;
use crate::sys::signal_stack;

/// Writes the return addresses of the frames outside of `anchor`, innermost first, and returns their number.
///
/// `anchor` is the address of a local variable of the innermost frame that is *not* wanted. On a stack that is too short
/// for a walk the number is 0.
///
/// # Cost
/// No allocation, no lock; about ten nanoseconds a frame once its address was seen before.
#[inline(never)]
pub(crate) fn short_walk(ips: &mut [u64], anchor: usize) -> usize {
    if signal_stack::is_short() {
        return 0;
    }
    let mut inner = Inner { ips, len: 0 };
    walk_outside(&mut inner, anchor);
    inner.len
}

/// Return address of the frame of this stack that holds an address, if the tables lead there.
///
/// # Cost
/// As for [`short_walk`], up to that frame.
#[inline(never)]
pub(crate) fn frame_holding(address: usize) -> Option<u64> {
    let registers = registers::current();
    let mut inside = None;
    let mut found = None;
    let _end = follow_tables(image::current()?, &registers, &mut |frame| {
        if frame.sp > address as u64 {
            found = inside;
            return ControlFlow::Break(WalkEnd::TooDeep);
        }
        inside = Some(frame.ip);
        ControlFlow::Continue(())
    });
    found
}

struct Inner<'a> {
    ips: &'a mut [u64],
    len: usize,
}

impl Visitor for Inner<'_> {
    fn frame(&mut self, ip: u64) -> ControlFlow<()> {
        let Some(place) = self.ips.get_mut(self.len).filter(|_| ip != 0) else {
            return ControlFlow::Break(());
        };
        *place = ip;
        self.len = self.len.saturating_add(1);
        ControlFlow::Continue(())
    }

    fn restart(&mut self) {
        self.len = 0;
    }
}
