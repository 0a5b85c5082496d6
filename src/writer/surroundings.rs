//! What the writer asks of its neighbours: images, process labels, the hook.
//!
//! Runs on: the writer thread. Must not: hold a lock that a panicking thread may want.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::symbolize::Images;

/// Key and value of process-wide labels.
pub(crate) type ProcessLabels = Arc<BTreeMap<String, String>>;

/// The writer's view of the rest of the agent.
pub(crate) trait Surroundings: Images + Send {
    /// Called first on the writer thread: tells the hook to ignore it, and lets the capture learn how a
    /// thread of std starts.
    fn enter_writer_thread(&self) {}

    /// The process-wide labels of a generation; `None` stands for the newest one.
    fn process_labels(&self, generation: Option<u32>) -> ProcessLabels;

    /// Hook calls since the start.
    fn panics(&self) -> u64;
}
