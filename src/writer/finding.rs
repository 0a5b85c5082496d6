//! Things about the process that its owner should know.
//!
//! Runs on: the writer thread. Must not: claim what was not seen.

use crate::record::{Level, Place};
use crate::verdict::NamedFrame;

/// A finding on its way to its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) level: Level,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// Number of the panic concerned.
    pub(crate) panic: Option<u64>,
    pub(crate) places: Vec<Place>,
}

impl Finding {
    /// std called a hook for this panic, and it was not the agent's.
    pub(crate) fn raise_without_hook(sequence: u64) -> Self {
        Self {
            level: Level::Error,
            code: "raise_without_hook",
            message:
                "a panic was raised without the agent's hook being called: another hook replaced it and \
                      does not call it"
                    .to_owned(),
            panic: Some(sequence),
            places: Vec::new(),
        }
    }

    /// The process ends while a panic is still unwinding: destructors that should have run do not.
    pub(crate) fn exit_while_unwinding(sequence: u64) -> Self {
        Self {
            level: Level::Error,
            code: "exit_while_unwinding",
            message: "the process ended while this panic was unwinding; destructors on its way did not run"
                .to_owned(),
            panic: Some(sequence),
            places: Vec::new(),
        }
    }

    /// A life that does not add up.
    pub(crate) fn unbalanced(sequence: u64, why: &str) -> Self {
        Self {
            level: Level::Warn,
            code: "unbalanced",
            message: format!("what was seen of this panic does not add up: {why}"),
            panic: Some(sequence),
            places: Vec::new(),
        }
    }

    /// The agent's hook was dropped by whoever set another one; `frames` are those of the call.
    pub(crate) fn hook_replaced(frames: &[NamedFrame]) -> Self {
        let own = |frame: &&NamedFrame| {
            frame.path.starts_with("panic_agent::")
                || ["core::", "alloc::"].iter().any(|prefix| frame.path.starts_with(prefix))
        };
        let places = frames
            .iter()
            .skip_while(own)
            .filter(|frame| frame.function.is_some())
            .take(16)
            .map(|frame| Place {
                function: frame.function.clone(),
                file: frame.file.clone(),
                line: frame.line,
                ..Place::default()
            })
            .collect();
        Self {
            level: Level::Error,
            code: "hook_replaced",
            message:
                "the agent's panic hook was replaced and dropped; panics from now on are seen only where \
                      the raise probe works"
                    .to_owned(),
            panic: None,
            places,
        }
    }
}
