//! The fields that are equal in every line of a process.
//!
//! Runs on: the thread that installs the agent, then the writer thread. Must not: fail; a name that cannot
//! be had is `null`.

use std::sync::Arc;

use super::clock::Stamp;
use crate::config::Options;
use crate::record::{Head, Level, LineKind, SCHEMA_VERSION};
use crate::sys::own_file;

/// Who is speaking.
#[derive(Clone, Debug, Default)]
pub(crate) struct Service {
    /// Process instance of every [`PanicId`](crate::record::PanicId).
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

    /// Whoever said a line with this head.
    pub(crate) fn of(instance: u64, head: Option<&Head>) -> Self {
        Self {
            instance,
            service: head.and_then(|head| head.service.clone()),
            version: head.and_then(|head| head.version.clone()),
            environment: head.and_then(|head| head.environment.clone()),
            host: head.and_then(|head| head.host.clone()),
        }
    }

    /// What a line of this process begins with.
    pub(crate) fn head<Id>(&self, kind: LineKind, id: Id, stamp: Stamp, pid: u32, level: Level) -> Head<Id> {
        Head {
            schema: SCHEMA_VERSION,
            kind,
            id,
            ts: stamp.ts,
            ts_ms: stamp.ts_ms,
            pid,
            level,
            service: self.service.clone(),
            version: self.version.clone(),
            environment: self.environment.clone(),
            host: self.host.clone(),
        }
    }
}

/// Linux keeps the name in a file, which spares a system call with a buffer.
fn host() -> Option<Arc<str>> {
    let text = String::from_utf8(own_file::read("/proc/sys/kernel/hostname").ok()?).ok()?;
    let name = text.trim();
    (!name.is_empty()).then(|| Arc::from(name))
}
