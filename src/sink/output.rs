//! Which destination is asked for.
//!
//! Runs on: the thread that installs the agent. Must not: open anything.

use std::path::PathBuf;

use super::Sink;

/// Where lines go.
pub(crate) enum Output {
    /// Append to this file.
    File(PathBuf),
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A destination of the user's.
    Sink(Box<dyn Sink>),
}
