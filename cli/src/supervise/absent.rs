//! `panic-agent run --supervise` where there is no Unix: refused.
//!
//! Runs on: the main thread. Must not: start the program.

use std::path::Path;
use std::process::Command;

#[path = "args.rs"]
mod args;

pub(crate) use args::SuperviseArgs;

use crate::Outcome;
use crate::failure::Failure;

/// Refuses.
pub(crate) fn supervise(_: Command, _: Vec<String>, _: &Path, _: bool, _: &SuperviseArgs) -> Outcome {
    Err(Failure::new(
        "`--supervise` is not available on this system: it needs the signals and process statuses of Unix; let the service \
         manager of this system start the program again",
    ))
}
