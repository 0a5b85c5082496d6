//! Why a command could not be carried out: what, where, and what to do.

use std::fmt;
use std::path::Path;

/// One line for people.
#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    status: u8,
}

impl Failure {
    /// Something that the user can change.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), status: 2 }
    }

    /// A program that cannot be started, with the status that a shell would give.
    pub(crate) fn cannot_start(program: &Path, error: &std::io::Error) -> Self {
        let status = if error.kind() == std::io::ErrorKind::NotFound { 127 } else { 126 };
        Self { what: format!("cannot start `{}`: {error}", program.display()), status }
    }

    /// The file system said no.
    pub(crate) fn io(doing: &str, path: &Path, error: &std::io::Error) -> Self {
        Self::new(format!("cannot {doing} `{}`: {error}", path.display()))
    }

    /// Status of the tool.
    pub(crate) fn status(&self) -> u8 {
        self.status
    }
}

#[cfg(target_os = "linux")]
impl From<panic_agent_ship::Failure> for Failure {
    fn from(failure: panic_agent_ship::Failure) -> Self {
        Self::new(failure.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}
