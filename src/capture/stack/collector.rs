//! Takes the frames of a walk one by one, innermost first, and draws the conclusions.
//!
//! Runs on: the panicking thread. Must not: allocate, panic.

use core::ops::ControlFlow;

use super::root_functions::{Root, learned, recognize_foreign_main_start, thread_start_of};
use crate::record::{EhAction, MAX_FRAMES, NO_FRAME, RawWalk, ThreadStart, WalkEnd, WalkSource};
use crate::sys::thread as sys_thread;

/// Frames that are followed. A recursion deeper than this has overflowed any real stack.
const MAX_WALKED: u32 = 1_000_000;

/// Frames that are followed after the stopper was found and nothing more is kept, to see whether the bottom
/// is near: the catch at the root of a thread or of `main` lies within a dozen frames of it.
const BEYOND_STOPPER: u32 = 16;

/// A frame as a walker sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct WalkedFrame {
    /// Return address, or an exact instruction pointer for the innermost frame.
    pub(super) ip: u64,
    /// Stack pointer of the frame at its call.
    pub(super) sp: u64,
    pub(super) action: EhAction,
}

/// The walk so far.
pub(super) struct Collector<'w> {
    out: &'w mut RawWalk,
    anchor: u64,
    max_frames: u32,
    thread_start: Root,
    /// The search for the stopper has begun.
    searching: bool,
    /// A frame of std's thread start function was seen.
    thread_start_seen: bool,
    beyond: u32,
}

impl<'w> Collector<'w> {
    pub(super) fn new(out: &'w mut RawWalk, anchor: u64, max_frames: usize) -> Self {
        out.clear();
        Self {
            out,
            anchor,
            max_frames: u32::try_from(max_frames.min(MAX_FRAMES)).unwrap_or(0),
            thread_start: learned().thread_start(),
            searching: false,
            thread_start_seen: false,
            beyond: 0,
        }
    }

    /// Forgets the frames, for another walker.
    pub(super) fn restart(&mut self) {
        self.out.clear();
        self.searching = false;
        self.thread_start_seen = false;
        self.beyond = 0;
    }

    /// Names the walker.
    pub(super) fn source(&mut self, source: WalkSource) {
        self.out.source = source as u8;
    }

    /// Takes the next frame; breaks with the reason when the walk has seen enough.
    #[inline]
    pub(super) fn frame(&mut self, frame: WalkedFrame) -> ControlFlow<WalkEnd> {
        let index = self.out.walked;
        self.out.walked = index.saturating_add(1);
        if index < self.max_frames {
            self.keep(index, frame);
        }
        // The anchor lies inside the frame of std's panic entry, whose stack pointer is below it: the first
        // frame above is the caller.
        if !self.searching && frame.sp > self.anchor {
            self.searching = true;
            self.out.search_start = index;
        }
        if self.searching {
            self.search(index, frame);
        }
        if self.out.walked >= MAX_WALKED {
            return ControlFlow::Break(WalkEnd::TooDeep);
        }
        if self.out.stopper != NO_FRAME && self.out.walked > self.max_frames {
            self.beyond = self.beyond.saturating_add(1);
            if self.beyond > BEYOND_STOPPER {
                return ControlFlow::Break(WalkEnd::StopperFound);
            }
        }
        ControlFlow::Continue(())
    }

    /// Completes the record.
    pub(super) fn finish(self, end: WalkEnd) {
        let out = self.out;
        out.end = end as u8;
        let whole = matches!(end, WalkEnd::Bottom | WalkEnd::NoUnwindInfo);
        let at_outermost_catch = out.stopper != NO_FRAME && out.stopper == out.outermost_catch;
        out.at_thread_start = ThreadStart::Absent as u8;
        if whole && self.thread_start_seen {
            out.at_thread_start = ThreadStart::Beyond as u8;
            if at_outermost_catch {
                out.at_thread_start = thread_start_of(out) as u8;
            }
        }
        if whole && at_outermost_catch {
            let stopper = out.stopper_ip();
            let in_main_start =
                || learned().main_start().holds(stopper) || recognize_foreign_main_start(stopper);
            out.at_main_start = u8::from(sys_thread::is_first_thread() && in_main_start());
        }
    }

    fn keep(&mut self, index: u32, frame: WalkedFrame) {
        let place = usize::try_from(index).unwrap_or(usize::MAX);
        if let (Some(ip), Some(action)) = (self.out.ips.get_mut(place), self.out.actions.get_mut(place)) {
            *ip = frame.ip;
            *action = frame.action as u8;
            self.out.len = index.saturating_add(1);
        }
    }

    fn search(&mut self, index: u32, frame: WalkedFrame) {
        if frame.action.stops() && self.out.stopper == NO_FRAME {
            self.out.stopper = index;
            self.out.stop_action = frame.action as u8;
        }
        if self.out.stopper != NO_FRAME {
            self.out.push_landing(frame.ip);
        }
        if frame.action == EhAction::Catch {
            self.out.outermost_catch = index;
            // A catch further out than a thread start belongs to something else.
            self.thread_start_seen = false;
        }
        if learned().is_thread_start(self.thread_start, frame.ip) {
            self.thread_start_seen = true;
        }
    }
}
