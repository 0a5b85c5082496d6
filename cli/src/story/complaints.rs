//! Says which lines cannot be used, with their places, and does not say it a thousand times.
//!
//! Runs on: the main thread. Must not: stop the reading.

use std::collections::BTreeMap;
use std::io;

use super::At;

/// Complaints of a kind that are said one by one; the others are counted.
const SAID: u64 = 3;

/// Why a line is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Complaint {
    /// A part of a line: a process was killed while it wrote, or is writing it.
    Torn,
    /// Nothing of the agent's.
    Foreign,
    /// Of a later version of the agent.
    Newer,
}

impl Complaint {
    fn word(self) -> &'static str {
        match self {
            Self::Torn => "torn",
            Self::Foreign => "not of the agent",
            Self::Newer => "of a newer agent",
        }
    }
}

/// What was complained about.
#[derive(Debug, Default)]
pub(crate) struct Complaints {
    counts: BTreeMap<Complaint, u64>,
    /// Files that could not be read to their end.
    unread: u64,
}

impl Complaints {
    /// Says that a line is left out.
    pub(crate) fn line(&mut self, at: &At, what: Complaint, why: &str) {
        let count = self.counts.entry(what).or_default();
        *count += 1;
        if *count <= SAID {
            eprintln!("panic-agent: {at}: {}, left out ({why})", what.word());
        }
    }

    /// Says that the rest of a file is left out.
    pub(crate) fn unreadable(&mut self, at: &At, error: &io::Error) {
        self.unread += 1;
        eprintln!("panic-agent: {at}: cannot read on: {error}");
    }

    /// Says how many more there were.
    pub(crate) fn finish(&self) {
        for (what, count) in &self.counts {
            if let Some(more @ 1..) = count.checked_sub(SAID) {
                let lines = if more == 1 { "line" } else { "lines" };
                eprintln!("panic-agent: {more} more {lines} left out: {}", what.word());
            }
        }
    }

    /// Lines that were left out.
    pub(crate) fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    /// Status of a command that read: 2 when a file could not be read to its end.
    pub(crate) fn status(&self) -> u8 {
        if self.unread > 0 { 2 } else { 0 }
    }
}
