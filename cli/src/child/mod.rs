//! An observed process: its environment, its signals and its end.

#[cfg_attr(unix, path = "unix.rs")]
#[cfg_attr(not(unix), path = "windows.rs")]
mod own;

#[cfg(unix)]
pub(crate) use own::{PASSED_ON, pass_on};
pub(crate) use own::{ending, start, status_of};

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::Command;

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
