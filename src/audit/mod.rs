//! Test-harness auditing: a test must not pass while a thread dies behind it.
//!
//! libtest looks at the thread of a test. What happens on the threads and tasks that the test started, it never hears of:
//! `cargo test` prints `ok`, the message was swallowed by the capture of output, and the exit status is 0. The audit reads
//! the lines of the agent after the run and finds those panics, each with the test it belongs to.
//!
//! [`audit!`](crate::audit!) in a test crate does it for one binary. `cargo panic-agent test` does the same for every
//! binary of a workspace, with no change to any. The guide is `docs/auditing.md`.
//!
//! Runs on: threads that audit. Must not: make a finding of what is not known.

mod audited;
mod auditor;
mod baseline;
mod class;
mod finding;
mod harness_output;
mod in_process;
mod intent;
mod macros;
mod policy;
mod render;
mod rules;

pub use audited::{Audit, Ending, Outcome, Run};
use auditor::Gathered;
pub use auditor::{Auditor, binary_name};
pub use baseline::{Baseline, BaselineEntry};
pub use class::{Class, Level};
pub use finding::{Finding, FoldReason, Folded, Origin, Unjudged};
pub use harness_output::HarnessOutput;
#[doc(hidden)]
pub use in_process::install;
pub use policy::{BASELINE_FILE, POLICY_FILE, Policy, PolicyError, workspace_root};
pub use render::Detail;

/// Status of a test binary that would have ended with 0, when something is denied.
pub const DENIED_STATUS: i32 = 102;
