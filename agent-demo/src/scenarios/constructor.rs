//! Panics before `main`, where no agent is installed yet, and after the exit handlers, where it has ended.
//!
//! Runs on: the main thread, called by the dynamic loader. Must not: do anything unless the command line
//! asks for one of these scenarios.

use std::ffi::{CStr, c_char, c_int};

use std::sync::atomic::{AtomicU8, Ordering};

use super::{MAIN, NO_HANDLER, USER, catch, panic};
use crate::expect::SIGABRT;
use crate::{Delivery, Exit, Scenario};

const PANICS: &str = "constructor-panics";
const CATCHES: &str = "constructor-catches";

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        PANICS,
        "A function in `.init_array` panics before `main`: abort, and no agent yet",
        "a panic before the agent",
        after_constructor,
    )
    .beside_std_hook()
    .aborts()
    .twin(CATCHES),
    Scenario::new(
        CATCHES,
        "A function in `.init_array` catches its panic; the agent never hears of it",
        "a panic before the agent",
        after_constructor,
    )
    .beside_std_hook()
    .under_abort(Exit::Signal(SIGABRT))
    .twin(PANICS),
    Scenario::new(
        "fini-panics",
        "A function in `.fini_array` panics on a stack without any catch: abort",
        "no handler on the stack",
        || FINI.store(1, Ordering::Relaxed),
    )
    .aborts()
    .panics(&[panic("after the exit handlers", MAIN, NO_HANDLER)])
    .twin("fini-catches"),
    Scenario::new(
        "fini-catches",
        "A function in `.fini_array` catches its panic",
        "a panic after the exit handlers",
        || FINI.store(2, Ordering::Relaxed),
    )
    .panics(&[panic("after the exit handlers", MAIN, USER).dropped_at("constructor::fini")])
    // The agent has said its last word; what becomes of this panic nobody asks any more.
    .delivery(Delivery::AtRisk)
    .after_the_end()
    .twin("fini-panics"),
];

/// What the function in `.fini_array` does: 1 panics, 2 catches its panic. Set by `main`.
static FINI: AtomicU8 = AtomicU8::new(0);

#[used]
// SAFETY: glibc calls every entry of `.fini_array` without arguments when the process exits; on other systems it
// is compiled and never called.
#[cfg_attr(all(target_os = "linux", target_env = "gnu"), unsafe(link_section = ".fini_array"))]
static DESTRUCTOR: extern "C-unwind" fn() = fini;

extern "C-unwind" fn fini() {
    match FINI.load(Ordering::Relaxed) {
        1 => panic!("after the exit handlers"),
        2 => drop(catch(|| panic!("after the exit handlers"))),
        _ => {}
    }
}

type Constructor = extern "C" fn(c_int, *const *const c_char, *const *const c_char);

#[used]
// SAFETY: glibc calls every entry of `.init_array` with the arguments of `main`, which is what
// `constructor` takes; on other systems it is compiled and never called.
#[cfg_attr(all(target_os = "linux", target_env = "gnu"), unsafe(link_section = ".init_array"))]
static CONSTRUCTOR: Constructor = constructor;

extern "C" fn constructor(argc: c_int, argv: *const *const c_char, _: *const *const c_char) {
    if argc < 3 || argument(argv, 1) != Some("run") {
        return;
    }
    match argument(argv, 2) {
        Some(PANICS) => panic!("before main"),
        Some(CATCHES) => drop(catch(|| panic!("before main, caught"))),
        _ => {}
    }
}

/// One argument of the command line, which has at least `index + 1` of them.
fn argument(argv: *const *const c_char, index: usize) -> Option<&'static str> {
    // SAFETY: the caller has checked `argc`, so the array has this element.
    let slot = unsafe { argv.add(index) };
    // SAFETY: as above; the array lives as long as the process.
    let text = unsafe { *slot };
    // SAFETY: the loader passes C strings that live as long as the process.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().ok()
}

fn after_constructor() {
    // Reading it keeps the object file with the constructor in the program.
    println!("main is reached: {}", std::hint::black_box(CONSTRUCTOR) as usize != 0);
}
