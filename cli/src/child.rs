//! An observed process: its environment, its signals and its end.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::thread;

use panic_agent::audit::Ending;
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::signal::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;

use crate::failure::Failure;

/// Lets the library be loaded before a program; it takes these variables away from the program.
///
/// With a `target` every other program on the way to it is left alone: the user's own runner.
pub(crate) fn observe(
    command: &mut Command,
    library: &Path,
    lines: &Path,
    mode: &str,
    target: Option<&Path>,
) {
    let mut preload = OsString::from(library);
    if let Some(others) = std::env::var_os("LD_PRELOAD").filter(|others| !others.is_empty()) {
        preload.push(":");
        preload.push(others);
    }
    command
        .env("LD_PRELOAD", preload)
        .env("PANIC_AGENT_PRELOAD_SELF", library)
        .env("PANIC_AGENT_PRELOAD_FILE", lines)
        .env("PANIC_AGENT_PRELOAD_MODE", mode);
    match target {
        Some(target) => _ = command.env("PANIC_AGENT_PRELOAD_TARGET", target),
        None => _ = command.env_remove("PANIC_AGENT_PRELOAD_TARGET"),
    }
}

/// Whether `LD_PRELOAD` can name a path: it separates its libraries by colons and spaces.
pub(crate) fn can_be_preloaded(library: &OsStr) -> bool {
    !library.as_encoded_bytes().iter().any(|byte| matches!(byte, b':' | b' '))
}

/// Starts a program and passes signals on to it.
pub(crate) fn start(command: &mut Command) -> Result<Child, Failure> {
    // Signals that come in between are kept for the new process.
    let signals = Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2]);
    let program = command.get_program().to_owned();
    let child = command.spawn().map_err(|error| Failure::cannot_start(Path::new(&program), &error))?;
    if let (Ok(signals), Some(pid)) = (signals, i32::try_from(child.id()).ok().and_then(Pid::from_raw)) {
        thread::spawn(move || pass_on(signals, pid));
    }
    Ok(child)
}

fn pass_on(mut signals: Signals, pid: Pid) {
    for signal in signals.forever() {
        // The terminal sends these two to the process as well.
        if matches!(signal, SIGINT | SIGQUIT) {
            continue;
        }
        if let Some(signal) = Signal::from_named_raw(signal) {
            // A process that is gone needs no signal.
            let _gone = kill_process(pid, signal);
        }
    }
}

/// How a process ended.
pub(crate) fn ending(status: ExitStatus) -> Ending {
    match (status.code(), status.signal()) {
        (Some(code), _) => Ending::Exited(code),
        (None, Some(signal)) => Ending::Signalled(signal),
        (None, None) => Ending::Unknown,
    }
}

/// The status of the tool for that of the process; does not return when a signal ended it, which then ends the tool too.
pub(crate) fn status_of(status: ExitStatus) -> u8 {
    if let Some(signal) = status.signal() {
        // No second core of the same death.
        let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
        let _kept = rustix::process::setrlimit(rustix::process::Resource::Core, none);
        // Fails for signals that do not end a process.
        let _lives = signal_hook::low_level::emulate_default_handler(signal);
        return 128_u8.saturating_add(u8::try_from(signal).unwrap_or(127));
    }
    status.code().and_then(|code| u8::try_from(code & 0xff).ok()).unwrap_or(1)
}
