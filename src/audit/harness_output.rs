//! What a test harness printed, for who reads its output from outside.
//!
//! Runs on: threads that audit. Must not: do I/O.

use crate::harness::{Reader, Word};
use crate::record::{Head, LineKind, TestLine};

/// The output of libtest, read piece by piece: `cargo panic-agent test` reads it on its way to the terminal. It is needed
/// for processes that are killed before the agent in them has told what their harness said.
///
/// What libtest prints by default is understood; any other format yields no line.
///
/// # Examples
/// ```
/// let mut output = panic_agent::audit::HarnessOutput::default();
/// output.read(b"running 2 tests\ntest adds ... ok <0.");
/// output.read(b"003s>\n");
/// assert_eq!(output.lines()[1].name.as_deref(), Some("adds"));
/// assert!(output.is_cut_off());
/// ```
#[derive(Debug, Default)]
pub struct HarnessOutput {
    reader: Reader,
    lines: Vec<TestLine>,
    began: bool,
    ended: bool,
}

impl HarnessOutput {
    /// Takes the next piece.
    pub fn read(&mut self, piece: &[u8]) {
        for said in self.reader.read(piece, false, 0) {
            match said.what {
                Word::Planned(_) => (self.began, self.ended) = (true, false),
                Word::Ended => self.ended = true,
                Word::Finished { .. } => {}
            }
            self.lines.extend(said.into_line(Head::unsigned(LineKind::Test)));
        }
    }

    /// What it said so far. Nobody knows the process here: the fields of every line are empty.
    pub fn lines(&self) -> &[TestLine] {
        &self.lines
    }

    /// Whether it began and did not come to its end.
    pub fn is_cut_off(&self) -> bool {
        self.began && !self.ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_harness_that_stops_has_not_ended_and_one_that_ends_has() {
        let mut output = HarnessOutput::default();
        output.read(b"running late\ntest of patience ... begins\n{\"type\":\"suite\"}\n");
        assert!(output.lines().is_empty() && !output.is_cut_off());
        output.read(b"running 2 tests\ntest a ... ok\n");
        assert!(output.is_cut_off());
        assert_eq!(output.lines().len(), 2);
        output.read(b"test result: ok. 1 passed\n");
        assert!(!output.is_cut_off());
        assert_eq!(output.lines().len(), 2, "the end has no line");
    }
}
