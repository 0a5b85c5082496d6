//! The std whose panics are observed. The defaults are those of an agent that is compiled into the program: the hook tells
//! everything, and nothing has to be guessed. A preloaded library implements it for a std that it was not compiled with.
//!
//! Runs on: every thread, also a panicking one. Must not: allocate, lock or panic, but where a method says so.

use core::ops::Range;
use std::path::Path;
use std::time::Duration;

/// The place of a panic, found without a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FoundLocation {
    pub(crate) file: &'static str,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// What is asked of a std.
pub(crate) trait StdLibrary: Sync {
    /// Whether it is another one than the agent's own, so that the agent's hook is none of its hooks.
    fn is_foreign(&self) -> bool {
        false
    }

    /// An address in the executable, if the agent's own code is elsewhere.
    fn entry(&self) -> Option<u64> {
        None
    }

    /// Whether Rust's own parts of an image are those of a Rust compiler. Reads the file.
    fn is_rust(&self, _image: &Path) -> bool {
        false
    }

    /// Whether a function is the one that calls `main`.
    fn is_main_start(&self, _function: &Range<u64>) -> bool {
        false
    }

    /// Whether a function has the same code as one of the agent's own.
    fn is_like(&self, _own: &Range<u64>, _function: &Range<u64>) -> bool {
        false
    }

    /// Gives the name of the calling thread, of which the system knows at least the beginning.
    fn thread_name(&self, _known: Option<&str>, _give: &mut dyn FnMut(&str)) {}

    /// The place of the panic that is being raised above this frame.
    fn location(&self, _anchor: usize) -> Option<FoundLocation> {
        None
    }

    /// The frame of these in which std calls a panic hook.
    fn calls_hook(&self, _ips: &[u64]) -> Option<usize> {
        None
    }

    /// How long the writer may wait before it looks for images that are being loaded.
    fn look_in(&self) -> Option<Duration> {
        None
    }

    /// Notes the images that were loaded since. Reads their files: not for an observed thread.
    fn refresh(&self) {}

    /// Learns where std keeps the place of a panic. While probes are installed.
    ///
    /// # Errors
    /// Why it cannot be learned.
    fn calibrate(&self) -> Result<(), &'static str> {
        Ok(())
    }

    /// Takes part in [`calibrate`](Self::calibrate): a panic is raised above this frame. `false` if nobody calibrates.
    fn raised_to_calibrate(&self, _anchor: usize) -> bool {
        false
    }

    /// Whether an exception with this canary comes from a std whose layout is known.
    fn trusts(&self, _canary: usize) -> bool {
        false
    }

    /// A thread of std begins, with this argument of `pthread_create`.
    fn thread_begins(&self, _argument: usize) {}

    /// The function that stands in for `pthread_setname_np`; 0 for none.
    fn names_threads(&self) -> usize {
        0
    }

    /// Gives the name that the calling thread got first.
    fn first_name(&self, _give: &mut dyn FnMut(&str)) {}
}

/// The agent's own.
pub(super) struct Own;

impl StdLibrary for Own {}
