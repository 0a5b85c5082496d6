//! The twin without the feature `gzip`: archives stay as they are.
//!
//! Runs on: the writer thread. Must not: be asked to compress; the builder refuses that.

use super::rotation::Directory;

/// Whether archives can be compressed in this build.
pub(crate) const AVAILABLE: bool = false;

pub(super) fn start(_: &Directory) {}
