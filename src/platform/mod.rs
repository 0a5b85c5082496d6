//! The platform: what this process can be told of its panics, and whose std they come from. Chosen once, before the agent is
//! installed, and asked from then on.
//!
//! Two abilities, each by itself: *prediction* (where the unwinding of a panic will stop, by tables or by names), *probes* (what
//! becomes of it). Which modules are compiled for which is decided by `build.rs`; see `docs/architecture.md`.
//!
//! Runs on: every thread. Must not: allocate or lock; import anything of the agent's, because everything asks it.

mod std_library;

#[cfg_attr(
    not(feature = "preload"),
    allow(unused_imports, reason = "only a preloaded library finds one")
)]
pub(crate) use std_library::FoundLocation;
pub(crate) use std_library::StdLibrary;

use once_cell::race::OnceRef;

use self::std_library::Own;

/// Whether it is known, before anything unwinds, where a panic will stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prediction {
    /// By the exception tables of the frames.
    Tables,
    /// By the names of the frames.
    Names,
}

/// Whether what becomes of a panic can be observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Observation {
    /// By redirected calls, if the process lets them be redirected.
    Probes,
    /// The platform has nothing to redirect.
    Unsupported,
    /// The cargo feature `probes` is off.
    NotCompiled,
}

/// What a process can be told.
pub(crate) struct Platform {
    pub(crate) prediction: Prediction,
    pub(crate) observation: Observation,
    /// Whose panics they are.
    pub(crate) std: &'static dyn StdLibrary,
}

impl Platform {
    /// The abilities of this build, for a std.
    pub(crate) const fn of_this_build(std: &'static dyn StdLibrary) -> Self {
        let tables = cfg!(panic_agent_tables);
        Self {
            prediction: if tables { Prediction::Tables } else { Prediction::Names },
            observation: if cfg!(panic_agent_probes) {
                Observation::Probes
            } else if cfg!(feature = "probes") {
                Observation::Unsupported
            } else {
                Observation::NotCompiled
            },
            std,
        }
    }
}

/// The agent is a part of the program: both have one std.
static NATIVE: Platform = Platform::of_this_build(&Own);

/// Set at most once.
static CHOSEN: OnceRef<'static, Platform> = OnceRef::new();

/// The platform of this process.
///
/// # Cost
/// One load.
pub(crate) fn current() -> &'static Platform {
    CHOSEN.get().unwrap_or(&NATIVE)
}

/// The std whose panics are observed.
///
/// # Cost
/// One load.
pub(crate) fn std() -> &'static dyn StdLibrary {
    current().std
}

/// Chooses another platform than that of an agent which is a part of the program. The first choice stands.
#[cfg_attr(not(feature = "preload"), allow(dead_code, reason = "only a preloaded library has another one"))]
pub(crate) fn choose(platform: &'static Platform) {
    let _first = CHOSEN.set(platform);
}
