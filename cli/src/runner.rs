//! `panic-agent runner`: what cargo calls in place of a test binary. Runs it observed, audits what it wrote, and ends as
//! it ended.
//!
//! Must not: change the status, which cargo and nextest act upon; the parent of the run does that at the very end.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use panic_agent::audit::{Ending, HarnessOutput};

use crate::args::RunnerArgs;
use crate::failure::Failure;
use crate::report::{Process, audit};
use crate::settings::Settings;
use crate::{Outcome, child, lines, program};

pub(crate) fn runner(args: RunnerArgs) -> Outcome {
    let Some((binary, rest)) = args.command.split_first() else {
        return Err(Failure::new("`runner` is called by cargo, with a test binary"));
    };
    let settings = Settings::read(&args.run)?;
    let binary = std::path::absolute(binary).unwrap_or_else(|_| PathBuf::from(binary));
    let mut command = command(&settings.runner, &binary, rest);
    let refusal = program::refusal(&binary);
    if let Some(why) = &refusal {
        eprintln!("panic-agent: `{}` is not observed: {why}", binary.display());
    }
    if refusal.is_some() || is_no_test(&binary, rest) {
        let status = child::start(&mut command)?.wait().map_err(|error| cannot_wait(&binary, &error))?;
        return Ok(child::status_of(status));
    }
    let place = place(&args.run)?;
    let log = place.join(Process::LINES);
    child::observe(&mut command, &settings.library, &log, "audit", Some(&binary));
    // A terminal stays one for the program; its output is read on the way only where it is none.
    let read = !io::stdout().is_terminal();
    if read {
        command.stdout(Stdio::piped());
    }
    let mut process = child::start(&mut command)?;
    let mut said = HarnessOutput::default();
    if read {
        tee(&mut process, &mut said);
    }
    let status = process.wait().map_err(|error| cannot_wait(&binary, &error))?;
    lines::recover(&log);
    let ending = child::ending(status);
    let process = Process::new(&binary, ending, said.is_cut_off());
    process.write(&place, said.lines())?;
    // nextest keeps what a test that passed has printed to itself: its parent says it all at the end.
    if !is_nextest() {
        show(&settings, &place, &process);
    }
    Ok(child::status_of(status))
}

fn command(runner: &[OsString], binary: &Path, rest: &[OsString]) -> Command {
    match runner.split_first() {
        Some((runner, args)) => {
            let mut command = Command::new(runner);
            command.args(args).arg(binary).args(rest);
            command
        }
        None => {
            let mut command = Command::new(binary);
            command.args(rest);
            command
        }
    }
}

/// Examples in documentation, and questions for the list of tests: there is no test to which a panic could belong.
fn is_no_test(binary: &Path, rest: &[OsString]) -> bool {
    let is_example = |name: &OsStr| name == "rust_out" || name.to_string_lossy().starts_with("rustdoctest");
    let lists = rest.iter().take_while(|arg| *arg != "--").any(|arg| arg == "--list");
    let off =
        std::env::var("PANIC_AGENT_AUDIT").is_ok_and(|value| matches!(value.trim(), "off" | "0" | "false"));
    off || lists || binary.iter().any(is_example)
}

/// A directory for this process, named so that the order of names is that of starts.
fn place(run: &Path) -> Result<PathBuf, Failure> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let place = run.join(format!("{:030}-{}", now.as_nanos(), std::process::id()));
    fs::create_dir(&place).map_err(|error| Failure::io("create", &place, &error))?;
    Ok(place)
}

/// Copies the output as it comes. When nobody reads ours any more the program shall find out as it would without us.
fn tee(process: &mut Child, said: &mut HarnessOutput) {
    let Some(mut output) = process.stdout.take() else { return };
    let mut piece = vec![0; 64 * 1024];
    let mut ours = io::stdout();
    loop {
        match output.read(&mut piece) {
            Ok(0) => return,
            Ok(len) => {
                let piece = piece.get(..len).unwrap_or_default();
                said.read(piece);
                if ours.write_all(piece).and_then(|()| ours.flush()).is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

/// Says what was found, after the binary.
fn show(settings: &Settings, place: &Path, process: &Process) {
    match audit(settings, place, process) {
        Ok(Some(audit)) => {
            eprint!("{}", audit.table(settings.detail()));
        }
        Ok(None) if matches!(process.ending(), Ending::Exited(_)) => eprintln!(
            "panic-agent: `{}` wrote no lines, so it was not audited; does it use a sanitizer or another loader?",
            process.exe().display()
        ),
        Ok(None) => {}
        Err(failure) => eprintln!("panic-agent: {failure}"),
    }
}

fn is_nextest() -> bool {
    std::env::var_os("NEXTEST").is_some()
}

fn cannot_wait(binary: &Path, error: &io::Error) -> Failure {
    Failure::new(format!("cannot wait for `{}`: {error}", binary.display()))
}
