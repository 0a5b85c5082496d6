//! What the writer asks of its neighbours: images, process labels, the hook.
//!
//! Runs on: the writer thread. Must not: hold a lock that a panicking thread may want.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::record::ProbeLosses;
use crate::spool::PastImage;
use crate::symbolize::Images;

/// Key and value of process-wide labels.
pub(crate) type ProcessLabels = Arc<BTreeMap<String, String>>;

/// The writer's view of the rest of the agent.
pub(crate) trait Surroundings: Images + Send {
    /// Called first on the writer thread: tells the hook to ignore it, and lets the capture learn how a
    /// thread of std starts.
    fn enter_writer_thread(&self) {}

    /// What to call first on a further thread of the agent, for the hook to ignore that one too.
    fn own_thread(&self) -> fn() {
        || ()
    }

    /// The process-wide labels of a generation; `None` stands for the newest one. `None` when the
    /// generation is too old to be remembered.
    fn process_labels(&self, generation: Option<u32>) -> Option<ProcessLabels>;

    /// Generation of the newest process-wide labels.
    fn labels_generation(&self) -> u32 {
        0
    }

    /// Generation of the images.
    fn images_generation(&self) -> u32 {
        0
    }

    /// The images of the newest generation, the executable first.
    fn images(&self) -> Vec<PastImage> {
        Vec::new()
    }

    /// Hook calls since the start.
    fn panics(&self) -> u64 {
        0
    }

    /// Number of the newest panic, whose record may still be on its way.
    fn newest(&self) -> u64 {
        0
    }

    /// What the probes could not follow since the start; zeroes without probes.
    fn probe_losses(&self) -> ProbeLosses {
        ProbeLosses::default()
    }
}
