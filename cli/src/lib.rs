//! The command-line tool: observes programs and test suites that know nothing of panic-agent.
//!
//! Reading order: `args` (what can be asked), then a file per command (`run`, `test`, `runner`, `preload`), then what
//! they share: `library` (the preloaded library), `program` (what can be observed), `child` (a process and its end),
//! `lines` (what it wrote).
//!
//! Runs on: the main thread of the tool, and one that passes signals on. Must not: change what the observed program
//! does, prints or returns; fail a program because it cannot be observed.
#![forbid(unsafe_code)]

mod args;
mod child;
mod failure;
mod library;
mod libtest;
mod lines;
mod preload;
mod program;
mod report;
mod run;
mod runner;
mod settings;
mod test;
mod toolchain;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;

use args::{Cli, Command, TestArgs};
use failure::Failure;

/// Runs the tool with these arguments, the name of the program first.
pub fn main(args: Vec<OsString>) -> ExitCode {
    let for_cargo = args.get(1).is_some_and(|name| name == "test" || name == "nextest");
    let (args, rest) = if for_cargo { args::split(args) } else { (args, Vec::new()) };
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors.
            let status = if error.use_stderr() { 2 } else { 0 };
            // Nothing can be done when the output is closed.
            let _printed = error.print();
            return ExitCode::from(status);
        }
    };
    let outcome = match cli.command {
        Command::Run(args) => run::run(args),
        Command::Test(args) => test::test(TestArgs { rest, ..args }),
        Command::Nextest(args) => test::nextest(TestArgs { rest, ..args }),
        Command::Preload(args) => preload::preload(args),
        Command::Runner(args) => runner::runner(args),
    };
    match outcome {
        Ok(status) => ExitCode::from(status),
        Err(failure) => {
            eprintln!("panic-agent: {failure}");
            ExitCode::from(failure.status())
        }
    }
}

/// The status of a command, or why it could not be carried out.
type Outcome = Result<u8, Failure>;
