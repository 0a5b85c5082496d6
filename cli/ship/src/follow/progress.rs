//! Which lines of a file are done: delivered, dead, or of no interest.
//!
//! Runs on: the thread of a destination. Must not: say of a line that it is done before it is.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::part::Identity;

/// A line that was given and is not known to be done, or has such a line before it.
#[derive(Debug)]
struct InFlight {
    number: u64,
    line: u64,
    offset: u64,
    done: bool,
}

/// Lines of one file between the first that is not done and the last that was read.
#[derive(Debug, Default)]
pub(super) struct Progress {
    lines: VecDeque<InFlight>,
}

/// Where a file is gone on with after a start.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Position {
    pub(crate) path: String,
    #[serde(flatten)]
    pub(crate) identity: Identity,
    /// Lines before the offset.
    pub(crate) line: u64,
    pub(crate) offset: u64,
    /// Whether there was something behind the offset.
    pub(crate) open: bool,
    /// Lines behind the offset that are done: first and last of each run.
    #[serde(default)]
    pub(crate) done: Vec<(u64, u64)>,
}

impl Position {
    pub(super) fn has_done(&self, line: u64) -> bool {
        self.done.iter().any(|(first, last)| (*first..=*last).contains(&line))
    }
}

impl Progress {
    /// Numbers grow.
    pub(super) fn given(&mut self, number: u64, line: u64, offset: u64) {
        self.lines.push_back(InFlight { number, line, offset, done: false });
    }

    /// False: the number belongs to another file.
    pub(super) fn done(&mut self, number: u64) -> bool {
        let Ok(index) = self.lines.binary_search_by_key(&number, |line| line.number) else { return false };
        if let Some(line) = self.lines.get_mut(index) {
            line.done = true;
        }
        while self.lines.front().is_some_and(|line| line.done) {
            self.lines.pop_front();
        }
        true
    }

    pub(super) fn is_done(&self) -> bool {
        self.lines.is_empty()
    }

    /// Lines and offset before the first line that is not done. `None`: all are.
    pub(super) fn first(&self) -> Option<(u64, u64)> {
        self.lines.front().map(|line| (line.line - 1, line.offset))
    }

    /// Runs of lines that are done behind one that is not.
    pub(super) fn runs(&self) -> Vec<(u64, u64)> {
        let mut runs: Vec<(u64, u64)> = Vec::new();
        for line in self.lines.iter().filter(|line| line.done).map(|line| line.line) {
            match runs.last_mut() {
                Some((_, last)) if *last + 1 == line => *last = line,
                _ => runs.push((line, line)),
            }
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_stays_before_the_first_open_line_and_those_behind_it_are_kept_as_runs() {
        let mut progress = Progress::default();
        for number in 0..8 {
            progress.given(number + 100, number + 1, number * 10);
        }
        for number in [101, 102, 104, 107] {
            assert!(progress.done(number));
        }
        assert!(!progress.done(99) && !progress.done(108));
        assert_eq!((progress.first(), progress.runs()), (Some((0, 0)), vec![(2, 3), (5, 5), (8, 8)]));
        assert!(progress.done(100));
        assert_eq!((progress.first(), progress.runs()), (Some((3, 30)), vec![(5, 5), (8, 8)]));
        for number in [103, 105, 106] {
            progress.done(number);
        }
        assert!(progress.is_done() && progress.runs().is_empty() && progress.first().is_none());
    }
}
