//! Whether names may be looked up, and what is said of a stack whose names were not.
//!
//! Runs on: the writer thread. Must not: do I/O.

use crate::record::SoftError;

/// Whether a name may be looked up now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// It may.
    Allowed,
    /// Symbols are off by configuration.
    Off,
    /// The debug information is still being read.
    NotReady,
    /// Somebody waits for the report, and no time is left.
    OutOfTime,
}

impl Naming {
    /// What a stack lacks whose names were not all looked up for this reason.
    pub(crate) fn soft_error(self) -> Option<SoftError> {
        let (code, detail) = match self {
            Self::Allowed => return None,
            Self::Off => ("symbols_off", "symbols are off by configuration"),
            Self::NotReady => (
                "symbols_not_ready",
                "the report could not wait until the debug information of the process was read",
            ),
            Self::OutOfTime => (
                "symbols_not_ready",
                "somebody waited for the report, and there was no time to look up all names",
            ),
        };
        Some(SoftError::new("frames.function", code, detail))
    }
}
