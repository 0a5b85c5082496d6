//! `panic-agent symbolize` where there is no Linux: refused.
//!
//! Runs on: the main thread. Must not: write the lines as if something of them had changed.

#[path = "args.rs"]
mod args;

pub(crate) use args::SymbolizeArgs;

use crate::Outcome;
use crate::failure::Failure;

pub(crate) fn symbolize(_: &SymbolizeArgs) -> Outcome {
    Err(Failure::new(
        "`symbolize` is not available on this system: it needs Linux, where it reads lines of any machine",
    ))
}
