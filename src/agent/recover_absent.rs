//! The twin of `recover` for systems without spools: there is nothing to find.
//!
//! Runs on: the thread that asks. Must not: touch a file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, ErrorKind};

/// What [`recover`] found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovered {
    /// Dead processes whose spools were emptied and removed.
    pub processes: u64,
    /// `panic` lines that were written for them.
    pub panics: u64,
    /// Records whose line was in the log already.
    pub known: u64,
    /// Records that were not whole.
    pub torn: u64,
    /// Spools whose processes live, or that somebody else is recovering.
    pub in_use: u64,
    /// Spools that could not be read or emptied, with the reason.
    pub left: Vec<(PathBuf, String)>,
}

/// Spools exist on Linux only.
///
/// # Errors
/// [`ErrorKind::Recover`], always.
pub fn recover(directory: impl AsRef<Path>) -> Result<Recovered, Error> {
    let subject = format!("`{}` has no spools: this platform has none", directory.as_ref().display());
    Err(Error::new(ErrorKind::Recover, subject, "recover on the Linux machine that ran the program"))
}

/// No recovery at the start either.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recovery(());

impl Recovery {
    /// It never began.
    pub(crate) fn is_over(&self) {}

    /// Nothing to wait for.
    pub(crate) fn wait(&self, _: Duration) {}
}
