//! How a program was built, as far as the expectations depend on it.
//!
//! Runs on: the thread that checks. Must not: look at the environment.

/// A build of the demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Unoptimised, with debug assertions and debug information.
    Debug,
    /// Optimised, with line tables.
    Release,
    /// Fat LTO, one codegen unit, no symbols: handlers cannot be told apart by name.
    ReleaseLtoStripped,
    /// `panic = "abort"`: the first panic ends the process.
    Abort,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 4] = [Self::Debug, Self::Release, Self::ReleaseLtoStripped, Self::Abort];

    /// The build of this very program.
    pub const fn current() -> Self {
        if cfg!(panic = "abort") {
            Self::Abort
        } else if !cfg!(demo_debuginfo) {
            Self::ReleaseLtoStripped
        } else if cfg!(debug_assertions) {
            Self::Debug
        } else {
            Self::Release
        }
    }

    /// Name of the cargo profile.
    pub const fn cargo_name(self) -> &'static str {
        match self {
            Self::Debug => "dev",
            Self::Release => "release",
            Self::ReleaseLtoStripped => "release-lto-stripped",
            Self::Abort => "abort",
        }
    }
}
