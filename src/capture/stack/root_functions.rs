//! Which functions stand at the roots of stacks: std's start functions of threads and of `main`, learned by
//! address, so that they are recognised without symbols.
//!
//! Runs on: the thread that installs the agent and the writer (`learn_*`); the panicking thread (`learned`).
//! Must not: allocate or panic on the panicking thread.

use core::ops::Range;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::walker::walk;
use crate::image::{self, Snapshot, Way};
use crate::platform;
use crate::record::{EhAction, MAX_FRAMES, NO_FRAME, RawWalk, ThreadStart, WalkEnd, WalkSource};
use crate::sys::thread as sys_thread;

/// Frames that lie between std's thread start function and the bottom of a static executable's thread: glibc's
/// `start_thread` and `clone3`, musl's `start` and `__clone`.
const C_FRAMES: usize = 2;

/// Copies of std whose thread start is learned besides the agent's own.
const FOREIGN: usize = 8;

static LEARNED: Learned = Learned {
    thread_start: AtomicRange::new(),
    catch_depth: AtomicU32::new(0),
    main_start: AtomicRange::new(),
    foreign: [const { AtomicRange::new() }; FOREIGN],
    refused: [const { AtomicU64::new(0) }; FOREIGN],
};

/// What was learned in this process. Written at most once each; empty before.
pub(super) struct Learned {
    thread_start: AtomicRange,
    /// How many frames further in the catch of an own thread is than its start function; 0 when that is not known.
    catch_depth: AtomicU32,
    main_start: AtomicRange,
    /// Thread starts of other copies of std; filled in order.
    foreign: [AtomicRange; FOREIGN],
    /// Start routines that are none, so that they need not be looked at again; the newest take the place of the
    /// oldest.
    refused: [AtomicU64; FOREIGN],
}

/// The process's [`Learned`].
pub(super) fn learned() -> &'static Learned {
    &LEARNED
}

impl Learned {
    /// std's function that a spawned thread begins in.
    pub(super) fn thread_start(&self) -> Root {
        self.thread_start.load()
    }

    /// Where a thread start stands that is so many frames further out than the outermost catch; `None` for more than are
    /// kept of it.
    pub(super) fn thread_start_at(&self, distance: Option<usize>) -> ThreadStart {
        let own = usize::try_from(self.catch_depth.load(Ordering::Relaxed)).unwrap_or_default();
        match distance {
            Some(0 | 1) => ThreadStart::CallsCatch,
            Some(distance) if distance == own => ThreadStart::LikeOwn,
            _ => ThreadStart::Beyond,
        }
    }

    /// Whether a return address belongs to a call in the thread start of any std.
    pub(super) fn is_thread_start(&self, own: Root, ip: u64) -> bool {
        own.holds(ip)
            || (platform::std().is_foreign()
                && self
                    .foreign
                    .iter()
                    .map(AtomicRange::load)
                    .take_while(|root| root.end != 0)
                    .any(|root| root.holds(ip)))
    }

    /// std's function that calls `main` and catches its panic.
    pub(super) fn main_start(&self) -> Root {
        self.main_start.load()
    }
}

/// Addresses of a function; empty when it was not learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Root {
    start: u64,
    end: u64,
}

impl Root {
    /// Whether a return address belongs to a call in the function.
    pub(super) fn holds(self, ip: u64) -> bool {
        self.start < ip && ip <= self.end
    }
}

struct AtomicRange {
    start: AtomicU64,
    end: AtomicU64,
}

impl AtomicRange {
    const fn new() -> Self {
        Self { start: AtomicU64::new(0), end: AtomicU64::new(0) }
    }

    fn store(&self, range: Range<u64>) {
        self.start.store(range.start, Ordering::Relaxed);
        // Release: pairs with `load`, so that an end is never seen without its start.
        self.end.store(range.end, Ordering::Release);
    }

    fn load(&self) -> Root {
        // Acquire: see `store`. An end of 0 makes the range empty whatever the start.
        let end = self.end.load(Ordering::Acquire);
        Root { start: self.start.load(Ordering::Relaxed), end }
    }
}

