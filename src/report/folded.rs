//! What is counted of panics that got no line of their own.
//!
//! Runs on: the writer thread. Must not: decide what is counted.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::record::{Level, Location, PanicId};

/// Panics that got no line of their own, for one summary.
#[derive(Clone, Debug)]
pub(crate) struct Folded {
    /// When the first of them was folded.
    pub(crate) since: Instant,
    pub(crate) count: u64,
    /// The same since the last whole report.
    pub(crate) total: u64,
    pub(crate) fingerprint: String,
    /// A report of the same fingerprint that has a line.
    pub(crate) first: PanicId,
    pub(crate) last: PanicId,
    pub(crate) last_ts: String,
    pub(crate) last_ts_ms: i64,
    /// The worst.
    pub(crate) level: Level,
    /// First line of the last one's message.
    pub(crate) message: Option<String>,
    /// The last one's.
    pub(crate) thread: Option<String>,
    /// The last one's.
    pub(crate) location: Option<Location>,
    /// How many met each fate, as predicted or known when they were folded.
    pub(crate) fates: BTreeMap<String, u64>,
}
