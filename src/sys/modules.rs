//! The twin of the lists of images for systems of which no list is known.
//!
//! Runs on: every thread. Must not: do anything.

use super::{Module, ReadHeaders};

/// None that is known.
pub(crate) fn modules(_: ReadHeaders) -> Vec<Module> {
    Vec::new()
}
