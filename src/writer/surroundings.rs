//! What the writer asks of its neighbours: images, process labels, the hook.
//!
//! Runs on: the writer thread. Must not: hold a lock that a panicking thread may want.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::symbolize::{ImageAt, Images};

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

/// Nobody there: no images, no labels.
pub(crate) struct Alone;

impl Images for Alone {
    fn image_of(&mut self, _: u64) -> Option<ImageAt> {
        None
    }

    fn refresh(&mut self) -> bool {
        false
    }
}

impl Surroundings for Alone {
    fn process_labels(&self, _: Option<u32>) -> ProcessLabels {
        Arc::default()
    }

    fn panics(&self) -> u64 {
        0
    }
}
