//! Starts the user's pager.
//!
//! Runs on: the main thread. Must not: fail a command because there is none.

use std::process::{Child, ChildStdin, Command, Stdio};

/// The pager and its input; `None` when there is none or none is wanted.
pub(super) fn start() -> Option<(Child, ChildStdin)> {
    let wanted = std::env::var("PAGER").unwrap_or_else(|_| "less".to_owned());
    let mut words = wanted.split_whitespace();
    let program = words.next().filter(|program| *program != "cat")?;
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::piped());
    if std::env::var_os("LESS").is_none() {
        // Ends at once when all fits, shows colours and links, leaves the text on the screen.
        command.env("LESS", "FRX");
    }
    let mut child = command.spawn().ok()?;
    let input = child.stdin.take()?;
    Some((child, input))
}
