//! Observing a program that was built without the agent, where that is not compiled: nothing is foreign.
//!
//! Runs on: any thread. Must not: do anything.

/// Never.
pub(crate) fn is_on() -> bool {
    false
}

/// No trace of another compiler matters.
pub(super) fn trusts(_: usize) -> bool {
    false
}

/// The agent's own code is in the executable, or as good as there.
pub(crate) fn entry() -> Option<u64> {
    None
}

/// The writer looks for images when it has nothing to do.
pub(crate) fn look_in() -> Option<std::time::Duration> {
    None
}

/// No function is known.
pub(crate) fn is_main_start(_: &core::ops::Range<u64>) -> bool {
    false
}

/// There is nothing to learn.
pub(super) fn calibrate() -> Result<(), &'static str> {
    Ok(())
}

/// There is nothing to note.
pub(super) fn refresh() {}

/// Nothing is calibrated.
pub(super) fn is_calibrating() -> bool {
    false
}

/// Does not happen.
pub(super) fn raised(_: usize) {}

/// std knows the names.
pub(super) fn thread_begins(_: usize) {}

/// std knows the names.
pub(super) fn first_name(_: impl FnOnce(&str)) {}

/// std knows the names.
pub(crate) fn thread_name(_: Option<&str>, _: impl FnOnce(&str)) {}

/// The place of a panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FoundLocation {
    pub(crate) file: &'static str,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// None: only hooks of this std are called.
pub(crate) fn calls_hook(_: &[u64]) -> Option<usize> {
    None
}

/// The hook knows the place.
pub(crate) fn location(_: usize) -> Option<FoundLocation> {
    None
}

/// No function is compared.
pub(crate) fn is_like(_: &core::ops::Range<u64>, _: &core::ops::Range<u64>) -> bool {
    false
}

/// No image is judged.
pub(crate) fn is_rust(_: &std::path::Path) -> bool {
    false
}