/// OS id of the thread that is about to start the writer, else 0: the start routine of that thread is std's.
static STARTS_WRITER: AtomicU32 = AtomicU32::new(0);

/// Starts a thread by std, and learns what std has it begin in, if the probes see that.
pub(crate) fn learning_from<T>(start: impl FnOnce() -> T) -> T {
    STARTS_WRITER.store(sys_thread::tid(), Ordering::Relaxed);
    let started = start();
    STARTS_WRITER.store(0, Ordering::Relaxed);
    started
}

/// By the probe of `pthread_create`: the calling thread starts one with this routine.
///
/// # Cost
/// One load, but while the writer is started.
pub(crate) fn learn_own_start(routine: u64) {
    let starts_writer = STARTS_WRITER.load(Ordering::Relaxed);
    if starts_writer == 0 || starts_writer != sys_thread::tid() {
        return;
    }
    let function = image::current().and_then(|snapshot| snapshot.function_at(routine));
    // Beyond a stub there may be another function.
    if let Some(function) = function.filter(|function| function.start == routine) {
        LEARNED.thread_start.store(function);
    }
}

/// Whether it is known what std threads begin in.
pub(crate) fn knows_thread_start() -> bool {
    LEARNED.thread_start().end != 0
}

/// Learns the function that std threads begin in. To be called once, on a thread that std spawned.
///
/// `false` when the stack did not show it; no panic is called a thread root then.
pub(crate) fn learn_thread_start() -> bool {
    with_own_stack(|snapshot, walk| {
        let ips = walk.ips();
        let bottom = ips.last().and_then(|ip| snapshot.image_at(ip.wrapping_sub(1)))?;
        // Linked dynamically, the C library's frames are in another image than std's; statically, they
        // are counted.
        let outside = |ip: &u64| {
            let image = snapshot.image_at(ip.wrapping_sub(1));
            !image.is_some_and(|image| core::ptr::eq(image, bottom))
        };
        let index = match ips.iter().rposition(outside) {
            Some(index) => index,
            None => ips.len().checked_sub(c_frames(walk))?.checked_sub(1)?,
        };
        // std's start function is further out than the catch of its thread. Where nothing unwinds there is no
        // catch.
        let outermost_catch = match walk.outermost_catch {
            NO_FRAME if cfg!(panic = "abort") => None,
            catch => Some(usize::try_from(catch).ok()?),
        };
        let ip = ips.get(index).filter(|_| Some(index) > outermost_catch)?;
        let depth = outermost_catch.and_then(|catch| u32::try_from(index.checked_sub(catch)?).ok());
        LEARNED.catch_depth.store(depth.unwrap_or_default(), Ordering::Relaxed);
        snapshot.function_at(ip.wrapping_sub(1))
    })
    .map(|range| LEARNED.thread_start.store(range))
    .is_some()
}

/// Where std's thread start stands on a stack of this process. The first threads may panic before the writer has learned what
/// its own looks like; it has when it asks.
pub(crate) fn thread_start_of(walk: &RawWalk) -> ThreadStart {
    match walk.thread_start() {
        ThreadStart::Beyond => {
            let own = learned().thread_start();
            let is_start = |ip: &u64| learned().is_thread_start(own, *ip);
            learned().thread_start_at(walk.landing().iter().position(is_start))
        }
        known => known,
    }
}

/// Whether a walk saw the whole stack. Where it ended at a frame without unwind information, as all do that end in a musl that has
/// none, it did if the root of the thread or of `main` is on it.
pub(crate) fn is_whole(walk: &RawWalk) -> bool {
    let at_root = || {
        let main = learned().main_start();
        walk.thread_start() != ThreadStart::Absent || walk.ips().iter().any(|ip| main.holds(*ip))
    };
    walk.end == WalkEnd::Bottom as u8 || walk.end == WalkEnd::NoUnwindInfo as u8 && at_root()
}

/// musl is commonly built without unwind tables. Then the walk ends at the first of its frames.
fn c_frames(walk: &RawWalk) -> usize {
    if cfg!(target_env = "musl") && walk.end == WalkEnd::NoUnwindInfo as u8 { 1 } else { C_FRAMES }
}

