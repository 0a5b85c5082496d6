//! How a program was built, as far as the expectations depend on it.
//!
//! Runs on: the thread that checks. Must not: look at the environment.

/// A build of the demo. Each is a profile of the workspace's manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Unoptimised, with debug assertions and debug information.
    Debug,
    /// Optimised, with line tables: what the README recommends.
    Lines,
    /// `debug = 1`.
    Limited,
    /// Optimised, with all debug information.
    Full,
    /// `cargo build --release` of a package that says nothing: symbols, and no debug information.
    Release,
    /// Thin LTO.
    Thin,
    /// `opt-level = "z"`, fat LTO, one codegen unit.
    Small,
    /// Fat LTO, one codegen unit, no symbols.
    Stripped,
    /// `panic = "abort"`: the first panic ends the process.
    Abort,
}

/// What a build tells of the functions at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// All of them, inlined ones too, with their files and lines.
    Inlined,
    /// The name of the function whose machine code it is. What was inlined into it is not known.
    Symbols,
    /// Nothing.
    None,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 9] = [
        Self::Debug,
        Self::Lines,
        Self::Limited,
        Self::Full,
        Self::Release,
        Self::Thin,
        Self::Small,
        Self::Stripped,
        Self::Abort,
    ];

    /// The build of this very program.
    pub fn current() -> Self {
        let directory = env!("DEMO_PROFILE");
        let named = Self::ALL.into_iter().find(|profile| profile.directory() == directory);
        named.unwrap_or(if cfg!(panic = "abort") {
            Self::Abort
        } else if cfg!(debug_assertions) {
            Self::Debug
        } else if cfg!(demo_debuginfo) {
            Self::Lines
        } else {
            // Of a profile with a name of its own nobody knows whether it was stripped.
            Self::Stripped
        })
    }

    /// Name of the cargo profile.
    pub const fn cargo_name(self) -> &'static str {
        match self {
            Self::Debug => "dev",
            Self::Lines => "lines",
            Self::Limited => "limited",
            Self::Full => "full",
            Self::Release => "release",
            Self::Thin => "thin",
            Self::Small => "small",
            Self::Stripped => "stripped",
            Self::Abort => "abort",
        }
    }

    /// Where cargo puts it below `target`.
    const fn directory(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            other => other.cargo_name(),
        }
    }

    /// What it tells of addresses.
    pub const fn names(self) -> Names {
        match self {
            Self::Debug | Self::Lines | Self::Limited | Self::Full | Self::Abort => Names::Inlined,
            Self::Release | Self::Thin | Self::Small => Names::Symbols,
            Self::Stripped => Names::None,
        }
    }
}
