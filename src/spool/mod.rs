//! A memory-mapped file that holds the slots, so that the reports in them outlive the process.
//!
//! ```text
//! panicking thread → slot in the file → writer → line in the log → slot is free
//!                        ╰── process dies ──→ recovery, in another process → line in the log
//! ```
//!
//! The slots themselves belong to `channel`; here is everything around them: making the file ([`create()`]), what
//! the process notes in it while it runs ([`LiveSpool`]). Reading it after a death is the `recovery`'s. The layout is in `docs/spool-format.md`.
//!
//! Runs on: see each file. Must not: write lines; that is the writer's.

#[cfg(not(panic_agent_spool))]
mod absent;
#[cfg(panic_agent_spool)]
pub(crate) mod checksums;
#[cfg(panic_agent_spool)]
pub(crate) mod create;
#[cfg(panic_agent_spool)]
#[allow(unsafe_code)]
pub(crate) mod live;
#[cfg_attr(not(panic_agent_spool), allow(dead_code))]
pub(crate) mod process_facts;
#[cfg(panic_agent_spool)]
pub(crate) mod process_identity;
#[cfg(all(panic_agent_spool, test, not(panic_agent_loom), not(miri)))]
pub(crate) mod tests;

use std::ffi::OsStr;
use std::path::PathBuf;

use crate::files::FileTrust;

#[cfg(not(panic_agent_spool))]
pub(crate) use absent::{Landings, LiveSpool};
#[cfg(panic_agent_spool)]
pub(crate) use create::create;
#[cfg(panic_agent_spool)]
pub(crate) use live::{Landings, LiveSpool};
#[cfg(panic_agent_spool)]
pub(crate) use process_facts::Facts;
pub(crate) use process_facts::PastImage;

/// What stands between the name of the log and the process id in the name of a spool.
#[cfg_attr(not(panic_agent_spool), allow(dead_code))]
pub(crate) const INFIX: &str = ".spool-";

/// Where spools lie, and for which log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) directory: PathBuf,
    /// Absolute; `None` when lines go to no file.
    pub(crate) log: Option<PathBuf>,
    /// In which places files are opened.
    #[cfg_attr(not(panic_agent_spool), allow(dead_code))]
    pub(crate) trust: FileTrust,
}

impl Place {
    /// The first part of the names.
    #[cfg_attr(not(panic_agent_spool), allow(dead_code))]
    pub(crate) fn log_name(&self) -> &OsStr {
        let name = self.log.as_deref().and_then(|log| log.file_name());
        name.unwrap_or(OsStr::new(crate::files::DEFAULT_FILE))
    }
}
