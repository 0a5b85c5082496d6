//! The twin for systems whose unwind tables are not read: addresses, and no prediction.
//!
//! Runs on: the panicking thread. Must not: panic. Allocates and locks as little as the platform's unwinder.

use crate::record::{EhAction, MAX_FRAMES, RawWalk, WalkEnd, WalkSource};

/// Nothing has to be prepared.
pub(crate) fn prepare() {}

/// Nothing can be learned; `false`.
pub(crate) fn learn_thread_start() -> bool {
    false
}

/// Nothing can be learned; `false`.
pub(crate) fn learn_main_start() -> bool {
    false
}

/// Walks the stack of this thread into `out`. Every action is unknown, and so is the end: neither a stopper
/// nor the absence of one can be concluded.
pub(crate) fn walk(out: &mut RawWalk, anchor: usize, max_frames: usize) {
    out.clear();
    out.source = WalkSource::System as u8;
    out.end = WalkEnd::UnknownImage as u8;
    let max_frames = max_frames.min(MAX_FRAMES);
    let mut searching = false;
    crate::sys::portable_unwinder::trace(&mut |ip, sp| {
        let index = out.walked;
        let place = usize::try_from(index).unwrap_or(usize::MAX);
        if !searching && sp > anchor {
            searching = true;
            out.search_start = index;
        }
        out.walked = index.saturating_add(1);
        match (out.ips.get_mut(place), out.actions.get_mut(place)) {
            (Some(kept), Some(action)) if place < max_frames => {
                *kept = ip as u64;
                *action = EhAction::Unknown as u8;
                out.len = out.walked;
                true
            }
            // Further frames would say nothing that is kept.
            _ => false,
        }
    });
}

/// Takes no short stacks here.
pub(crate) fn short_walk(_: &mut [u64], _: usize) -> usize {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_kept_and_nothing_is_predicted() {
        let mut walk_out = Box::new(RawWalk::new());
        walk(&mut walk_out, 0, 4);
        assert_eq!(walk_out.len, 4);
        assert!(walk_out.walked > walk_out.len);
        assert_eq!(walk_out.stopper(), None);
        assert!(walk_out.actions().iter().all(|action| *action == EhAction::Unknown as u8));
    }
}
