//! What an audit has found, and what may be a finding and nobody can tell.
//!
//! Runs on: threads that audit, and readers. Must not: hold more of a panic than people look at.

use std::sync::Arc;

use serde::Serialize;

use super::{Class, Level};
use crate::record::{PanicId, Place, TestEvidence};

/// Why a call of `exit` is not judged.
pub(super) const STATUS_UNKNOWN: &str = "status_unknown";

/// Something is wrong with a test that may have passed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// What it is.
    pub class: Class,
    /// How much it matters.
    pub level: Level,
    /// The test binary: `package` for the unit tests of a library of that name, else `package::target`.
    pub binary: String,
    /// The test; `None` when it is not known. Then [`no_test`](Self::no_test) says why.
    pub test: Option<String>,
    /// On what `test` rests.
    pub via: TestEvidence,
    /// Why the test is not known.
    pub no_test: Option<String>,
    /// Whether the thread serves several tests.
    pub shared: bool,
    /// The test that started the thread, where that is another one or the thread is shared.
    pub first_owner: Option<String>,
    /// Whether the test had ended by then.
    pub ended: Option<bool>,
    /// How often: equal in test, class and place.
    pub count: u64,
    /// The first of the panics; `None` when it is none.
    pub id: Option<PanicId>,
    /// The panic's message, or what the agent has to say.
    pub message: Option<String>,
    /// Name of the thread.
    pub thread: Option<String>,
    /// Threads from which it descends, parent first, each with the place where it spawned the next one.
    pub ancestry: Vec<Origin>,
    /// Where it was raised, or happened.
    pub place: Option<Place>,
    /// Column of `place`, from 1.
    pub column: Option<u32>,
    /// What stopped the unwinding, for people.
    pub stop: Option<String>,
    /// What became of the error, for people.
    pub receipt: Option<String>,
    /// Innermost frames of the program, for people; at most 16.
    pub stack: Arc<[Place]>,
}

/// A thread from which a panicking one descends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Origin {
    /// Name of the thread.
    pub name: Option<String>,
    /// Where it spawned the next one.
    pub spawned_at: Option<Place>,
}

/// A finding that is only counted, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Folded {
    /// What was found.
    pub finding: Finding,
    /// Why it is not reported.
    pub why: FoldReason,
}

/// Why a finding is only counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FoldReason {
    /// It happened within [`expect_panic`](crate::expect_panic); its reason.
    ExpectPanic(String),
    /// An `[[expect]]` entry of a policy; its reason.
    Entry(String),
    /// It is in the baseline.
    Baseline,
    /// The test has `#[should_panic]`.
    ShouldPanic,
    /// The name of the test says that it panics on purpose.
    TestName,
    /// The message says that the panic is meant.
    Message,
    /// A thread that the dead one descends from panicked later, and may have learnt of the death by other means.
    Ancestor,
    /// The class is allowed.
    Allowed,
}

impl FoldReason {
    /// For the line that counts.
    pub fn words(&self) -> &'static str {
        match self {
            Self::ExpectPanic(_) => "inside `expect_panic`",
            Self::Entry(_) => "by an `[[expect]]` entry",
            Self::Baseline => "in the baseline",
            Self::ShouldPanic => "in a `#[should_panic]` test",
            Self::TestName => "by the name of the test",
            Self::Ancestor => "followed by a panic of a thread further up",
            Self::Message => "by the message",
            Self::Allowed => "of an allowed class",
        }
    }
}

/// A panic of which it cannot be told whether anybody saw it, or another event whose meaning depends on what is not known.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Unjudged {
    /// The test binary, as in [`Finding`](super::Finding).
    pub binary: String,
    /// What is missing, in one word.
    pub reason: String,
    /// The test; `None` when it is not known. Then [`no_test`](Self::no_test) says why.
    pub test: Option<String>,
    /// On what `test` rests.
    pub via: TestEvidence,
    /// Why the test is not known.
    pub no_test: Option<String>,
    /// How often: equal in test, place and what is known of it.
    pub count: u64,
    /// The first of the panics; `None` when it is none.
    pub id: Option<PanicId>,
    /// What is known of it, for people: `a thread died`.
    pub what: String,
    /// The panic's message, or what the agent has to say.
    pub message: Option<String>,
    /// Name of the thread.
    pub thread: Option<String>,
    /// Where it was raised, or happened.
    pub place: Option<Place>,
    /// Column of `place`, from 1.
    pub column: Option<u32>,
    /// Why it is only counted: it is meant, or known. `None` when it is for people to look at.
    pub folded: Option<FoldReason>,
}

/// Why an agent could not see what became of errors, in words for people. `code` is the word in the `process` line.
pub(super) fn blind_because(code: Option<&str>) -> String {
    let why = match code {
        Some("switched_off") => "its probes are switched off (`PANIC_AGENT_PROBES`)",
        Some("not_compiled") => "the cargo feature `probes` of panic-agent is off",
        Some("unsupported_platform") => {
            "that takes a dynamically linked program on Linux, on x86_64 or aarch64"
        }
        Some("no_slot") => "its calls go through no table, as those of a program that is linked statically",
        Some("panic_abort") => "the binary is compiled with `panic = \"abort\"`",
        Some(other) => return format!("its probes do not work in this process ({other})"),
        None => "its probes do not work in this process",
    };
    why.to_owned()
}
