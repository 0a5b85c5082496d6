//! Arguments of the command line and what each subcommand does.
//!
//! Runs on: the main thread. Must not: panic; an error is one line on stderr and status 2.

mod all;
mod index;
mod list;
#[allow(unsafe_code)] // switches core dumps off
mod run;
#[cfg(feature = "libraries")]
mod serve;
mod verdicts;

use std::fmt;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use agent_demo::{Probes, Scenario, catalogue};
use clap::{Parser, Subcommand};

/// Every way to panic, each in a process of its own, under panic-agent.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = false)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Print the results as JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Scenarios to run; all of them when none is named.
    #[arg(value_name = "NAME", value_parser = scenario)]
    names: Vec<&'static Scenario>,
    /// Processes at a time; as many as there are processors when not given.
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Run them without the agent's probes, which leaves predictions.
    #[arg(long)]
    without_probes: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run one scenario in this process, which ends as the scenario says.
    Run {
        /// Name of the scenario; `agent-demo list` shows them.
        #[arg(value_parser = scenario)]
        name: &'static Scenario,
    },
    /// List the scenarios.
    List {
        /// Print them as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print what the agent says of each scenario, in each kind of build: the table of `docs/verdicts.md`.
    Verdicts {
        /// As Markdown, which is the only form.
        #[arg(long)]
        markdown: bool,
    },
    /// Build a word index of the text files in a directory, with one bug that kills workers.
    Index(index::Arguments),
    /// Serve HTTP with handlers that panic.
    #[cfg(feature = "libraries")]
    Serve(serve::Arguments),
}

/// Something that cannot be done, for people.
#[derive(Debug)]
struct Failure(String);

impl Failure {
    fn new(what: impl fmt::Display, why: impl fmt::Display) -> Self {
        Self(format!("{what}: {why}"))
    }
}

/// Status for a command that could not be carried out; scenarios use most of the lower ones.
const FAILURE: u8 = 2;

pub(crate) fn main() -> ExitCode {
    let Arguments { command, json, names, jobs, without_probes } = Arguments::parse();
    let probes = if without_probes { Probes::Off } else { Probes::On };
    let result = match command {
        None => all::run(&names, jobs, json, probes),
        Some(Command::Run { name }) => {
            run::run(name);
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::List { json }) => list::run(json),
        Some(Command::Verdicts { .. }) => verdicts::run(),
        Some(Command::Index(arguments)) => index::run(&arguments),
        #[cfg(feature = "libraries")]
        Some(Command::Serve(arguments)) => serve::run(&arguments),
    };
    result.unwrap_or_else(|Failure(text)| {
        eprintln!("agent-demo: {text}");
        ExitCode::from(FAILURE)
    })
}

fn scenario(name: &str) -> Result<&'static Scenario, String> {
    catalogue::find(name).ok_or_else(|| {
        let similar = catalogue::similar(name);
        let hint = if similar.is_empty() {
            "see `agent-demo list`".to_owned()
        } else {
            format!(
                "did you mean {}?",
                similar.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ")
            )
        };
        format!("there is no such scenario; {hint}")
    })
}

/// Prints to stdout; a reader that has seen enough (`| head`) is no failure.
fn print(text: impl fmt::Display) -> Result<(), Failure> {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::new("cannot print", error)),
        _ => Ok(()),
    }
}

/// A value as JSON, to stdout.
fn print_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    print(serde_json::to_string_pretty(value).map_err(|error| Failure::new("cannot print", error))?)
}

/// A path for people.
fn shown(path: &std::path::Path) -> String {
    path.display().to_string()
}

/// The file that the agent writes to: the environment wins over the code.
fn agent_file(preset: PathBuf) -> PathBuf {
    match std::env::var_os("PANIC_AGENT_FILE") {
        Some(path) if !path.is_empty() => path.into(),
        _ => preset,
    }
}
