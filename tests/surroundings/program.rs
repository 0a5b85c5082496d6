//! Starts this executable again as one of the programs.
//!
//! Runs on: the main thread of the child, and the threads that judge. Must not: leave a program running.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt as _;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// First argument of a program.
const AS_PROGRAM: &str = "--program";
/// The longest that a program may take on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);

/// A program by its name.
pub(crate) type Program = (&'static str, fn());

fn programs() -> impl Iterator<Item = &'static Program> {
    [
        super::descriptors::PROGRAMS,
        super::firsts::PROGRAMS,
        super::names::PROGRAMS,
        super::places::PROGRAMS,
        super::same::PROGRAMS,
        super::seccomp::PROGRAMS,
        super::signals::PROGRAMS,
    ]
    .into_iter()
    .flatten()
}

/// Whether this process is one of the programs, which has run then.
pub(crate) fn run_if_asked() -> bool {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().as_deref() != Some(OsStr::new(AS_PROGRAM)) {
        return false;
    }
    let name = arguments.next().expect("a name");
    let (_, program) = programs().find(|(known, _)| name == *known).expect("the parent knows its programs");
    no_core_dump();
    program();
    true
}

/// The command that runs a program in a directory, with the agent's variables at rest.
pub(crate) fn command(name: &str, directory: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this file"));
    for (variable, _) in std::env::vars_os() {
        let shown = variable.to_string_lossy();
        if shown.starts_with("PANIC_AGENT") || shown.starts_with("RUST_") {
            command.env_remove(&variable);
        }
    }
    command
        .args([AS_PROGRAM, name])
        .current_dir(directory)
        .env("PANIC_AGENT_FLUSH_MS", "60000")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A group of its own, so that nothing of it is left after the deadline.
        .process_group(0);
    command
}

/// Runs a command to its end.
///
/// # Panics
/// When it takes longer than [`DEADLINE`]; it is killed then.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> Output {
    let child = command.spawn().expect("the program starts");
    let pid = child.id().cast_signed();
    let (done, outcome) = mpsc::channel();
    let waiting = std::thread::spawn(move || done.send(child.wait_with_output()));
    let outcome = outcome.recv_timeout(DEADLINE);
    if outcome.is_err() {
        // SAFETY: a number only: the group of the program that was started above and has not been waited for.
        unsafe { libc::kill(-pid, libc::SIGKILL) };
    }
    waiting.join().expect("no panic").ok();
    outcome.expect("the program ends before the deadline").expect("it was started here")
}

/// An empty directory for one run.
pub(crate) fn fresh_directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("surroundings").join(name);
    match std::fs::remove_dir_all(&directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            panic!("{}: {error}", directory.display())
        }
        _ => std::fs::create_dir_all(&directory).expect("a directory"),
    }
    directory
}

/// Says past the capture of the test's output that something could not be tried.
pub(crate) fn skip(what: &str, why: &str) {
    println!("SKIPPED: {what}: {why}");
}

/// Two panics that end nothing, and what the program sees of them.
pub(crate) fn two_panics() {
    println!("caught: {}", catch_unwind(|| panic!("caught")).is_err());
    println!("joined: {}", std::thread::spawn(|| panic!("in a thread")).join().is_err());
}

/// Messages of [`two_panics`].
pub(crate) const TWO: [&str; 2] = ["caught", "in a thread"];

fn no_core_dump() {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `none` is a valid `rlimit` and lives across the call.
    unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const none) };
}
