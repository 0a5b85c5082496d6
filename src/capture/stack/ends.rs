//! The whole stack of this thread with its middle left out: who calls, and on whose behalf.
//!
//! Runs on: any thread, inside a probe. Takes the loader's lock for frames in images that no snapshot has.
//! Must not: allocate, panic, or keep large locals.

use core::ops::ControlFlow;

use super::outside_walk::{Visitor, walk_outside};
use super::root_functions::{Root, learned};
use crate::sys::signal_stack;

/// Frames that are followed: a stack of 8 MiB has room for no more, with the least of frames.
const MAX_FOLLOWED: usize = 500_000;

/// What [`both_ends`] wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    /// Addresses from the innermost frame outwards; 0 when nothing could be walked.
    pub(crate) inner: usize,
    /// Addresses that end with the outermost frame.
    pub(crate) outer: usize,
    /// Whether std's start of a thread stands on the stack, so that std has a handle of this thread.
    pub(crate) std_thread: bool,
}

/// Writes the return addresses of the frames outside of `anchor`: the innermost ones into `inner`, and of those
/// beyond them the outermost ones into `outer`, each innermost first.
///
/// `anchor` is the address of a local variable of the innermost frame that is *not* wanted.
///
/// # Cost
/// No allocation, no lock; about ten nanoseconds a frame once its address was seen before, down to the bottom.
#[inline(never)]
pub(crate) fn both_ends(inner: &mut [u64], outer: &mut [u64], anchor: usize) -> Ends {
    if signal_stack::is_short() {
        return Ends { inner: 0, outer: 0, std_thread: false };
    }
    let mut ends = BothEnds { inner, outer, seen: 0, start: learned().thread_start(), started: false };
    walk_outside(&mut ends, anchor);
    ends.finish()
}

struct BothEnds<'a> {
    inner: &'a mut [u64],
    /// A ring while the walk goes on.
    outer: &'a mut [u64],
    seen: usize,
    start: Root,
    started: bool,
}

impl Visitor for BothEnds<'_> {
    fn frame(&mut self, ip: u64) -> ControlFlow<()> {
        if ip == 0 || self.seen >= MAX_FOLLOWED {
            return ControlFlow::Break(());
        }
        let beyond = self.seen.checked_sub(self.inner.len());
        let place = match beyond {
            None => self.inner.get_mut(self.seen),
            Some(beyond) => beyond.checked_rem(self.outer.len()).and_then(|at| self.outer.get_mut(at)),
        };
        if let Some(place) = place {
            *place = ip;
        }
        self.started |= self.start.holds(ip);
        self.seen = self.seen.saturating_add(1);
        ControlFlow::Continue(())
    }

    fn restart(&mut self) {
        self.seen = 0;
        self.started = false;
    }
}

impl BothEnds<'_> {
    fn finish(self) -> Ends {
        let inner = self.seen.min(self.inner.len());
        let beyond = self.seen.saturating_sub(inner);
        let outer = beyond.min(self.outer.len());
        if outer < beyond {
            // The oldest of a full ring stands where the next one would go.
            let oldest = beyond.checked_rem(self.outer.len()).unwrap_or_default();
            self.outer.rotate_left(oldest);
        }
        Ends { inner, outer, std_thread: self.started }
    }
}

#[cfg(test)]
mod tests {
    use super::super::short_walk;
    use super::*;

    #[inline(never)]
    fn deeper<R>(frames: u32, then: &mut dyn FnMut() -> R) -> R {
        let result = if frames == 0 { then() } else { deeper(frames - 1, then) };
        std::hint::black_box(result)
    }

    fn ends(frames: u32, inner: &mut [u64], outer: &mut [u64]) -> Ends {
        deeper(frames, &mut || both_ends(&mut *inner, &mut *outer, 0))
    }

    #[test]
    fn a_stack_that_fits_is_kept_whole_and_of_another_both_ends_are() {
        let (mut whole, mut rest) = ([0; 4096], [0; 8]);
        let all = ends(60, &mut whole, &mut rest);
        assert!(all.inner > 60 && all.outer == 0, "{all:?}");
        let (mut inner, mut outer) = ([0; 16], [0; 8]);
        let cut = ends(60, &mut inner, &mut outer);
        assert_eq!((cut.inner, cut.outer), (16, 8));
        // Beyond the frames of this test itself the two stacks are the same.
        assert_eq!(outer[..], whole[all.inner - 8..all.inner]);
    }

    #[test]
    fn the_inner_end_is_what_a_short_walk_takes_and_std_is_known_to_have_started_the_thread() {
        super::super::prepare();
        std::thread::spawn(super::super::learn_thread_start).join().unwrap();
        let (mut short, mut inner, mut outer) = ([0; 8], [0; 8], [0; 64]);
        let (len, ends) = deeper(3, &mut || {
            let anchor = 0_u8;
            let anchor = (&raw const anchor).addr();
            (short_walk(&mut short, anchor), both_ends(&mut inner, &mut outer, anchor))
        });
        assert_eq!((len, ends.inner), (8, 8));
        assert_eq!(short[1..], inner[1..], "beyond the two calls themselves");
        assert!(ends.std_thread);
    }
}
