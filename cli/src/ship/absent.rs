//! `panic-agent ship` where there is no Linux: refused.
//!
//! Runs on: the main thread. Must not: read the configuration, as if something came of it.

#[path = "args.rs"]
mod args;

pub(crate) use args::ShipArgs;

use crate::Outcome;
use crate::failure::Failure;

pub(crate) fn ship(_: &ShipArgs) -> Outcome {
    Err(Failure::new(
        "`ship` is not available on this system: it needs Linux; let a collector of this system read the log, or run `ship` \
         on another machine over a copy of it",
    ))
}
