//! Why nothing can be shipped: what, where, and what to do.

use std::fmt;
use std::path::Path;

/// Something that the user can change, in one line: a configuration that cannot be used, a file that cannot be opened.
///
/// Its text names the place, the value and what to do, and repeats no secret.
#[derive(Debug)]
pub struct Failure {
    what: String,
}

impl Failure {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into() }
    }

    /// The file system said no.
    pub(crate) fn io(doing: &str, path: &Path, error: &std::io::Error) -> Self {
        Self::new(format!("cannot {doing} `{}`: {error}", path.display()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Failure {}
