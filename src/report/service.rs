//! The fields that are equal in every line of a process.
//!
//! Runs on: the thread that installs the agent, then the writer thread. Must not: fail; a name that cannot
//! be had is `null`.

use std::sync::Arc;

use crate::config::Options;
use crate::record::PanicId;

/// Who is speaking.
#[derive(Clone, Debug, Default)]
pub(crate) struct Service {
    /// Process instance of every [`PanicId`].
    pub(crate) instance: u64,
    pub(crate) service: Option<Arc<str>>,
    pub(crate) version: Option<Arc<str>>,
    pub(crate) environment: Option<Arc<str>>,
    pub(crate) host: Option<Arc<str>>,
}

impl Service {
    /// Takes the names from the options and the host from the system.
    pub(crate) fn new(instance: u64, options: &Options) -> Self {
        let text = |name: &Option<String>| name.as_deref().map(Arc::from);
        Self {
            instance,
            service: text(&options.service),
            version: text(&options.version),
            environment: text(&options.environment),
            host: host(),
        }
    }

    /// The instance as lines about the process carry it.
    pub(crate) fn instance_text(&self) -> String {
        PanicId::new(self.instance, 0).instance_text()
    }
}

/// Linux keeps the name in a file, which spares a system call with a buffer.
fn host() -> Option<Arc<str>> {
    let text = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    let name = text.trim();
    (!name.is_empty()).then(|| Arc::from(name))
}
