//! What may be a finding, and nobody can tell.
//!
//! Runs on: threads that audit, and readers. Must not: be taken for a finding.

use serde::Serialize;

use super::FoldReason;
use crate::record::{PanicId, Place, TestEvidence};

/// Why a call of `exit` is not judged.
pub(super) const STATUS_UNKNOWN: &str = "status_unknown";

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
