//! What an agent in the program takes over from one that was loaded before it, so that each panic is reported once.
//!
//! Runs on: the thread that installs the agent. Must not: fail when there is nothing to take over.

use std::path::{Path, PathBuf};

use crate::config::{Harness, Options};
use crate::sink::{self, Output};
use crate::sys::{preloaded, system};

/// Lets the preloaded agent stand down; the lines go to its file, too.
pub(super) fn take(options: &mut Options) {
    let Some(handover) = preloaded::stand_down() else { return };
    if handover.audited {
        // Findings shall be the same as without an agent of its own.
        options.harness = Harness::Audited;
    }
    if handover.path().is_empty() {
        return;
    }
    let file = PathBuf::from(system::name_of(handover.path().to_vec()));
    sink::or_default(&mut options.outputs);
    let whole = |path: &Path| std::path::absolute(path).ok();
    let is_same = |output: &Output| matches!(output, Output::File(known) if whole(known) == whole(&file));
    if !options.outputs.iter().any(is_same) {
        options.outputs.push(Output::File(file));
    }
}
