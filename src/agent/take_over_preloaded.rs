//! What an agent in the program takes over from one that was loaded before it, so that each panic is reported once.
//!
//! Runs on: the thread that installs the agent. Must not: fail when there is nothing to take over.

use std::ffi::OsStr;
use std::path::Path;

use crate::config::{Harness, Options};
use crate::sink::{self, Output};
use crate::sys::preloaded;

/// Lets the preloaded agent stand down; the lines go to its file, too.
pub(super) fn take(options: &mut Options) {
    let Some(handover) = preloaded::stand_down() else { return };
    if handover.audited {
        // Findings shall be the same as without an agent of its own.
        options.harness = Harness::Audited;
    }
    let Some(file) = path(handover.path()) else { return };
    sink::or_default(&mut options.outputs);
    let whole = |path: &Path| std::path::absolute(path).ok();
    let is_same = |output: &Output| matches!(output, Output::File(known) if whole(known) == whole(file));
    if !options.outputs.iter().any(is_same) {
        options.outputs.push(Output::File(file.to_owned()));
    }
}

#[cfg(unix)]
fn path(bytes: &[u8]) -> Option<&Path> {
    use std::os::unix::ffi::OsStrExt as _;
    (!bytes.is_empty()).then(|| Path::new(OsStr::from_bytes(bytes)))
}

#[cfg(not(unix))]
fn path(bytes: &[u8]) -> Option<&Path> {
    core::str::from_utf8(bytes).ok().filter(|path| !path.is_empty()).map(|path| Path::new(OsStr::new(path)))
}
