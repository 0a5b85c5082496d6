//! Things about the process that its owner should know.
//!
//! Runs on: the writer thread. Must not: claim what was not seen.

use super::{EndedBy, Level, NamedFrame, Place, TestRef};

/// Places of one finding.
const PLACES: usize = 16;

/// A finding on its way to its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) level: Level,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// Number of the panic concerned.
    pub(crate) panic: Option<u64>,
    pub(crate) places: Vec<Place>,
    /// The test that it belongs to.
    pub(crate) test: Option<TestRef>,
}

impl Finding {
    /// Of no panic, place or test.
    fn new(level: Level, code: &'static str, message: impl Into<String>) -> Self {
        Self { level, code, message: message.into(), panic: None, places: Vec::new(), test: None }
    }

    /// std called a hook for this panic, and it was not the agent's, which was `dropped` before or is kept by
    /// somebody who does not call it.
    pub(crate) fn raise_without_hook(sequence: u64, dropped: bool) -> Self {
        let why = if dropped {
            "it was replaced and dropped, as the finding `hook_replaced` says"
        } else {
            "another hook took its place, keeps it, and did not call it"
        };
        let message = format!("a panic was raised without the agent's hook being called: {why}");
        Self { panic: Some(sequence), ..Self::new(Level::Error, "raise_without_hook", message) }
    }

    /// The process ends while a panic is still unwinding: destructors that should have run do not. `frames` are
    /// those of the exit handler on the thread `tid`.
    pub(crate) fn exit_while_unwinding(sequence: u64, tid: u32, frames: &[NamedFrame]) -> Self {
        let message = "the process ended while this panic was unwinding; destructors on its way did not run";
        let places = places_of_exit(frames, Some(tid));
        Self { panic: Some(sequence), places, ..Self::new(Level::Error, "exit_while_unwinding", message) }
    }

    /// A process ended without an `end` line, and this is written in its name.
    pub(crate) fn process_died(pid: u32, recovered: u64, torn: usize) -> Self {
        let torn = match torn {
            0 => String::new(),
            torn => format!("; {torn} more were not finished when it died"),
        };
        let message = format!(
            "process {pid} ended without an `end` line (killed, or `_exit`); {recovered} \
             reports were recovered from its spool{torn}"
        );
        Self::new(Level::Error, "process_died", message)
    }

    /// A life that does not add up.
    pub(crate) fn unbalanced(sequence: u64, why: &str) -> Self {
        let message = format!("what was seen of this panic does not add up: {why}");
        Self { panic: Some(sequence), ..Self::new(Level::Warn, "unbalanced", message) }
    }

    /// `exit` was called on behalf of a test. `frames` are those of the exit handler on the thread `tid`.
    pub(crate) fn exit_in_test(test: TestRef, tid: u32, frames: &[NamedFrame]) -> Self {
        let place = match &test.name {
            Some(name) => format!("in test {name}"),
            None => "outside of the harness".to_owned(),
        };
        let message = format!("`exit` was called {place}: tests that had not yet run will not run");
        let places = places_of_exit(frames, Some(tid));
        Self { places, test: Some(test), ..Self::new(Level::Error, "exit_in_test", message) }
    }

    /// Threads that a test started at this place are still there at the end of the process.
    pub(crate) fn thread_alive_at_end(test: TestRef, count: u32, place: Place) -> Self {
        let name = test.name.as_deref().unwrap_or_default();
        let threads = if count == 1 { "thread" } else { "threads" };
        let message = format!("{count} {threads} of test {name} had not ended when the process did");
        let finding = Self::new(Level::Warn, "thread_alive_at_end", message);
        Self { places: known(place), test: Some(test), ..finding }
    }

    /// What a wrapper has to say; `name` is of the group or the worker.
    pub(crate) fn noticed(what: Notice, name: &str, number: u32, panic: Option<u64>, place: Place) -> Self {
        let finding = match what {
            Notice::GroupDropped => Self::new(
                Level::Error,
                "group_dropped",
                format!("a task group was dropped without `wait`; nobody sees how {number} of its tasks end"),
            ),
            Notice::GaveUp => Self::new(
                Level::Error,
                "worker_gave_up",
                format!("worker `{name}` panicked {number} times and is not started again"),
            ),
            Notice::HandedOver => Self::new(
                Level::Info,
                "handed_over",
                "the program has installed an agent of its own, whose lines follow; this one reports no more",
            ),
            Notice::EndedInHook => Self::new(
                Level::Fatal,
                "ended_in_hook",
                "a panic hook of the program called `exit` before anything unwound: this panic has no line",
            ),
        };
        Self { panic, places: known(place), ..finding }
    }

    /// A sink has trouble that cost no line.
    pub(crate) fn sink_trouble(message: String) -> Self {
        Self::new(Level::Warn, "sink_trouble", message)
    }

    /// A reaction ends the process.
    pub(crate) fn ended_by_reaction(by: &EndedBy) -> Self {
        let EndedBy { panic, event, action } = by;
        let message = format!("a reaction ends the process because of this panic: on {event} {action}");
        Self { panic: Some(panic.sequence()), ..Self::new(Level::Fatal, "ended_by_reaction", message) }
    }

