//! Tells whether a panic was raised while an earlier one of the same thread was still unwinding.
//!
//! Runs on: the panicking thread ([`note`]), and threads that touch their labels ([`forget_if_landed`]).
//! Must not: allocate, lock, panic; guess.
//!
//! std does not say it: `thread::panicking()` is true inside every hook. What says it is the stack. While
//! panic A unwinds, the frames from the bottom up to the one that will stop A stand still, and what runs
//! is a destructor, called from the cleanup code of one of the frames that A passes. So when panic B is
//! raised meanwhile,
//!
//! * its stack equals A's from the bottom beyond A's stopper, and
//! * the first frame that differs is one of A's, at another address: that of a call in its cleanup code.
//!   Rust lets no panic leave cleanup code, so the table says abort ([`EhAction::Filter`] or
//!   [`EhAction::Terminate`]) for that call.
//!
//! The code of a destructor may have been inlined, and then the table may say that it catches: not even that is told of
//! a call which had a landing pad when A was raised. A frame that had none runs no cleanup code.
//!
//! If one of the two fails, A is over: it has landed, or its frames were left without a landing (`longjmp`), or they are
//! on another stack (a switch of contexts), where it may yet go on. Where the walk was incomplete or the table of that frame says
//! something else, it cannot be told. Two kinds of panic need no stack: core raises "panic in a function
//! that cannot unwind" and "panic in a destructor during cleanup" only while the thread unwinds.

use core::cell::RefCell;

use super::stack;
use crate::record::{EhAction, RawFlag, RawRecord, RawWalk, WalkSource};

/// Open panics of a thread that are remembered. Each further level needs a destructor that panics while
/// another destructor that panicked is unwinding.
const LEVELS: usize = 3;
/// Frames, from the bottom, by which stacks are compared. Of a deeper stack nothing is told.
const DEPTH: usize = 96;

thread_local! {
    /// Panics of this thread that may still be unwinding, the outermost first. No destructor, so it can
    /// always be read.
    static OPEN: RefCell<OpenPanics> = const { RefCell::new(OpenPanics::new()) };
}

/// Writes `nested_in`, and whether that is all, and remembers the panic. Walk, sequence and flags must be in the record
/// already.
///
/// # Cost
/// One pass over the frames.
pub(crate) fn note(record: &mut RawRecord) {
    let sequence = u32::try_from(record.sequence).unwrap_or(0);
    let certain = record.has_flag(RawFlag::CannotUnwind) || record.has_flag(RawFlag::InCleanup);
    OPEN.with(|open| {
        let Ok(mut open) = open.try_borrow_mut() else { return };
        record.nested_in = if certain { open.innermost() } else { open.enclosing(&record.walk) };
        if !certain && open.forgot == 0 {
            record.set_flag(RawFlag::NothingElseUnwinds);
        }
        open.push(sequence, &record.walk);
    });
    if certain || record.nested_in != 0 {
        record.set_flag(RawFlag::Nested);
    }
}

/// What this thread unwinds here, outside of the hook, by its stack: the number of the innermost panic, 0 for none. Of that
/// one it may not be certain; what was raised later is over for certain. `None` when nothing can be told.
pub(crate) fn unwinding_here(walk: &RawWalk) -> Option<u32> {
    OPEN.with(|open| {
        let mut open = open.try_borrow_mut().ok()?;
        let innermost = open.enclosing(walk);
        Some(if innermost == 0 { open.forgot } else { innermost })
    })
}

/// Forgets the open panics of this thread when it is not unwinding. For places of ours that the thread
/// passes outside of a panic.
pub(crate) fn forget_if_landed() {
    if !std::thread::panicking() {
        OPEN.with(|open| {
            if let Ok(mut open) = open.try_borrow_mut() {
                open.len = 0;
                open.forgot = 0;
            }
        });
    }
}

/// What is known of an open panic after a look at a later stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Unwinding,
    Over,
    Unknown,
}

/// A panic that may still be unwinding.
#[derive(Clone, Copy)]
struct OpenPanic {
    sequence: u32,
    /// Frames of its stack; 0 when it was not walked to the bottom.
    depth: usize,
    /// Place of its stopper, counted from the bottom.
    stopper: usize,
    /// Hash of the frames from the bottom up to this one, for each.
    hashes: [u32; DEPTH],
    /// A bit for each frame from the bottom that has no landing pad for this panic.
    without_pad: u128,
}

struct OpenPanics {
    panics: [OpenPanic; LEVELS],
    len: usize,
    /// Sequence of the last one that was forgotten although it was not known to be over; 0 for none.
    forgot: u32,
}

