//! Where a process leaves its last words.
//!
//! Runs on: the thread that installs the agent. Must not: open it.

use std::path::PathBuf;

/// Where the last words of a process go: message, place, thread, verdict and id of the panic that ends it, at most 4096
/// bytes. The file must exist; it is never created.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TerminationLog {
    /// Where Kubernetes lays it, `/dev/termination-log`. The default.
    #[default]
    Kubernetes,
    /// In this file, as `terminationMessagePath` says.
    File(PathBuf),
    /// Nowhere.
    Off,
}
