//! Who is told how the process fares while it runs.
//!
//! Runs on: the thread that installs the agent. Must not: tell.

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