impl OpenPanics {
    const fn new() -> Self {
        let none = OpenPanic { sequence: 0, depth: 0, stopper: 0, hashes: [0; DEPTH], without_pad: 0 };
        Self { panics: [none; LEVELS], len: 0, forgot: 0 }
    }

    /// Sequence of the panic that was raised last; 0 when there is none.
    fn innermost(&self) -> u32 {
        self.panics.get(..self.len).and_then(<[_]>::last).map_or(0, |panic| panic.sequence)
    }

    /// Sequence of the innermost panic that is still unwinding; 0 when there is none or it cannot be told.
    /// Forgets those that are over.
    fn enclosing(&mut self, walk: &RawWalk) -> u32 {
        while let Some(panic) = self.panics.get(..self.len).and_then(<[_]>::last) {
            match panic.standing(walk) {
                Standing::Unwinding => return panic.sequence,
                Standing::Over => self.len = self.len.saturating_sub(1),
                Standing::Unknown => self.forget(),
            }
        }
        0
    }

    fn forget(&mut self) {
        self.forgot = self.innermost();
        self.len = 0;
    }

    fn push(&mut self, sequence: u32, walk: &RawWalk) {
        if self.len == LEVELS {
            // Deeper than we follow: nothing is told from here on.
            self.forget();
        }
        if let Some(panic) = self.panics.get_mut(self.len) {
            panic.remember(sequence, walk);
            self.len = self.len.saturating_add(1);
        }
    }
}

impl OpenPanic {
    fn remember(&mut self, sequence: u32, walk: &RawWalk) {
        self.sequence = sequence;
        self.depth = 0;
        let Some(depth) = comparable(walk) else { return };
        let Some(from_bottom) = depth.checked_sub(1).and_then(|last| last.checked_sub(walk.stopper as usize))
        else {
            return;
        };
        self.stopper = from_bottom;
        self.depth = depth;
        for (kept, hash) in self.hashes.iter_mut().zip(hashes(walk)) {
            *kept = hash;
        }
        let mut bit = 1_u128;
        self.without_pad = 0;
        for &action in walk.actions().iter().rev() {
            if EhAction::from_u8(action) == EhAction::None {
                self.without_pad |= bit;
            }
            bit <<= 1; // At most `DEPTH` frames, so every bit stays inside.
        }
    }

    fn standing(&self, walk: &RawWalk) -> Standing {
        let (Some(depth), true) = (comparable(walk), self.depth > 0) else { return Standing::Unknown };
        let pairs = hashes(walk).zip(&self.hashes).take(self.depth);
        let same = pairs.take_while(|(now, then)| now == *then);
        let differs = same.count();
        if differs < self.stopper || differs >= self.depth || differs >= depth {
            return Standing::Over;
        }
        let bit = u32::try_from(differs).ok().and_then(|differs| 1_u128.checked_shl(differs)).unwrap_or(0);
        if self.without_pad & bit != 0 {
            return Standing::Over;
        }
        let action = walk.actions().iter().rev().nth(differs).map(|&action| EhAction::from_u8(action));
        match action {
            // A destructor that was inlined into the frame of the catch; or the program went on behind the catch, and
            // below something that must not unwind.
            // Without a call site it is a call that cannot unwind, as in any code.
            Some(EhAction::Filter) if differs == self.stopper => Standing::Unknown,
            _ if differs == self.stopper => Standing::Over,
            Some(EhAction::Filter | EhAction::Terminate) => Standing::Unwinding,
            Some(EhAction::None | EhAction::Cleanup) => Standing::Over,
            _ => Standing::Unknown,
        }
    }
}

/// The number of frames, when all of them down to the bottom are in the walk and not too many.
fn comparable(walk: &RawWalk) -> Option<usize> {
    let depth = walk.ips().len();
    let whole = walk.source == WalkSource::Tables as u8
        && stack::is_whole(walk)
        && walk.walked == walk.len
        && (1..=DEPTH).contains(&depth);
    whole.then_some(depth)
}