    /// The agent's hook was dropped by whoever set another one; `frames` are those of the call.
    pub(crate) fn hook_replaced(frames: &[NamedFrame]) -> Self {
        let message = "the agent's panic hook was replaced and dropped; panics from now on are seen only where \
                       the raise probe works";
        Self { places: places_of_hook(frames), ..Self::new(Level::Error, "hook_replaced", message) }
    }

    /// The same with the addresses of its stack, where not every name is known; see [`Place::stack`].
    pub(crate) fn with_stack(mut self, stack: Vec<String>, os_thread: Option<u32>) -> Self {
        if !stack.is_empty() {
            self.places.truncate(PLACES.saturating_sub(1));
            self.places.push(Place { os_thread, stack, ..Place::default() });
        }
        self
    }
}

/// What a wrapper has to say that is no panic, on its way from the thread inside the wrapper.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// A task group was dropped without `wait`; the number counts tasks whose outcome nobody will see.
    GroupDropped = 0,
    /// A worker panicked more often than it may be started again; the number counts its panics.
    GaveUp,
    /// The program has installed an agent of its own, which reports from now on.
    #[cfg_attr(not(feature = "preload"), allow(dead_code, reason = "said by a preloaded agent"))]
    HandedOver,
    /// `exit` was called by a hook of a program that is observed from outside, before the raise.
    #[cfg_attr(not(feature = "preload"), allow(dead_code, reason = "said by a preloaded agent"))]
    EndedInHook,
}

/// A place, unless nothing is known of it.
fn known(place: Place) -> Vec<Place> {
    if place == Place::default() { Vec::new() } else { vec![place] }
}

/// The stack of a call of `exit`.
pub(crate) fn places_of_exit(frames: &[NamedFrame], os_thread: Option<u32>) -> Vec<Place> {
    // What C calls has no path: without a caller in Rust, `main` returned or C code ends the process.
    let on_the_way = |frame: &&NamedFrame| is_own(frame) || !frame.path.contains("::");
    places(frames.iter().skip_while(on_the_way), os_thread)
}

/// The stack of the code that replaced the hook.
pub(crate) fn places_of_hook(frames: &[NamedFrame]) -> Vec<Place> {
    places(frames.iter().skip_while(|frame| is_own(frame)), None)
}

/// Frames of the agent, of its walk, and what compilers put between them and the program.
fn is_own(frame: &NamedFrame) -> bool {
    ["panic_agent::", "backtrace::", "core::", "alloc::"].iter().any(|prefix| frame.path.starts_with(prefix))
}

/// The frames that have names, as many as a finding shows.
fn places<'a>(frames: impl Iterator<Item = &'a NamedFrame>, os_thread: Option<u32>) -> Vec<Place> {
    let named = frames.filter(|frame| frame.function.is_some());
    let place = |frame: &NamedFrame| Place {
        function: frame.function.clone(),
        file: frame.file.clone(),
        line: frame.line,
        os_thread,
        ..Place::default()
    };
    named.take(PLACES).map(place).collect()
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
            (Finding::raise_without_hook(7, true), Level::Error),
            (Finding::exit_while_unwinding(7, 4, &[]), Level::Error),
            (Finding::unbalanced(7, "touched_after_drop"), Level::Warn),
        ];
        for (finding, level) in of_panics {
            assert_eq!((finding.panic, finding.level), (Some(7), level), "{}", finding.code);
            assert!(!finding.message.contains("  "), "{}", finding.message);
        }
        assert!(Finding::unbalanced(7, "touched_after_drop").message.ends_with("touched_after_drop"));
    }

    #[test]
    fn who_calls_exit_comes_first_and_who_returns_from_main_is_nobody() {
        let own = ["panic_agent::agent::exit_place::here", "", "__run_exit_handlers", "exit"];
        let frames =
            |theirs: &[&str]| own.iter().chain(theirs).map(|path| frame(path)).collect::<Vec<NamedFrame>>();
        let called = frames(&["std::process::exit", "app::stop", "main"]);
        let finding = Finding::exit_while_unwinding(7, 4, &called);
        let names: Vec<&str> = finding.places.iter().filter_map(|place| place.function.as_deref()).collect();
        assert_eq!(names, ["std::process::exit", "app::stop", "main"]);
        assert!(finding.places.iter().all(|place| place.os_thread == Some(4)));
        let returned = frames(&["__libc_start_call_main", "_start"]);
        assert!(Finding::exit_while_unwinding(7, 4, &returned).places.is_empty());
    }

    #[test]
    fn a_raise_without_the_hook_says_whether_the_hook_is_still_there() {
        let text = |dropped| Finding::raise_without_hook(7, dropped).message;
        assert!(text(true).contains("`hook_replaced`") && !text(false).contains("`hook_replaced`"));
        assert!(text(false).contains("keeps it"));
    }
}
