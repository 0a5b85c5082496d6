//! Starts this executable again as one of the programs.
//!
//! Runs on: the main thread of the child, and the threads that judge. Must not: leave a program running.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Variable that names the program.
const PROGRAM: &str = "RELIABILITY_PROGRAM";

/// Every program by its name.
fn programs() -> impl Iterator<Item = &'static (&'static str, fn())> {
    [super::kills::PROGRAMS, super::end_programs::PROGRAMS, super::faults::PROGRAMS, super::forks::PROGRAMS]
        .into_iter()
        .flatten()
}

/// Whether this process is one of the programs, which has run then.
pub(crate) fn run_if_asked() -> bool {
    let Ok(name) = std::env::var(PROGRAM) else { return false };
    no_core_dump();
    let (_, program) = programs().find(|(known, _)| *known == name).expect("the parent knows its programs");
    program();
    true
}

/// The command that runs a program in a directory, with the agent's variables at rest.
pub(crate) fn command(name: &str, directory: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this file"));
    for (variable, _) in std::env::vars_os() {
        let variable = variable.to_string_lossy();
        if variable.starts_with("PANIC_AGENT") || variable.starts_with("RUST_") {
            command.env_remove(&*variable);
        }
    }
    command
        .current_dir(directory)
        .env(PROGRAM, name)
        .env("PANIC_AGENT_FLUSH_MS", "60000")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// An empty directory for one run.
pub(crate) fn fresh_directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("reliability").join(name);
    match std::fs::remove_dir_all(&directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            panic!("{}: {error}", directory.display())
        }
        _ => std::fs::create_dir_all(&directory).expect("a directory"),
    }
    directory
}

/// One `write(2)`, so that what was acknowledged is out even if the next instruction never runs.
pub(crate) fn acknowledge(text: &str) {
    let line = format!("{text}\n");
    // SAFETY: the text is valid for reads of its length.
    let written = unsafe { libc::write(1, line.as_ptr().cast(), line.len()) };
    assert_eq!(usize::try_from(written), Ok(line.len()), "a pipe takes a short line whole");
}

fn no_core_dump() {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `none` is a valid `rlimit` and lives across the call.
    unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const none) };
}
