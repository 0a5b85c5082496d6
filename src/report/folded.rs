//! What is counted of panics that got no line of their own.
//!
//! Runs on: the writer thread. Must not: decide what is counted.

use std::time::Instant;

use crate::record::RepeatsLine;

/// Panics that got no line of their own, for one summary.
#[derive(Clone, Debug)]
pub(crate) struct Folded {
    /// When the first of them was folded.
    pub(crate) since: Instant,
    /// What is said of them. Its head is that of the first of them, but for the level, until the line is written.
    pub(crate) line: RepeatsLine,
}
