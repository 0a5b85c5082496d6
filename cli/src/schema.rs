//! `panic-agent schema`, `completions` and `man`: texts about the tool for other programs.

use std::path::PathBuf;

use clap::{Args, CommandFactory as _, ValueEnum};

use crate::Outcome;
use crate::args::Cli;
use crate::failure::Failure;

/// Arguments of `schema`.
#[derive(Args, Debug)]
pub(crate) struct SchemaArgs {
    /// What is to be described
    #[arg(value_name = "NAME")]
    name: Name,
}

/// What can be printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Name {
    /// Lines of the agent
    Record,
    /// `view --json`
    View,
    /// `stats --json`
    Stats,
    /// `explain --json`
    Explain,
    /// `scan --format json`
    Scan,
    /// `crosscheck --format json`
    Crosscheck,
    /// `doctor --json`
    Doctor,
    /// `recover --json`
    Recover,
    /// A format file for lnav: `panic-agent schema lnav > panic_agent.json && lnav -i panic_agent.json`
    Lnav,
}

pub(crate) fn schema(args: &SchemaArgs) -> Outcome {
    let text = match args.name {
        Name::Record => include_str!("../../docs/record-schema.json"),
        Name::View => include_str!("../../docs/schemas/view.json"),
        Name::Stats => include_str!("../../docs/schemas/stats.json"),
        Name::Explain => include_str!("../../docs/schemas/explain.json"),
        Name::Scan => include_str!("../../docs/schemas/scan.json"),
        Name::Crosscheck => include_str!("../../docs/schemas/crosscheck.json"),
        Name::Doctor => include_str!("../../docs/schemas/doctor.json"),
        Name::Recover => include_str!("../../docs/schemas/recover.json"),
        Name::Lnav => include_str!("../../docs/schemas/lnav.json"),
    };
    crate::screen::write_raw(text.as_bytes())?;
    Ok(0)
}

/// Arguments of `completions`.
#[derive(Args, Debug)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: clap_complete::Shell,
}

pub(crate) fn completions(args: &CompletionsArgs) -> Outcome {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "panic-agent", &mut text);
    crate::screen::write_raw(&text)?;
    Ok(0)
}

/// Arguments of `man`.
#[derive(Args, Debug)]
pub(crate) struct ManArgs {
    /// Write `panic-agent.1` and a page for each command into this directory, which is made
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

pub(crate) fn man(args: &ManArgs) -> Outcome {
    let Some(directory) = &args.output else {
        let mut text = Vec::new();
        let page = clap_mangen::Man::new(Cli::command());
        page.render(&mut text).map_err(|error| Failure::new(format!("cannot make the page: {error}")))?;
        crate::screen::write_raw(&text)?;
        return Ok(0);
    };
    std::fs::create_dir_all(directory).map_err(|error| Failure::io("create", directory, &error))?;
    clap_mangen::generate_to(Cli::command(), directory)
        .map_err(|error| Failure::io("write into", directory, &error))?;
    Ok(0)
}
