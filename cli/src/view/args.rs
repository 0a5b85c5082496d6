//! Arguments of `view`.

use clap::Args;
use panic_agent::record::{Fate, Receipt};

use super::filter::FilterArgs;
use crate::screen::ScreenArgs;
use crate::story::InputArgs;

/// Arguments of `view`.
#[derive(Args, Debug)]
pub(crate) struct ViewArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// Print one line per incident
    #[arg(long, conflicts_with_all = ["full", "json"])]
    pub(crate) oneline: bool,
    /// Print everything: all frames, images, every verdict, what the report lacks
    #[arg(long, conflicts_with = "json")]
    pub(crate) full: bool,
    /// Print one JSON object per incident and line; `panic-agent schema view` describes it
    #[arg(long)]
    pub(crate) json: bool,
    /// Keep reading as lines are appended, through rotation, renaming and truncation; stop with Ctrl-C
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Also look for source files in DIR, besides where they were compiled and the working directory
    #[arg(long, value_name = "DIR")]
    pub(crate) source: Vec<std::path::PathBuf>,
    /// MiB of lines to hold for incidents that are not complete
    #[arg(long, value_name = "MIB", default_value_t = 96)]
    pub(crate) memory: u32,
    /// Show times in UTC, not in the zone of the machine
    #[arg(long)]
    pub(crate) utc: bool,
    #[command(flatten)]
    pub(crate) screen: ScreenArgs,
}

/// A word of `fate`.
pub(super) fn fate(word: &str) -> Result<Fate, String> {
    from_word(word, "caught, runtime_caught, thread_died, main_died, aborted, interrupted, unknown")
}

/// A word of `receipt`.
pub(super) fn receipt(word: &str) -> Result<Receipt, String> {
    from_word(word, "read, received, discarded, pending, unknown")
}

fn from_word<T: for<'d> serde::Deserialize<'d>>(word: &str, words: &str) -> Result<T, String> {
    serde_json::from_value(word.into()).map_err(|_| format!("expected one of: {words}"))
}
