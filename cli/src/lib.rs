//! The command-line tool: answers questions about lines, and observes programs and test suites that know nothing of
//! panic-agent.
//!
//! Reading order: `args` (what can be asked), then a folder or file per command. Those that answer questions (`view`,
//! `stats`, `explain`, `page`, `scan`, `crosscheck`, `doctor`, `recover`, `symbolize`, `schema`) share `story` (lines as incidents),
//! `screen` (terminals), `time` and `system` (what each
//! operating system has in its own way). `ship` carries lines to others. Those that observe (`run`, `test`, `runner`,
//! `preload`) share `library` (the preloaded library), `program`
//! (what can be observed), `child` (a process and its end), `lines` (what it wrote); `supervise` is the part of `run` that
//! starts a program again.
//!
//! Runs on: the main thread of the tool, and one that passes signals on. Must not: change what the observed program
//! does, prints or returns; fail a program because it cannot be observed.
#![forbid(unsafe_code)]

mod args;
mod cargo_metadata;
mod child;
mod crosscheck;
mod doctor;
mod explain;
mod failure;
mod library;
mod lines;
mod own_agent;
mod page;
mod preload;
mod program;
mod recover;
mod report;
mod run;
mod runner;
mod scan;
mod schema;
mod screen;
mod settings;
#[cfg_attr(not(target_os = "linux"), path = "ship/absent.rs")]
mod ship;
mod stats;
mod story;
#[cfg_attr(not(unix), path = "supervise/absent.rs")]
mod supervise;
#[cfg_attr(not(target_os = "linux"), path = "symbolize/absent.rs")]
mod symbolize;
mod system;
mod test;
mod time;
mod toolchain;
mod view;

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
    let _agent = if cli.command.reads_only() { own_agent::install() } else { None };
    let outcome = match cli.command {
        Command::View(args) => view::view(&args),
        Command::Stats(args) => stats::stats(&args),
        Command::Top(args) => stats::top(&args),
        Command::Explain(args) => explain::explain(&args),
        Command::Report(args) => page::report(&args),
        Command::Scan(args) => scan::scan(&args),
        Command::Crosscheck(args) => crosscheck::crosscheck(&args),
        Command::Doctor(args) => doctor::doctor(&args),
        Command::Recover(args) => recover::recover(&args),
        Command::Symbolize(args) => symbolize::symbolize(&args),
        Command::Ship(args) => ship::ship(&args),
        Command::Schema(args) => schema::schema(&args),
        Command::Completions(args) => schema::completions(&args),
        Command::Man(args) => schema::man(&args),
        Command::Fault => panic!("asked to panic"),
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
