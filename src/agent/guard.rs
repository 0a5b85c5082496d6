//! The value that `init` returns, and the one line on stderr when it cannot start.
//!
//! Runs on: the thread that owns the guard. Must not: panic, or wait longer than the flush deadline.

use std::time::Duration;

use super::AGENT;

/// Stands for the installed agent; dropping it waits until everything raised so far is written, at most
/// for the flush deadline (2 s unless configured).
///
/// The agent itself stays: panics after the guard is gone (in destructors of statics, in `atexit`
/// handlers, on other threads) are still recorded, and an `atexit` handler drains them.
#[derive(Debug)]
#[must_use = "dropping it flushes at once; bind it: `let _agent = panic_agent::init();`"]
pub struct AgentGuard {
    pub(super) active: bool,
}

impl AgentGuard {
    /// Whether the agent is installed: `false` under `PANIC_AGENT=off` and after a failed
    /// [`init`](crate::init()).
    pub fn is_active(&self) -> bool {
        self.active
    }

    /// Reads the debug information of the program now, and waits for that, at most this long.
    ///
    /// Without this call it is read when the first panic asks for names, on a thread of its own; the first line comes that
    /// much later. `false` when the deadline passed first, and in a forked child. `true` when there is nothing to read.
    /// What was read is given back after a quiet minute, unless [`Symbols::Eager`](crate::Symbols::Eager) is set.
    pub fn warm_up(&self, deadline: Duration) -> bool {
        let agent = AGENT.get().filter(|_| self.active);
        agent.is_none_or(|agent| agent.is_at_home() && agent.writer.warm_up(deadline))
    }
}

impl Drop for AgentGuard {
    fn drop(&mut self) {
        if let Some(agent) = AGENT.get().filter(|agent| self.active && agent.is_at_home()) {
            // A missed deadline shows in the file: no `end` line, or one that counts what is missing.
            let _flushed = agent.writer.flush(agent.flush_deadline);
        }
    }
}
