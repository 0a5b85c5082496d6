//! The twin of `recover` for systems without spools: there is nothing to find.
//!
//! Runs on: the thread that asks. Must not: touch a file.

use std::path::Path;
use std::time::Duration;

use super::Recovered;
use crate::error::{Error, ErrorKind};

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
    pub(crate) fn finish(&self) {}

    /// Nothing to wait for.
    pub(crate) fn wait(&self, _: Duration) {}
}
