//! Who else is told: while the process runs, and when a panic ends it.
//!
//! Runs on: the thread that installs the agent. Must not: tell, or open anything.

use std::path::PathBuf;

/// Who is told how many parts of the process have died.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Supervisor {
    /// Nobody. The default.
    #[default]
    None,
    /// systemd, or who else gave the process a `NOTIFY_SOCKET`: a `STATUS=` whenever a thread or task has died, such as
    /// `2 dead threads, 1 panic that nobody can ever see`. Needs the cargo feature
    /// `systemd`. `READY=1` and `WATCHDOG=1` stay the program's to say.
    Systemd,
}

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
