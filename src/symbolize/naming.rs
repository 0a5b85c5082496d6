//! Whether names may be looked up, and what is said of a stack whose names were not.
//!
//! Runs on: the writer thread. Must not: do I/O.

use crate::record::SoftError;

/// What a look-up of a name costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// The debug information of the image was read before: milliseconds.
    Known,
    /// It is read for this: up to seconds.
    FirstOfImage,
}

/// Whether a name may be looked up now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// It may.
    Allowed,
    /// Symbols are off by configuration.
    Off,
    /// The debug information is still being read.
    NotReady,
    /// Somebody waits for the report, and no time is left to read the debug information of another image.
    Unopened,
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
            Self::Unopened => (
                "symbols_not_ready",
                "somebody waited for the report, and there was no time to read the debug information of all \
                 images in it",
            ),
            Self::OutOfTime => (
                "symbols_not_ready",
                "somebody waited for the report, and there was no time to look up all names",
            ),
        };
        Some(SoftError::new("frames.function", code, detail))
    }
}
