//! Compares the two walks with each other and with the answers of the personality routines themselves.
//! Whole programs, one process per panic, are in `tests/fixtures/landing`.
#![allow(unsafe_code)]
use core::ffi::{c_int, c_void};
use std::hint::black_box;
use std::panic;

use super::collector::Collector;
use super::system_walk::walk_with_system;
use super::{learn_thread_start, prepare, thread_start_of, walk};
use crate::image;
use crate::record::{EhAction, MAX_FRAMES, RawWalk, ThreadStart, WalkEnd, WalkSource};
use crate::unwind::Pointer;

/// Both walks of this stack.
#[inline(never)]
fn both() -> (Box<RawWalk>, Box<RawWalk>) {
    prepare();
    let mut tables = Box::new(RawWalk::new());
    walk(&mut tables, 0, MAX_FRAMES);
    let mut system = Box::new(RawWalk::new());
    let mut collector = Collector::new(&mut system, 0, MAX_FRAMES);
    let end = walk_with_system(&mut collector);
    collector.finish(end);
    (tables, system)
}

/// Kept frames: address and action.
type Frames = Vec<(u64, u8)>;

/// The frames outside of `both`, where the two walks are the same calls.
fn shared(tables: &RawWalk, system: &RawWalk) -> (Frames, Frames) {
    let frames = |walk: &RawWalk| -> Frames {
        walk.ips().iter().copied().zip(walk.actions().iter().copied()).collect()
    };
    let (tables, system) = (frames(tables), frames(system));
    let common = tables.iter().rev().zip(system.iter().rev()).take_while(|(a, b)| a == b).count();
    (tables[tables.len() - common..].to_vec(), system[system.len() - common..].to_vec())
}

#[inline(never)]
fn nested(depth: u32, at_bottom: &mut dyn FnMut()) {
    let local = black_box(vec![depth; 3]);
    if depth == 0 {
        at_bottom();
    } else if depth.is_multiple_of(3) {
        let _ = panic::catch_unwind(panic::AssertUnwindSafe(|| nested(depth - 1, at_bottom)));
    } else {
        nested(depth - 1, at_bottom);
    }
    black_box(local);
}

#[test]
fn the_two_walks_agree_on_every_frame_and_every_action() {
    let mut result = None;
    nested(30, &mut || result = Some(both()));
    let (tables, system) = result.unwrap();
    assert_eq!(tables.source, WalkSource::Tables as u8);
    assert_eq!(system.source, WalkSource::System as u8);
    assert_eq!(tables.end, WalkEnd::Bottom as u8);
    assert_eq!(system.end, WalkEnd::Bottom as u8);
    let (from_tables, from_system) = shared(&tables, &system);
    assert_eq!(from_tables, from_system);
    // All but the two walkers' own frames.
    assert!(from_tables.len() + 8 > tables.len as usize && from_tables.len() > 40, "{}", from_tables.len());
    let catches = from_tables.iter().filter(|(_, action)| *action == EhAction::Catch as u8).count();
    assert!(catches >= 11, "{catches}");
}

type Personality = unsafe extern "C" fn(c_int, c_int, u64, *mut c_void, *mut c_void) -> c_int;

unsafe extern "C-unwind" {
    fn _Unwind_Backtrace(
        callback: extern "C" fn(*mut c_void, *mut c_void) -> c_int,
        argument: *mut c_void,
    ) -> c_int;
    fn _Unwind_GetIP(context: *mut c_void) -> usize;
    fn _Unwind_GetLanguageSpecificData(context: *mut c_void) -> *const c_void;
}

/// Frames that were compared, and those where the routine found a handler.
#[derive(Default)]
struct Compared {
    frames: usize,
    with_lsda: usize,
    handlers: usize,
}

extern "C" fn ask_personality(context: *mut c_void, argument: *mut c_void) -> c_int {
    const SEARCH_PHASE: c_int = 1;
    // SAFETY: the test passes this type and looks at it only after the walk.
    let compared = unsafe { &mut *argument.cast::<Compared>() };
    // SAFETY: the unwinder lends the context to this callback.
    let ip = unsafe { _Unwind_GetIP(context) } as u64;
    if ip == 0 {
        return 0;
    }
    let snapshot = image::current().unwrap();
    let Some(tables) = snapshot.image_at(ip - 1).and_then(|image| image.tables.as_ref()) else { return 0 };
    let ours = tables.facts_at(ip - 1).action;
    compared.frames += 1;
    // SAFETY: as above.
    let lsda = unsafe { _Unwind_GetLanguageSpecificData(context) } as u64;
    let fde = tables.fde_at(ip - 1).unwrap().unwrap();
    assert_eq!(fde.lsda.map_or(0, Pointer::stated), lsda, "{ip:#x}");
    let routine = match fde.cie.personality {
        None => {
            assert_eq!(ours, EhAction::None);
            return 0;
        }
        Some(Pointer::Direct(routine)) => routine,
        // SAFETY: the slot is part of a loaded image.
        Some(Pointer::Indirect(slot)) => unsafe { *(slot as *const u64) },
    };
    compared.with_lsda += usize::from(lsda != 0);
    let mut exception = [0_u64; 8];
    let class = u64::from_ne_bytes(*b"MOZ\0RUST");
    exception[0] = class;
    // SAFETY: the tables give the address of a personality routine, which is a function of this type.
    let routine = unsafe { core::mem::transmute::<usize, Personality>(routine as usize) };
    // SAFETY: in the search phase it only reads the tables, the context and the class.
    let answer = unsafe { routine(1, SEARCH_PHASE, class, (&raw mut exception).cast(), context) };
    let expected = match ours {
        // _URC_HANDLER_FOUND, _URC_CONTINUE_UNWIND, _URC_FATAL_PHASE1_ERROR.
        EhAction::Catch | EhAction::Filter => 6,
        EhAction::None | EhAction::Cleanup => 8,
        EhAction::Terminate => 3,
        EhAction::Unknown => panic!("unknown action at {ip:#x}"),
    };
    assert_eq!(answer, expected, "{ours:?} at {ip:#x}");
    compared.handlers += usize::from(answer == 6);
    0
}

