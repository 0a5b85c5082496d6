//! Which test of a harness a panic belongs to, and what the harness said of its tests.
//!
//! Runs on: the writer thread and readers. Must not: do I/O.

use serde::{Deserialize, Serialize};

use super::Head;

/// The test that a panic or a finding belongs to, as far as it can be told.
///
/// It is never just "the test that runs now": without evidence, `name` is `None` and `reason` has what is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TestRef {
    /// Path as libtest prints it (`tests::adds`). `None`: it cannot be told; see `reason`.
    pub name: Option<String>,
    /// On what `name` rests.
    pub via: TestEvidence,
    /// Whether the thread serves several tests: it was started inside a one-time initialization, such as that of
    /// a global pool.
    pub shared: bool,
    /// The test that started the thread, itself or through other threads, where that is known and says more than
    /// `name`: it is another one, or the thread is `shared`.
    pub first_owner: Option<String>,
    /// Whether the test `name` had ended when this happened. `None`: it cannot be told.
    pub ended: Option<bool>,
    /// Why the test is unknown; a stable short word. `None`: it is known.
    pub reason: Option<String>,
}

impl TestRef {
    /// A test that is known by this evidence, on a thread of its own.
    pub fn known(name: impl Into<String>, via: TestEvidence) -> Self {
        Self { name: Some(name.into()), via, shared: false, first_owner: None, ended: None, reason: None }
    }

    /// A test that cannot be told, for this reason.
    pub fn unknown(reason: impl Into<String>) -> Self {
        Self {
            name: None,
            via: TestEvidence::Unknown,
            shared: false,
            first_owner: None,
            ended: None,
            reason: Some(reason.into()),
        }
    }
}

/// On what the name of a test rests, strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TestEvidence {
    /// The stack itself goes through the harness into the test.
    Stack,
    /// A frame of the stack is the function of a known test, or a closure in it.
    Frame,
    /// The payload was thrown again on a stack that goes through the harness into the test.
    Rethrow,
    /// The test started the thread, itself or through other threads.
    Lineage,
    /// It cannot be told.
    Unknown,
}

/// What the harness prints about its tests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TestLine {
    /// The fields of every line; the kind is [`LineKind::Test`](super::LineKind::Test), the level always `info`.
    #[serde(flatten)]
    pub head: Head,
    /// For people.
    pub message: String,
    /// What happened.
    pub event: TestEvent,
    /// Path of the test as libtest prints it; `None` for [`TestEvent::Planned`].
    pub name: Option<String>,
    /// How many tests the harness is going to run; `None` for [`TestEvent::Finished`].
    pub planned: Option<u64>,
    /// How the test ended, in the harness's opinion; `None` for [`TestEvent::Planned`].
    pub result: Option<TestResult>,
    /// Whether the test is expected to panic.
    pub should_panic: bool,
    /// When the harness printed it: monotonic clock in nanoseconds, as in `panic` lines.
    pub mono_ns: u64,
}

/// What a [`TestLine`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TestEvent {
    /// The harness is going to run a number of tests.
    Planned,
    /// A test ended, or was left out.
    Finished,
}

/// How a test ended, in the harness's opinion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TestResult {
    /// It passed.
    Ok,
    /// It failed.
    Failed,
    /// It was not run.
    Ignored,
}
