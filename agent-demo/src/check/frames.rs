//! Compares what the frames say of whose code they are with what their names say.
//!
//! Runs on: any thread of the parent. Must not: know how the agent finds its answers.

use panic_agent::Report;
use panic_agent::record::Frame;

use super::{Deviation, deviate, subject};
use crate::Names;

/// Crates of the demo.
const OWN: [&str; 2] = ["agent_demo::", "<agent_demo::"];
/// Crates that are certainly none of the demo's, as names begin with them.
const OTHERS: [&str; 10] = [
    "std::",
    "core::",
    "alloc::",
    "tokio::",
    "<tokio::",
    "rayon_core::",
    "<rayon_core::",
    "futures_util::",
    "crossbeam_utils::",
    "panic_agent::",
];

/// Each frame whose `in_app` is wrong; with debug information also each that says nothing.
pub(super) fn judge(report: &Report, names: Names, found: &mut Vec<Deviation>) {
    for frame in report.frames.iter() {
        let Some(function) = frame.function.as_deref() else { continue };
        let Some(truth) = belongs(function) else { continue };
        let fits = match frame.in_app {
            Some(said) => said == truth,
            None => names != Names::Inlined || is_unresolved(frame),
        };
        if !fits {
            let field = format!("{}, in_app of `{function}`", subject(report));
            deviate(found, &field, truth, format!("{:?}", frame.in_app));
        }
    }
}

/// Whether a name alone says that a function is the demo's; `None` for names of neither kind.
fn belongs(function: &str) -> Option<bool> {
    let begins = |with: &[&str]| with.iter().any(|start| function.starts_with(start));
    if begins(&OWN) {
        Some(true)
    } else if begins(&OTHERS) {
        Some(false)
    } else {
        None
    }
}

/// A frame of which there is a symbol and no more, in a program that has more elsewhere.
fn is_unresolved(frame: &Frame) -> bool {
    frame.file.is_none()
}
