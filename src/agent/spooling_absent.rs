//! The twin of `spooling` for systems without spools.
//!
//! Runs on: the thread that installs the agent. Must not: do anything but say that there is none.

use std::path::PathBuf;

use crate::config::{Options, Spool, Symbols};
use crate::files::FileTrust;
use crate::recovery::Recovery;
use crate::report::Abilities;
use crate::spool::{LiveSpool, Place};

/// There is no place.
pub(super) fn place(
    spool: &Spool,
    _: Option<PathBuf>,
    _: FileTrust,
) -> Result<Place, (&'static str, &'static str)> {
    match spool {
        Spool::Off => Err(("switched_off", "reports under way are lost with the process: the spool is off")),
        _ => Err(("unsupported_platform", "reports under way are lost with the process: no spool here")),
    }
}

/// Says why there is no spool.
pub(super) fn make(
    place: Result<&Place, (&'static str, &'static str)>,
    _: [usize; 2],
    _: u64,
    abilities: &mut Abilities,
) -> Option<&'static LiveSpool> {
    if let Err((code, detail)) = place {
        abilities.cannot("spool", code, detail);
    }
    None
}

/// Nothing is shared.
pub(super) struct Shared;

impl Shared {
    /// Leaves the options alone.
    pub(super) fn of(_: &mut Options) -> Self {
        Self
    }
}

/// Nothing to do.
pub(super) fn recovery(
    _: Place,
    _: Shared,
    _: (Symbols, Vec<PathBuf>),
    over: Recovery,
) -> Box<dyn FnOnce() + Send> {
    Box::new(move || over.finish())
}
