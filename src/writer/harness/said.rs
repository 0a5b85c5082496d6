//! What a test harness said of its tests.
//!
//! Runs on: the writer thread. Must not: do I/O.

use crate::record::TestResult;

/// One thing that the harness said, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) wall_ns: u64,
    pub(crate) mono_ns: u64,
    pub(crate) what: Word,
}

/// What it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// So many tests are going to run.
    Planned(u64),
    /// A test ended or was left out.
    Finished { name: String, result: TestResult, should_panic: bool },
}
