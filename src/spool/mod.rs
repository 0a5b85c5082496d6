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

/// The file, while its process lives.
#[cfg(panic_agent_spool)]
#[path = "."]
mod kept {
    pub(crate) mod checksums;
    pub(crate) mod create;
    #[allow(unsafe_code)]
    pub(crate) mod live;
    pub(crate) mod process_identity;
    #[cfg(all(test, not(miri)))]
    pub(crate) mod tests;

    use super::{INFIX, Place, process_facts};

    pub(crate) use create::create;
    pub(crate) use live::{Landings, LiveSpool};
}
#[cfg(not(panic_agent_spool))]
#[path = "absent.rs"]
mod kept;

pub(crate) mod process_facts;

use std::ffi::OsStr;
use std::path::PathBuf;

use crate::files::FileTrust;

pub(crate) use kept::*;
pub(crate) use process_facts::{Facts, PastImage};

/// What stands between the name of the log and the process id in the name of a spool.
pub(crate) const INFIX: &str = ".spool-";

/// Where spools lie, and for which log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) directory: PathBuf,
    /// Absolute; `None` when lines go to no file.
    pub(crate) log: Option<PathBuf>,
    /// In which places files are opened.
    pub(crate) trust: FileTrust,
}

impl Place {
    /// The first part of the names.
    pub(crate) fn log_name(&self) -> &OsStr {
        let name = self.log.as_deref().and_then(|log| log.file_name());
        name.unwrap_or(OsStr::new(crate::files::DEFAULT_FILE))
    }
}
