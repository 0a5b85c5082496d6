//! The readable segments of the loaded images, so that an observed thread can ask of an address whether it may be
//! read and whose it is.
//!
//! Runs on: the thread that installs the agent and the writer (`take_down`, `judge`), one at a time; every thread
//! (the rest). Must not: allocate or lock.

use core::ops::ControlFlow;
use core::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use crate::sys::phdr::for_each_image;

/// Segments that are kept: four or five per image.
const SEGMENTS: usize = 2048;

/// Nothing is known of the image's compiler yet.
const NEW: u8 = 0;
/// Built by the agent's compiler alone.
const TRUSTED: u8 = 1;
/// Built by another one, or by none.
const OTHER: u8 = 2;

/// One segment. `end` is 0 while the entry is free or being written; it is written last, with Release.
struct Segment {
    start: AtomicUsize,
    end: AtomicUsize,
    bias: AtomicUsize,
    image: AtomicU8,
}

static TABLE: [Segment; SEGMENTS] = [const {
    Segment {
        start: AtomicUsize::new(0),
        end: AtomicUsize::new(0),
        bias: AtomicUsize::new(0),
        image: AtomicU8::new(NEW),
    }
}; SEGMENTS];
/// Entries that were ever used.
static USED: AtomicUsize = AtomicUsize::new(0);

fn used() -> impl Iterator<Item = &'static Segment> {
    TABLE.iter().take(USED.load(Ordering::Acquire))
}

/// Adds the segments of images that were loaded and takes away those of images that are gone.
pub(super) fn take_down() {
    let mut seen = [0_u64; SEGMENTS / 64];
    let asked = for_each_image(&mut |view| {
        for (start, end) in view.segments(libc::PF_R) {
            let (start, end, bias) = (start as usize, end as usize, view.bias() as usize);
            if let Some(index) = enter(start, end, bias)
                && let Some(word) = seen.get_mut(index / 64)
            {
                *word |= 1 << (index % 64);
            }
        }
        ControlFlow::Continue(())
    });
    if !asked {
        return;
    }
    for (index, segment) in used().enumerate() {
        if seen.get(index / 64).is_some_and(|word| word & (1 << (index % 64)) == 0) {
            segment.end.store(0, Ordering::Release);
        }
    }
}

fn enter(start: usize, end: usize, bias: usize) -> Option<usize> {
    let same = |segment: &Segment| {
        segment.start.load(Ordering::Relaxed) == start
            && segment.end.load(Ordering::Relaxed) == end
            && segment.bias.load(Ordering::Relaxed) == bias
    };
    if let Some(index) = used().position(same) {
        return Some(index);
    }
    let index = TABLE.iter().position(|segment| segment.end.load(Ordering::Relaxed) == 0)?;
    let segment = TABLE.get(index)?;
    segment.start.store(start, Ordering::Relaxed);
    segment.bias.store(bias, Ordering::Relaxed);
    segment.image.store(NEW, Ordering::Relaxed);
    segment.end.store(end, Ordering::Release);
    USED.fetch_max(index.saturating_add(1), Ordering::AcqRel);
    Some(index)
}

/// Whether the compiler of every segment of an image was looked at.
pub(super) fn is_judged(bias: usize) -> bool {
    !used().any(|segment| {
        segment.bias.load(Ordering::Relaxed) == bias && segment.image.load(Ordering::Relaxed) == NEW
    })
}

/// Says whether an image was built by the agent's compiler alone.
pub(super) fn judge(bias: usize, trusted: bool) {
    for segment in used().filter(|segment| segment.bias.load(Ordering::Relaxed) == bias) {
        segment.image.store(if trusted { TRUSTED } else { OTHER }, Ordering::Release);
    }
}

fn holding(address: usize, len: usize) -> Option<&'static Segment> {
    used().find(|segment| {
        // Acquire pairs with the Release in `enter`.
        let end = segment.end.load(Ordering::Acquire);
        address >= segment.start.load(Ordering::Relaxed)
            && address.checked_add(len).is_some_and(|last| last <= end)
    })
}

/// Whether all of these bytes lie in one segment of a loaded image that can be read.
pub(super) fn is_readable(address: usize, len: usize) -> bool {
    holding(address, len).is_some()
}

/// Whether an address lies in an image that the agent's compiler alone has built.
pub(super) fn is_trusted(address: usize) -> bool {
    holding(address, 1).is_some_and(|segment| segment.image.load(Ordering::Acquire) == TRUSTED)
}
