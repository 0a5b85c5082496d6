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

    /// A process ended without an `end` line, and this is written in its name.
    pub(crate) fn process_died(pid: u32, recovered: u64, torn: usize) -> Self {
        let torn = match torn {
            0 => String::new(),
            torn => format!("; {torn} more were not finished when it died"),
        };
        Self {
            level: Level::Error,
            code: "process_died",
            message: format!(
                "process {pid} ended without saying so (killed, or an exit that runs nothing); {recovered} \
                 reports were recovered from its spool{torn}"
            ),
            panic: None,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(path: &str) -> NamedFrame {
        let function = (!path.is_empty()).then(|| path.to_owned());
        NamedFrame { path: path.to_owned(), function, line: Some(3), ..NamedFrame::default() }
    }

    #[test]
    fn the_culprit_of_a_replaced_hook_comes_first_and_the_agents_own_frames_do_not_come() {
        let own =
            ["core::ptr::drop_in_place", "panic_agent::hook::Replaced::drop", "alloc::boxed::Box::drop"];
        let theirs = ["std::panicking::set_hook", "", "app::init", "core::ops::FnOnce::call_once"];
        let frames: Vec<NamedFrame> = own.iter().chain(&theirs).map(|path| frame(path)).collect();
        let finding = Finding::hook_replaced(&frames);
        let names: Vec<&str> = finding.places.iter().filter_map(|place| place.function.as_deref()).collect();
        let expected = ["std::panicking::set_hook", "app::init", "core::ops::FnOnce::call_once"];
        assert_eq!(names, expected, "without what has no name");
        assert_eq!((finding.places[0].line, finding.panic), (Some(3), None));
    }

    #[test]
    fn a_replaced_hook_without_names_is_still_a_finding_and_a_deep_stack_is_cut() {
        assert!(Finding::hook_replaced(&[]).places.is_empty());
        assert!(Finding::hook_replaced(&vec![frame(""); 40]).places.is_empty());
        assert_eq!(Finding::hook_replaced(&vec![frame("app::init"); 40]).places.len(), 16);
    }

    #[test]
    fn each_finding_of_a_panic_names_it_and_only_doubt_is_a_mere_warning() {
        let of_panics = [
            (Finding::raise_without_hook(7), Level::Error),
            (Finding::exit_while_unwinding(7), Level::Error),
            (Finding::unbalanced(7, "touched_after_drop"), Level::Warn),
        ];
        for (finding, level) in of_panics {
            assert_eq!((finding.panic, finding.level), (Some(7), level), "{}", finding.code);
            assert!(!finding.message.contains("  "), "{}", finding.message);
        }
        assert!(Finding::unbalanced(7, "touched_after_drop").message.ends_with("touched_after_drop"));
    }
}
