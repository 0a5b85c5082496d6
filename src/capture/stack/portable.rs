//! The twin for systems whose unwind tables are not read: addresses alone. What is predicted is read from their names, later
//! and elsewhere.
//!
//! Runs on: the panicking thread (`walk`), the thread that installs the agent and the writer (`learn_*`). Must not: panic.
//! Allocates and locks as little as the platform's unwinder.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::image;
use crate::record::{EhAction, MAX_FRAMES, RawWalk, ThreadStart, WalkEnd, WalkSource};
use crate::sys::portable_unwinder::{image_at, trace};
use crate::sys::thread;

/// The address at which std's start of threads calls the body of one; the same on every thread of std. 0 until it was learned.
/// Relaxed, as the other: an address publishes no other memory.
static THREAD_START: AtomicU64 = AtomicU64::new(0);

/// The outermost address of the program on the stack of `main`; 0 when it was not learned.
static MAIN_START: AtomicU64 = AtomicU64::new(0);

/// Looks at the loaded images, so that reports can say in which one an address lies.
pub(crate) fn prepare() {
    image::refresh();
}

/// Learns where std threads begin. To be called once, on a thread that std spawned. `false` when the stack did not show it; no
/// thread is asked for its name then.
pub(crate) fn learn_thread_start() -> bool {
    let Some(start) = outermost_of_own() else { return false };
    THREAD_START.store(start, Ordering::Relaxed);
    // A thread that was named `main` and is not the one.
    if MAIN_START.load(Ordering::Relaxed) == start {
        MAIN_START.store(0, Ordering::Relaxed);
        thread::is_not_the_first();
    }
    true
}

/// What the walk could tell: nothing.
pub(crate) fn thread_start_of(walk: &RawWalk) -> ThreadStart {
    walk.thread_start()
}

/// Nothing is known of catches here.
pub(crate) fn catches_at_root_only(_: &[u64]) -> bool {
    false
}

/// Starts something; nothing can be learned of it.
pub(crate) fn learning_from<T>(start: impl FnOnce() -> T) -> T {
    start()
}

/// Whether it is known where std threads begin.
pub(crate) fn knows_thread_start() -> bool {
    THREAD_START.load(Ordering::Relaxed) != 0
}

/// Learns that the calling thread runs `main`, if std says so. `false` when it does not.
pub(crate) fn learn_main_start() -> bool {
    if std::thread::current().name() != Some("main") {
        return false;
    }
    let start = outermost_of_own().unwrap_or(0);
    let known = THREAD_START.load(Ordering::Relaxed);
    let is_main = start != 0 && start != known;
    if is_main {
        MAIN_START.store(start, Ordering::Relaxed);
        thread::is_perhaps_the_first();
    }
    is_main
}

/// The outermost return address on this stack that is in the image of the agent: std is compiled into the same one.
fn outermost_of_own() -> Option<u64> {
    let own = image_at(outermost_of_own as *const () as usize).filter(|own| *own != 0)?;
    let mut outermost = None;
    trace(&mut |ip, _| {
        if image_at(ip.wrapping_sub(1)) == Some(own) {
            outermost = Some(ip as u64);
        }
        true
    });
    outermost
}

/// Walks the stack of this thread into `out`, to its bottom as the platform's unwinder sees it. Every action is unknown: neither
/// a stopper nor the absence of one can be concluded.
pub(crate) fn walk(out: &mut RawWalk, anchor: usize, max_frames: usize) {
    walk_from(out, anchor, max_frames, THREAD_START.load(Ordering::Relaxed));
}

fn walk_from(out: &mut RawWalk, anchor: usize, max_frames: usize, thread_start: u64) {
    out.clear();
    out.source = WalkSource::System as u8;
    out.end = WalkEnd::Bottom as u8;
    let max_frames = max_frames.min(MAX_FRAMES);
    let main_start = MAIN_START.load(Ordering::Relaxed);
    let mut searching = false;
    trace(&mut |ip, sp| {
        let index = out.walked;
        let place = usize::try_from(index).unwrap_or(usize::MAX);
        if !searching && sp > anchor {
            searching = true;
            out.search_start = index;
        }
        out.walked = index.saturating_add(1);
        if ip as u64 == thread_start {
            out.at_thread_start = 1;
        }
        if ip as u64 == main_start {
            out.at_main_start = 1;
        }
        match (out.ips.get_mut(place), out.actions.get_mut(place)) {
            (Some(kept), Some(action)) if place < max_frames => {
                *kept = ip as u64;
                *action = EhAction::Unknown as u8;
                out.len = out.walked;
            }
            _ => out.end = WalkEnd::TooDeep as u8,
        }
        out.walked < MAX_WALKED
    });
}

/// Whether a walk saw the whole stack, as far as its unwinder tells.
pub(crate) fn is_whole(walk: &RawWalk) -> bool {
    walk.end == WalkEnd::Bottom as u8
}

/// Whether neither of std's roots, which catch every panic, is on a stack: perhaps nothing catches there, and the process aborts.
pub(crate) fn lacks_root(walk: &RawWalk) -> bool {
    let is_known = |root: &AtomicU64| root.load(Ordering::Relaxed) != 0;
    is_known(&THREAD_START) && is_known(&MAIN_START) && walk.at_thread_start == 0 && walk.at_main_start == 0
}

/// Frames that are followed, most of which are not kept, to see whether std started the thread.
const MAX_WALKED: u32 = 10_000;

/// Takes no short stacks here.
pub(crate) fn short_walk(_: &mut [u64], _: usize) -> usize {
    0
}

/// By the platform's unwinder, which takes no lock of the `backtrace` crate on Unix.
pub(crate) fn walk_of_callers(ips: &mut [u64], anchor: usize) -> usize {
    let mut len = 0;
    trace(&mut |ip, sp| {
        if sp <= anchor {
            return true;
        }
        let Some(place) = ips.get_mut(len) else { return false };
        *place = ip as u64;
        len = len.saturating_add(1);
        true
    });
    len
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
        assert_eq!(walk_out.end, WalkEnd::TooDeep as u8);
        assert_eq!(walk_out.stopper(), None);
        assert!(walk_out.actions().iter().all(|action| *action == EhAction::Unknown as u8));
        walk(&mut walk_out, 0, MAX_FRAMES);
        assert_eq!((walk_out.end, walk_out.walked), (WalkEnd::Bottom as u8, walk_out.len));
    }

    #[test]
    fn a_thread_of_std_is_known_by_where_it_starts_and_by_nothing_else() {
        assert!(std::thread::spawn(learn_thread_start).join().unwrap());
        let at_start = |thread_start: u64| {
            let mut out = Box::new(RawWalk::new());
            walk_from(&mut out, 0, 4, thread_start);
            out.at_thread_start
        };
        let learned = THREAD_START.load(Ordering::Relaxed);
        assert_eq!(std::thread::spawn(move || at_start(learned)).join().unwrap(), 1);
        assert_eq!(std::thread::spawn(move || at_start(learned + 1)).join().unwrap(), 0);
        assert!(!std::thread::spawn(learn_main_start).join().unwrap());
    }

    #[test]
    fn a_thread_that_was_named_main_is_not_the_one() {
        std::thread::spawn(learn_thread_start).join().unwrap();
        let named = std::thread::Builder::new().name("main".to_owned());
        assert!(!named.spawn(learn_main_start).unwrap().join().unwrap());
    }
}
