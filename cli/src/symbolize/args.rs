//! Arguments of `symbolize`.

use std::path::PathBuf;

use clap::Args;

use crate::story::InputArgs;

/// Arguments of `symbolize`.
#[derive(Args, Debug)]
pub(crate) struct SymbolizeArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    /// Take names from a program, a library or a debug file, for images with its build-id. Can be repeated
    #[arg(long, value_name = "FILE")]
    pub(super) binary: Vec<PathBuf>,
    /// Look in a directory with debug files, by build-id or by name. Can be repeated
    #[arg(long, value_name = "DIR")]
    pub(super) debug_dir: Vec<PathBuf>,
    /// Write to a file, which must not exist yet, and not to standard output
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}