/// For each frame from the bottom: a hash of it and all below it.
fn hashes(walk: &RawWalk) -> impl Iterator<Item = u32> {
    walk.ips().iter().rev().scan(0_u64, |state, &ip| {
        *state = (*state ^ ip).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        Some((*state >> 32) as u32)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::WalkEnd;
    use EhAction::{Catch, Cleanup, Filter, None as Pass, Terminate, Unknown};

    /// A whole walk from frames given bottom first.
    fn walk(frames: &[(u64, EhAction)]) -> RawWalk {
        let mut walk = RawWalk::new();
        walk.source = WalkSource::Tables as u8;
        walk.end = WalkEnd::Bottom as u8;
        walk.len = frames.len() as u32;
        walk.walked = walk.len;
        for (index, &(ip, action)) in frames.iter().rev().enumerate() {
            walk.ips[index] = ip;
            walk.actions[index] = action as u8;
            if action.stops() && walk.stopper().is_none() {
                walk.stopper = index as u32;
            }
        }
        walk
    }

    fn after(first: &[(u64, EhAction)], second: &[(u64, EhAction)]) -> u32 {
        let mut open = OpenPanics::new();
        open.push(1, &walk(first));
        open.enclosing(&walk(second))
    }

    const FIRST: [(u64, EhAction); 5] = [(1, Pass), (2, Catch), (3, Pass), (4, Cleanup), (5, Pass)];

    #[test]
    fn a_panic_in_a_destructor_of_a_frame_that_the_first_one_passes_is_nested() {
        let caught_inside = [(1, Pass), (2, Catch), (3, Pass), (40, Terminate), (6, Catch), (7, Pass)];
        assert_eq!(after(&FIRST, &caught_inside), 1);
        let not_caught = [(1, Pass), (2, Catch), (3, Pass), (40, Filter), (6, Pass)];
        assert_eq!(after(&FIRST, &not_caught), 1);
    }

    #[test]
    fn a_panic_after_the_catch_is_not_nested() {
        assert_eq!(after(&FIRST, &FIRST), 0, "the same call again, as in a loop");
        assert_eq!(after(&FIRST, &[(1, Pass), (20, Pass), (6, Pass)]), 0, "behind the catch");
        assert_eq!(after(&FIRST, &[(1, Pass), (20, Filter), (6, Pass)]), 0, "behind it, below extern C");
        let mut open = OpenPanics::new();
        open.push(1, &walk(&FIRST));
        let perhaps = walk(&[(1, Pass), (20, Filter), (6, Pass)]);
        assert_eq!(
            (open.enclosing(&perhaps), open.forgot),
            (0, 1),
            "or in a destructor that was inlined there"
        );
        let other_path = [(1, Pass), (2, Catch), (30, Cleanup), (6, Pass)];
        assert_eq!(after(&FIRST, &other_path), 0, "the same catch, on another way");
        assert_eq!(after(&FIRST, &FIRST[..3]), 0, "higher up on the same way");
    }

    #[test]
    fn a_frame_without_a_landing_pad_runs_no_destructor_of_the_first_panic() {
        let mut open = OpenPanics::new();
        open.push(1, &walk(&FIRST));
        // Back in the third frame, from where the panic was left by a jump: what catches there is nobody's cleanup.
        let back = walk(&[(1, Pass), (2, Catch), (30, Catch), (6, Pass)]);
        assert_eq!((open.enclosing(&back), open.forgot, open.len), (0, 0, 0));
        // Its twin: the fourth frame has a landing pad, and a catch may have been inlined into its cleanup code.
        open.push(2, &walk(&FIRST));
        let inlined = walk(&[(1, Pass), (2, Catch), (3, Pass), (40, Catch), (6, Pass)]);
        assert_eq!((open.enclosing(&inlined), open.forgot), (0, 2));
    }

    #[test]
    fn what_cannot_be_told_is_not_told() {
        let nested = [(1, Pass), (2, Catch), (3, Pass), (40, Unknown), (6, Pass)];
        assert_eq!(after(&FIRST, &nested), 0);
        let mut left = OpenPanics::new();
        left.push(1, &walk(&FIRST));
        assert_eq!((left.enclosing(&walk(&[(1, Pass), (20, Pass), (6, Pass)])), left.forgot), (0, 0));
        left.push(2, &walk(&FIRST));
        assert_eq!((left.enclosing(&walk(&nested)), left.forgot), (0, 2), "it may be nested");
        let mut cut = walk(&[(1, Pass), (2, Catch), (3, Pass), (40, Terminate), (6, Pass)]);
        cut.walked += 1;
        let mut open = OpenPanics::new();
        open.push(1, &walk(&FIRST));
        assert_eq!(open.enclosing(&cut), 0);
    }

    #[test]
    fn the_panic_that_a_finished_nested_one_leaves_open_is_found_again() {
        let mut open = OpenPanics::new();
        open.push(1, &walk(&FIRST));
        let nested = walk(&[(1, Pass), (2, Catch), (3, Pass), (40, Terminate), (6, Catch), (7, Pass)]);
        assert_eq!(open.enclosing(&nested), 1);
        open.push(2, &nested);
        let sibling = walk(&[(1, Pass), (2, Catch), (3, Pass), (40, Terminate), (60, Catch), (8, Pass)]);
        assert_eq!(open.enclosing(&sibling), 1, "the second is over, the first is not");
    }
}
