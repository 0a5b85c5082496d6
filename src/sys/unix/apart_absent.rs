//! The twin of `apart` for an agent that is a part of the program: both have one table of open files.
//!
//! Runs on: the writer as it begins. Must not: do anything.

/// Nobody asks for it.
pub(super) fn note(_: i32) {}

/// The table stays that of the program.
pub(crate) fn keep_apart() {}
