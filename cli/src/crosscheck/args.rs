//! Arguments of `crosscheck`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::answer::Answer;
use crate::screen::ScreenArgs;
use crate::story::InputArgs;

/// Arguments of `crosscheck`.
#[derive(Args, Debug)]
pub(crate) struct CrosscheckArgs {
    /// What `scan --format json` wrote
    #[arg(value_name = "SCAN.json")]
    pub(crate) scan: PathBuf,
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Where the source lies now; the directory of the scan when not given
    #[arg(long, value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,
    /// Replace the beginning of paths in the lines: `--remap /build/x=.`. Can be repeated
    #[arg(long, value_name = "FROM=TO", value_parser = remap)]
    pub(crate) remap: Vec<(String, String)>,
    /// Include places in tests
    #[arg(long)]
    pub(crate) tests: bool,
    /// Every place, those that are fine and those that nobody complains of, too
    #[arg(long)]
    pub(crate) all: bool,
    /// Form of the output
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(crate) format: Form,
    /// Exit with 1 if any place has this answer. Can be repeated
    #[arg(long, value_name = "ANSWER")]
    pub(crate) deny: Vec<Answer>,
    /// MiB of lines to hold for incidents that are not complete
    #[arg(long, value_name = "MIB", default_value_t = 96)]
    pub(crate) memory: u32,
    #[command(flatten)]
    pub(crate) screen: ScreenArgs,
}

/// See `--format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// A table
    Text,
    /// An object; `panic-agent schema crosscheck` describes it
    Json,
    /// SARIF 2.1.0: what is confirmed and what only happened as errors, what never happened as notes
    Sarif,
    /// A table for a pull request
    Markdown,
}

fn remap(text: &str) -> Result<(String, String), String> {
    let (from, to) = text.split_once('=').ok_or("expected FROM=TO")?;
    Ok((from.to_owned(), to.to_owned()))
}
