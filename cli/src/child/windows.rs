//! Starts and ends of processes. Ctrl-C reaches all processes of a console by itself.

use std::path::Path;
use std::process::{Child, Command, ExitStatus};

use panic_agent::audit::Ending;

use crate::failure::Failure;

/// Starts a program.
pub(crate) fn start(command: &mut Command) -> Result<Child, Failure> {
    let program = command.get_program().to_owned();
    command.spawn().map_err(|error| Failure::cannot_start(Path::new(&program), &error))
}

/// How a process ended.
pub(crate) fn ending(status: ExitStatus) -> Ending {
    status.code().map_or(Ending::Unknown, Ending::Exited)
}

/// The status of the tool for that of the process; does not return when it is an exception or another number that only the
/// system's own call can pass on.
pub(crate) fn status_of(status: ExitStatus) -> u8 {
    let code = status.code().unwrap_or(1);
    u8::try_from(code).unwrap_or_else(|_| std::process::exit(code))
}
