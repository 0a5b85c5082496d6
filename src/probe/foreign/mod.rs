//! Observing a program that was built without the agent, from a library that is loaded before it: the copies of
//! std that panic are not the one that is compiled into the agent.
//!
//! Runs on: the thread that installs the agent (`switch_on`, `calibrate`), the writer (`refresh`), and every
//! thread (the rest). Must not: allocate, lock or panic on an observed thread; believe the layout of anything that
//! another compiler made.
//!
//! What is known of the program's std is known from the agent's own: where both come from the same compiler release
//! they are the same precompiled code. Each conclusion checks that again, on the frame, the image or the routine
//! that it is drawn from.

mod comment;
mod loading;
mod location;
mod names;
mod segments;
mod shapes;
mod text;

use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::OnceLock;

pub use loading::dlopen;
pub(crate) use loading::{look_in, when_loading};
pub(crate) use location::{calls_hook, find as location};
pub(super) use location::{is_calibrating, raised};
pub(crate) use names::name as thread_name;
pub(super) use names::{begin as thread_begins, first_name, set_name};
pub(crate) use text::{is_like, is_main_start};

use crate::image;

/// Whether this agent observes another std than its own. Set once, before the probes are installed.
static FOREIGN: AtomicBool = AtomicBool::new(false);
/// The compiler that built the agent, as `.comment` sections say it.
static COMPILER: OnceLock<&'static str> = OnceLock::new();

/// The code of std's function that calls `main`.
static MAIN_START: OnceLock<&'static [u8]> = OnceLock::new();

/// From now on every raise is recorded by the probe, whatever hooks do. `main_start` is the code of std's function that
/// calls `main`; empty when it is not known.
pub(crate) fn switch_on(compiler: &'static str, main_start: &'static [u8]) {
    COMPILER.get_or_init(|| compiler);
    MAIN_START.get_or_init(|| main_start);
    FOREIGN.store(true, Ordering::Relaxed);
}

/// # Cost
/// One load.
pub(crate) fn is_on() -> bool {
    FOREIGN.load(Ordering::Relaxed)
}

/// An address in the executable, for which the agent's own code stands elsewhere.
pub(crate) fn entry() -> Option<u64> {
    if !is_on() {
        return None;
    }
    // SAFETY: no preconditions.
    let entry = unsafe { libc::getauxval(libc::AT_ENTRY) };
    (entry != 0).then(|| entry.saturating_add(1))
}

/// Learns where std keeps the place of a panic; why not, otherwise.
pub(super) fn calibrate() -> Result<(), &'static str> {
    location::calibrate()
}

/// Notes the images that were loaded since. Reads their files: not for an observed thread.
pub(super) fn refresh() {
    if !is_on() {
        return;
    }
    let Some(snapshot) = image::current() else { return };
    segments::take_down();
    for loaded in snapshot.images() {
        let bias = loaded.bias() as usize;
        if !segments::is_judged(bias) {
            let path = loaded.path().map(std::path::Path::new);
            let compilers = path.map(comment::compilers).unwrap_or_default();
            segments::judge(bias, built_alike(&compilers));
        }
    }
}

/// Compilers that built the executable other than the agent's; empty when it was built by the agent's alone.
pub(crate) fn other_compilers() -> Vec<String> {
    let compilers = std::env::current_exe().map(|path| comment::compilers(&path)).unwrap_or_default();
    if built_alike(&compilers) { Vec::new() } else { compilers }
}

/// Whether Rust's own parts of an image come from the agent's compiler.
pub(crate) fn is_rust(path: &std::path::Path) -> bool {
    !comment::compilers(path).is_empty()
}

fn built_alike(compilers: &[String]) -> bool {
    match (compilers, COMPILER.get()) {
        ([one], Some(own)) => one == own,
        _ => false,
    }
}

/// Whether an exception with this canary comes from a std of the agent's compiler.
///
/// # Cost
/// A few dozen loads.
pub(super) fn trusts(canary: usize) -> bool {
    is_on() && segments::is_trusted(canary)
}
