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

use core::ops::Range;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

pub use loading::dlopen;
pub(crate) use loading::when_loading;
pub(super) use names::set_name;

use crate::image;
use crate::platform::{self, FoundLocation, Platform, StdLibrary};

/// The compiler that built the agent, as `.comment` sections say it.
static COMPILER: OnceLock<&'static str> = OnceLock::new();

/// The code of std's function that calls `main`.
static MAIN_START: OnceLock<&'static [u8]> = OnceLock::new();

/// The platform of a program that knows nothing of the agent.
static PRELOADED: Platform = Platform::of_this_build(&ForeignStd);

/// From now on every raise is recorded by the probe, whatever hooks do. Before the probes are installed. `main_start` is
/// the code of std's function that calls `main`; empty when it is not known.
pub(crate) fn switch_on(compiler: &'static str, main_start: &'static [u8]) {
    COMPILER.get_or_init(|| compiler);
    MAIN_START.get_or_init(|| main_start);
    platform::choose(&PRELOADED);
}

/// The std of a program that was built without the agent.
struct ForeignStd;

impl StdLibrary for ForeignStd {
    fn is_foreign(&self) -> bool {
        true
    }

    fn entry(&self) -> Option<u64> {
        // SAFETY: no preconditions.
        let entry = unsafe { libc::getauxval(libc::AT_ENTRY) };
        (entry != 0).then(|| entry.saturating_add(1))
    }

    fn is_rust(&self, image: &Path) -> bool {
        !comment::compilers(image).is_empty()
    }

    fn is_main_start(&self, function: &Range<u64>) -> bool {
        let Some(known) = MAIN_START.get().filter(|known| !known.is_empty()) else { return false };
        let start = known.as_ptr().addr() as u64;
        text::is_like(&(start..start.saturating_add(known.len() as u64)), function)
    }

    fn is_like(&self, own: &Range<u64>, function: &Range<u64>) -> bool {
        text::is_like(own, function)
    }

    fn thread_name(&self, known: Option<&str>, give: &mut dyn FnMut(&str)) {
        names::name(known, give);
    }

    fn location(&self, anchor: usize) -> Option<FoundLocation> {
        location::find(anchor)
    }

    fn calls_hook(&self, ips: &[u64]) -> Option<usize> {
        location::calls_hook(ips)
    }

    fn look_in(&self) -> Option<Duration> {
        loading::look_in()
    }

    fn refresh(&self) {
        let Some(snapshot) = image::current() else { return };
        segments::take_down();
        for loaded in snapshot.images() {
            let bias = loaded.bias as usize;
            if !segments::is_judged(bias) {
                let path = loaded.path.as_deref().map(Path::new);
                let compilers = path.map(comment::compilers).unwrap_or_default();
                segments::judge(bias, built_alike(&compilers));
            }
        }
    }

    fn calibrate(&self) -> Result<(), &'static str> {
        location::calibrate()
    }

    fn raised_to_calibrate(&self, anchor: usize) -> bool {
        location::raised(anchor)
    }

    /// # Cost
    /// A few dozen loads.
    fn trusts(&self, canary: usize) -> bool {
        segments::is_trusted(canary)
    }

    fn thread_begins(&self, argument: usize) {
        names::begin(argument);
    }

    fn names_threads(&self) -> usize {
        set_name as *const () as usize
    }

    fn first_name(&self, give: &mut dyn FnMut(&str)) {
        names::first_name(give);
    }
}

/// Compilers that built the executable other than the agent's; empty when it was built by the agent's alone.
pub(crate) fn other_compilers() -> Vec<String> {
    let compilers = std::env::current_exe().map(|path| comment::compilers(&path)).unwrap_or_default();
    if built_alike(&compilers) { Vec::new() } else { compilers }
}

/// Whether Rust's own parts of an image come from the agent's compiler.
fn built_alike(compilers: &[String]) -> bool {
    match (compilers, COMPILER.get()) {
        ([one], Some(own)) => one == own,
        _ => false,
    }
}