#[test]
fn our_reading_agrees_with_the_personality_routines() {
    prepare();
    let mut compared = Compared::default();
    nested(30, &mut || {
        // SAFETY: the callback matches its declaration, and `compared` outlives the call.
        unsafe { _Unwind_Backtrace(ask_personality, (&raw mut compared).cast()) };
    });
    assert!(compared.frames > 20 && compared.with_lsda >= 11 && compared.handlers >= 11);
}

#[test]
fn frames_beyond_the_limit_are_counted_and_searched_but_not_kept() {
    prepare();
    let mut out = Box::new(RawWalk::new());
    nested(100, &mut || walk(&mut out, 0, 2));
    assert_eq!(out.len, 2);
    assert!(out.walked > 2);
    let stopper = out.stopper().unwrap();
    // The innermost catch: 3 frames of `nested`, and those of `catch_unwind`.
    assert!((2..30).contains(&stopper), "{stopper}");
    assert_eq!(out.stop_action, EhAction::Catch as u8);
    assert_eq!(out.end, WalkEnd::StopperFound as u8);
    assert!(out.walked <= stopper.max(2) + 18);
}

#[test]
fn the_bottom_frames_of_a_std_thread_are_learned() {
    prepare();
    assert!(std::thread::spawn(learn_thread_start).join().unwrap());
    let root = std::thread::spawn(|| {
        let mut out = Box::new(RawWalk::new());
        walk(&mut out, 0, MAX_FRAMES);
        out
    });
    let root = root.join().unwrap();
    assert_eq!(root.stopper, root.outermost_catch);
    // Debug builds inline nothing into the function that std calls.
    let expected = if cfg!(debug_assertions) { ThreadStart::LikeOwn } else { ThreadStart::CallsCatch };
    assert_eq!(root.thread_start(), expected);
    // As a walk leaves it that came before the depth was learned.
    let mut early = root.clone();
    early.at_thread_start = ThreadStart::Beyond as u8;
    assert_eq!(thread_start_of(&early), expected);
    early.landing_len = 1;
    assert_eq!(thread_start_of(&early), ThreadStart::Beyond);
    let caught = std::thread::spawn(|| {
        let mut out = Box::new(RawWalk::new());
        let _ = panic::catch_unwind(panic::AssertUnwindSafe(|| walk(black_box(&mut out), 0, MAX_FRAMES)));
        out
    });
    let caught = caught.join().unwrap();
    assert!(caught.stopper < caught.outermost_catch);
    assert_ne!(caught.stopper, caught.outermost_catch);
}

/// Bytes below this frame that `run` touches.
#[inline(never)]
fn stack_used_by(run: &mut dyn FnMut()) -> usize {
    const PAINT: u64 = 0xdead_beef_0bad_cafe;
    let mut registers = 0_u64;
    let top = (&raw mut registers) as usize;
    // Away from the frames of this function and of what it calls to paint.
    let (low, high) = ((top - 96 * 1024) & !7, (top - 1024) & !7);
    for place in (low..high).step_by(8) {
        // SAFETY: unused stack of this thread, which has far more.
        unsafe { (place as *mut u64).write_volatile(PAINT) };
    }
    run();
    // SAFETY: as above.
    let untouched =
        (low..high).step_by(8).take_while(|place| unsafe { (*place as *const u64).read_volatile() } == PAINT);
    top - low - untouched.count() * 8
}

#[test]
fn a_walk_fits_on_a_small_stack() {
    prepare();
    let mut out = Box::new(RawWalk::new());
    // A thread has the stack to paint, whatever the test harness gives.
    let used = std::thread::Builder::new().stack_size(1 << 20).spawn(move || {
        let mut used = 0;
        nested(12, &mut || used = stack_used_by(&mut || walk(&mut out, 0, MAX_FRAMES)));
        used
    });
    let used = used.unwrap().join().unwrap();
    println!("a walk uses {used} bytes of stack");
    let limit = if cfg!(debug_assertions) { 8 * 1024 } else { 3 * 1024 };
    assert!(used < limit, "{used}");
}
