//! Arguments of `scan`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::rule::Rule;
use crate::screen::ScreenArgs;

/// Arguments of `scan`.
#[derive(Args, Debug)]
pub(crate) struct ScanArgs {
    /// A workspace, a package of one, a directory, or a file [default: the workspace here]
    #[arg(value_name = "PATH")]
    pub(crate) path: Option<PathBuf>,
    /// Only these packages
    #[arg(short, long, value_name = "NAME")]
    pub(crate) package: Vec<String>,
    /// Fail when this rule finds something; `warnings` stands for all that would be shown as warnings. Can be repeated
    #[arg(long, value_name = "RULE", value_parser = rule_or_warnings)]
    pub(crate) deny: Vec<Option<Rule>>,
    /// Show what this rule finds as a warning
    #[arg(long, value_name = "RULE", value_parser = one_rule)]
    pub(crate) warn: Vec<Option<Rule>>,
    /// Do not show what this rule finds
    #[arg(long, value_name = "RULE", value_parser = one_rule)]
    pub(crate) allow: Vec<Option<Rule>>,
    /// Show notes, too: what is often as it should be, what is in tests, and what is guessed
    #[arg(long)]
    pub(crate) notes: bool,
    /// Leave out files that match, relative to the root of the workspace
    #[arg(long, value_name = "GLOB")]
    pub(crate) exclude: Vec<String>,
    /// All places where something begins to run, a panic is stopped, or an error is asked for, in place of findings
    #[arg(long)]
    pub(crate) inventory: bool,
    /// In place of source: every `catch_unwind` that is linked into this program, dependencies included (x86_64 and
    /// aarch64 Linux, with debug information)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["path", "package", "suggest", "fix", "write_baseline", "inventory"])]
    pub(crate) binary: Option<PathBuf>,
    /// Compile it, too, and let the lints of rustc and clippy say what is called and which types are dropped: more is found,
    /// and less is guessed. In a directory of its own below cargo's target directory
    #[arg(long, conflicts_with = "binary")]
    pub(crate) clippy: bool,
    /// Features of the packages, for `--clippy`
    #[arg(long, value_name = "FEATURES", requires = "clippy")]
    pub(crate) features: Vec<String>,
    /// All features of the packages, for `--clippy`
    #[arg(long, requires = "clippy")]
    pub(crate) all_features: bool,
    /// For each finding the smallest right change: a patch where there is one that always compiles, else words
    #[arg(long, conflicts_with_all = ["inventory", "format", "output"])]
    pub(crate) suggest: bool,
    /// Make these changes; not in files with changes that are not committed
    #[arg(long, conflicts_with_all = ["inventory", "format", "output", "suggest"])]
    pub(crate) fix: bool,
    /// Form of the output
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(crate) format: Format,
    /// Write to a file
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Findings that are known and accepted [default: panic-scan-baseline.json in the workspace]
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// Accept all that is found now: write it into the baseline
    #[arg(long)]
    pub(crate) write_baseline: bool,
    #[command(flatten)]
    pub(crate) screen: ScreenArgs,
}

/// See `--format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// As the compiler shows its warnings
    Text,
    /// An object; `panic-agent schema scan` describes it
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations of GitHub Actions
    Github,
    /// A table for a pull request
    Markdown,
}

fn one_rule(text: &str) -> Result<Option<Rule>, String> {
    Rule::from_id(text).map(Some).ok_or_else(|| format!("the rules are {}", Rule::ids()))
}

fn rule_or_warnings(text: &str) -> Result<Option<Rule>, String> {
    if text == "warnings" { Ok(None) } else { one_rule(text) }
}
