//! Stand-in with the signatures of the public API, so that the demo compiles. It installs nothing.
//!
//! Runs on: the thread that calls it. Must not: be mistaken for the agent.

use std::path::PathBuf;
use std::time::Duration;

use crate::error::Error;

/// Entry point: `Agent::builder()`.
#[derive(Debug)]
pub struct Agent(());

impl Agent {
    /// Options of the agent.
    pub fn builder() -> Builder {
        Builder(())
    }
}

/// Options of the agent.
#[derive(Debug)]
pub struct Builder(());

impl Builder {
    /// Where the JSON lines go.
    #[must_use]
    pub fn file(self, _path: impl Into<PathBuf>) -> Self {
        self
    }
    /// Name of the service.
    #[must_use]
    pub fn service(self, _name: impl Into<String>) -> Self {
        self
    }
    /// Installs the agent.
    ///
    /// # Errors
    /// Never, in this stand-in.
    pub fn install(self) -> Result<AgentGuard, Error> {
        Ok(AgentGuard(()))
    }
}

/// Stops the agent when dropped.
#[must_use = "dropping it stops the agent"]
#[derive(Debug)]
pub struct AgentGuard(());

impl Drop for AgentGuard {
    fn drop(&mut self) {}
}

/// Installs the agent with its defaults.
pub fn init() -> AgentGuard {
    AgentGuard(())
}

/// Removes the label when dropped.
#[must_use = "dropping it removes the label"]
#[derive(Debug)]
pub struct LabelGuard(());

impl Drop for LabelGuard {
    fn drop(&mut self) {}
}

/// Puts a label on this thread.
pub fn label(_key: impl Into<String>, _value: impl Into<String>) -> LabelGuard {
    LabelGuard(())
}

/// Waits until everything was written.
pub fn flush(_deadline: Duration) -> bool {
    true
}
