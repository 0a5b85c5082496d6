//! A supervisor in a few lines: starts the server again when a reaction ends it.
//!
//! Runs on: the main thread. Must not: start anything again that ended in another way.

use std::net::SocketAddr;
use std::process::{Command, ExitCode};

use crate::cli::{FAILURE, Failure, print};

/// What the server ends with when a part of it has died unseen: "internal software error" of `sysexits.h`.
const DIED_UNSEEN: i32 = 70;
/// Starts in all, so that a server that cannot live does not go round for ever.
const STARTS: u32 = 10;

/// Runs the server, and again each time it ends by the reaction.
pub(super) fn run(address: SocketAddr) -> Result<ExitCode, Failure> {
    let exe = std::env::current_exe().map_err(|why| Failure::new("the demo does not find itself", why))?;
    for start in 1..=STARTS {
        let mut server = Command::new(&exe);
        server.args(["serve", "--address", &address.to_string()]);
        if std::env::var_os("PANIC_AGENT_ON_SILENT").is_none() {
            server.env("PANIC_AGENT_ON_SILENT", format!("exit:{DIED_UNSEEN}"));
        }
        let status = server.status().map_err(|why| Failure::new("cannot start the server", why))?;
        if status.code() != Some(DIED_UNSEEN) {
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            return Ok(code.map_or(ExitCode::from(FAILURE), ExitCode::from));
        }
        print(format_args!("a part of the server died unseen; start {} of {STARTS}", start + 1))?;
    }
    Err(Failure::new("the server", format_args!("died unseen {STARTS} times")))
}