/// Whether nothing on a stack of this process catches but the root of its thread or of `main`: return addresses, innermost
/// first, as a short walk gives them. `false` also when that cannot be told, as of a stack that was cut.
///
/// Runs on the writer thread.
pub(crate) fn catches_at_root_only(ips: &[u64]) -> bool {
    let Some(snapshot) = image::current() else { return false };
    let facts = |ip: &u64| snapshot.facts(ip.wrapping_sub(1));
    let lets_pass = |ip: &u64| matches!(facts(ip).action, EhAction::None | EhAction::Cleanup);
    let mut outward = ips.iter().skip_while(|ip| lets_pass(ip));
    let Some(catch) = outward.next() else {
        return ips.last().is_some_and(|ip| facts(ip).way == Way::Bottom);
    };
    let (learned, own) = (learned(), learned().thread_start());
    let of_thread = || outward.clone().any(|ip| learned.is_thread_start(own, *ip));
    learned.main_start().holds(*catch) || (outward.clone().all(lets_pass) && of_thread())
}

/// Whether the function that a thread is about to begin in is the start function of another copy of std: the same
/// code as the agent's own.
///
/// # Cost
/// A few loads for a routine that was looked at before.
pub(crate) fn learn_foreign_start(routine: u64) {
    let own = LEARNED.thread_start();
    let known = LEARNED.foreign.iter().any(|range| range.load().start == routine);
    let refused = || LEARNED.refused.iter().any(|refused| refused.load(Ordering::Relaxed) == routine);
    if own.end == 0 || own.start == routine || known || refused() {
        return;
    }
    let Some(function) = image::current().and_then(|snapshot| snapshot.function_at(routine)) else { return };
    if function.start == routine && platform::std().is_like(&(own.start..own.end), &function) {
        // Two threads may add the same one: it is the same answer twice.
        if let Some(free) = LEARNED.foreign.iter().find(|range| range.load().end == 0) {
            free.store(function);
        }
    } else {
        let place = (routine >> 4) as usize % FOREIGN;
        if let Some(place) = LEARNED.refused.get(place) {
            place.store(routine, Ordering::Relaxed);
        }
    }
}

/// Whether a return address on the first thread is in the function of a foreign std that catches a panic of `main`.
///
/// # Cost
/// A comparison of two functions the first time it is so, and each time it is not.
pub(super) fn recognize_foreign_main_start(ip: u64) -> bool {
    if !platform::std().is_foreign() {
        return false;
    }
    let function = image::current().and_then(|snapshot| snapshot.function_at(ip.wrapping_sub(1)));
    let Some(function) = function.filter(|function| platform::std().is_main_start(function)) else {
        return false;
    };
    LEARNED.main_start.store(function);
    true
}

/// Learns the function of std that catches a panic of `main`. To be called when the agent is installed, on
/// any thread; does nothing unless it is the main thread of a Rust program.
///
/// `false` when nothing was learned; whether a panic reached the root of `main` must then be told from
/// symbols.
pub(crate) fn learn_main_start() -> bool {
    // The main thread of a foreign program is in the hands of another std.
    if platform::std().is_foreign()
        || !sys_thread::is_first_thread()
        || std::thread::current().name() != Some("main")
    {
        return false;
    }
    with_own_stack(|snapshot, walk| {
        let ip = walk.ips().get(usize::try_from(walk.outermost_catch).ok()?)?;
        snapshot.function_at(ip.wrapping_sub(1))
    })
    .map(|range| LEARNED.main_start.store(range))
    .is_some()
}

/// Walks this stack and asks about it, if the walk saw all of it.
fn with_own_stack(ask: impl Fn(&Snapshot, &RawWalk) -> Option<Range<u64>>) -> Option<Range<u64>> {
    let mut own = Box::new(RawWalk::new());
    walk(&mut own, 0, MAX_FRAMES);
    let bottom = [WalkEnd::Bottom as u8, WalkEnd::NoUnwindInfo as u8].contains(&own.end);
    let whole = bottom && own.len == own.walked;
    if !whole || own.source == WalkSource::None as u8 {
        return None;
    }
    ask(image::current()?, &own)
}
