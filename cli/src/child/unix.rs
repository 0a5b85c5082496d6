//! Starts and ends of processes, with signals.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::thread;

use panic_agent::audit::Ending;
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::signal::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;

use crate::failure::Failure;

/// Signals to us that are the program's.
pub(crate) const PASSED_ON: [i32; 6] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2];

/// Starts a program and passes signals on to it.
pub(crate) fn start(command: &mut Command) -> Result<Child, Failure> {
    // Signals that come in between are kept for the new process.
    let signals = Signals::new(PASSED_ON);
    let program = command.get_program().to_owned();
    let child = command.spawn().map_err(|error| Failure::cannot_start(Path::new(&program), &error))?;
    if let (Ok(mut signals), Some(pid)) = (signals, i32::try_from(child.id()).ok().and_then(Pid::from_raw)) {
        thread::spawn(move || signals.forever().for_each(|signal| pass_on(pid, signal)));
    }
    Ok(child)
}

/// Passes one on, unless the terminal has sent it to the process as well.
pub(crate) fn pass_on(pid: Pid, signal: i32) {
    if terminal_sends(signal) {
        return;
    }
    if let Some(signal) = Signal::from_named_raw(signal) {
        // A process that is gone needs no signal.
        let _gone = kill_process(pid, signal);
    }
}

/// Whether a terminal sends this signal to the process as well as to us: to all of the group in its foreground.
fn terminal_sends(signal: i32) -> bool {
    let foreground = || rustix::termios::tcgetpgrp(rustix::stdio::stdin()).ok();
    matches!(signal, SIGINT | SIGQUIT) && foreground() == Some(rustix::process::getpgrp())
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
