//! The public interface, as a program uses it: each case is a program of its own, started again from this
//! one, whose status, output and lines are looked at from outside.
//!
//! Runs on: the main thread of the child (programs), libtest-mimic's threads (checks). Must not: install
//! the agent in the process that judges.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod acting;
mod breadcrumbs;
mod configuration;
mod destinations;
mod disk;
mod ending;
mod files;
mod following;
mod outcome;
mod questions;
mod quiet;
mod reports;
mod starting;
mod storms;
#[cfg(target_os = "linux")]
mod stripped;
mod system;
mod tasks;
mod threads;
mod tools;
#[path = "../words/mod.rs"]
mod words;
mod wrappers;

use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::{Arguments, Failed, Trial};

use outcome::Outcome;

/// Variable that names the case whose program is to be run.
const CASE: &str = "AGENT_TEST_CASE";

/// The first look at the debug information of a debug build takes half a second of processor time, on a busy
/// machine more than the default deadline. What a case does not say about deadlines is not about them.
const PATIENCE_MS: &str = "60000";

/// A program and what it must have done.
struct Case {
    /// A claim.
    name: &'static str,
    /// Variables for the program.
    environment: &'static [(&'static str, &'static str)],
    /// Runs on the main thread of a process of its own, in an empty directory.
    program: fn(),
    /// Panics when the claim does not hold.
    check: fn(&Outcome),
}

fn cases() -> impl Iterator<Item = &'static Case> {
    [
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        acting::CASES,
        breadcrumbs::CASES,
        starting::CASES,
        configuration::CASES,
        reports::CASES,
        questions::CASES,
        quiet::CASES,
        destinations::CASES,
        disk::CASES,
        files::CASES,
        storms::CASES,
        #[cfg(target_os = "linux")]
        stripped::CASES,
        ending::CASES,
        following::CASES,
        threads::CASES,
        wrappers::CASES,
        wrappers::OTHERS,
        tasks::CASES,
        tasks::KEPT,
    ]
    .into_iter()
    .flatten()
}

fn main() {
    if let Ok(name) = std::env::var(CASE) {
        let case = cases().find(|case| case.name == name).expect("the parent knows its cases");
        return (case.program)();
    }
    let arguments = Arguments::from_args();
    let trials = cases()
        .map(|case| {
            Trial::test(case.name, || {
                (case.check)(&run(case)?);
                Ok(())
            })
        })
        .collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    conclusion.exit_if_failed();
    words::after("agent", conclusion.num_passed > 0 && conclusion.num_filtered_out == 0);
}

fn run(case: &Case) -> Result<Outcome, Failed> {
    let directory = fresh_directory(case.name)?;
    let mut command = Command::new(std::env::current_exe()?);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("PANIC_AGENT") || name.starts_with("RUST_") {
            command.env_remove(&*name);
        }
    }
    let output = command
        .current_dir(&directory)
        .env(CASE, case.name)
        .env("PANIC_AGENT_FLUSH_MS", PATIENCE_MS)
        .envs(case.environment.iter().copied())
        .output()?;
    note_words(&directory)?;
    [&output.stdout, &output.stderr].into_iter().for_each(|text| words::note_text(text));
    Ok(Outcome::new(&output, directory))
}

/// Of every log that the program left.
fn note_words(directory: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_file() && path.to_string_lossy().contains(".jsonl") {
            words::note_file(&path);
        }
    }
    Ok(())
}

fn fresh_directory(name: &str) -> std::io::Result<PathBuf> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("agent").join(name);
    match std::fs::remove_dir_all(&directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => std::fs::create_dir_all(&directory)?,
    }
    Ok(directory)
}
