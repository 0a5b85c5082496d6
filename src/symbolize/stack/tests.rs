//! Stacks made by hand.

use super::*;
use crate::record::Inlining;
use crate::symbolize::Found;

/// Logical frame from `name`, or `name @ file:line`.
pub(crate) fn logical(text: &str) -> Logical {
    let (name, place) = text.split_once(" @ ").map_or((text, None), |(name, place)| (name, Some(place)));
    let (file, line) = place
        .and_then(|place| place.rsplit_once(':'))
        .map_or((None, None), |(file, line)| (Some(file.to_owned()), line.parse().ok()));
    let function = (!name.is_empty()).then(|| name.to_owned());
    Logical::new(Found { function, raw_name: None, file, line, column: None }, Some("/app/bin"))
}

/// A stack from one list of logical frames per physical frame, `|` between inlined ones.
pub(crate) fn stack(physical: &[&str], search_start: usize) -> Stack {
    made(physical, &[], search_start, None, &[])
}

/// The same with the unwind action of each frame.
pub(crate) fn stack_with_actions(physical: &[&str], actions: &[u8]) -> Stack {
    made(physical, actions, 0, None, &[])
}

/// The same with frames at the stopper, beyond the recorded ones.
pub(crate) fn stack_with_landing(physical: &[&str], stopper: u32, landing: &[&str]) -> Stack {
    made(physical, &[], 0, Some(stopper), landing)
}

fn made(physical: &[&str], actions: &[u8], start: usize, stopper: Option<u32>, landing: &[&str]) -> Stack {
    let actions = actions.iter().copied().chain(core::iter::repeat(0));
    let frames = physical.iter().zip(1_u64..).zip(actions);
    let frames = frames.map(|((frames, number), action)| physical_frame(frames, number, action));
    let landing = landing.iter().map(|frames| physical_frame(frames, 0, 0).at).collect();
    Stack::new(frames.collect(), stopper, landing, start, Naming::Allowed, false)
}

fn physical_frame(frames: &str, number: u64, action: u8) -> Physical {
    Physical {
        ip: 0x1000 + number,
        action: EhAction::from_u8(action),
        at: Arc::new(Resolved {
            image: None,
            logical: frames.split(" | ").map(logical).collect(),
            // As debug information has it: with a file.
            inlining: if frames.contains(" @ ") { Inlining::Known } else { Inlining::Unknown },
            refused: Vec::new(),
        }),
    }
}

const INNER: [&str; 6] = [
    "panic_agent::hook::on_panic",
    "<alloc::boxed::Box<dyn Fn()> as core::ops::function::Fn<A>>::call | std::panicking::panic_with_hook",
    "std::panicking::panic_handler::{closure#0}",
    "std::sys::backtrace::__rust_end_short_backtrace::<std::panicking::panic_handler::{closure#0}, !>",
    "__rustc::rust_begin_unwind",
    "core::panicking::panic_fmt",
];

fn with_inner(outer: &[&'static str]) -> Vec<&'static str> {
    INNER.iter().chain(outer).copied().collect()
}

#[test]
fn agent_and_machinery_are_trimmed_and_counted_and_frame_0_is_the_first_kept() {
    let names =
        with_inner(&["core::panicking::panic_bounds_check", "core::slice::index | app::work", "app::main"]);
    // The walk's own idea of the start does not matter when there are names.
    for search_start in [0, 2, 5] {
        let stack = stack(&names, search_start);
        assert_eq!(stack.trimmed, 7, "{search_start}");
        let frames = stack.frames();
        let seen: Vec<_> =
            frames.iter().map(|f| (f.index, f.function.as_deref().unwrap(), f.inlined)).collect();
        let expected = [(0, "core::slice::index", true), (0, "app::work", false), (1, "app::main", false)];
        assert_eq!(seen, expected);
    }
}

#[test]
fn the_call_of_a_hook_is_machinery_also_when_it_is_inlined() {
    let call = "<alloc::boxed::Box<dyn Fn()> as core::ops::function::Fn<A>>::call";
    let hook = format!("{call} | std::panicking::panic_with_hook");
    let all = format!("{hook} | std::panicking::begin_panic | app::work");
    for (inner, trimmed) in
        [(vec!["agent", &hook, "core::panicking::panic", "app::work"], 3), (vec![&all], 0)]
    {
        let names: Vec<&str> = inner.into_iter().chain(["app::main"]).collect();
        let stack = stack(&names, 1);
        assert_eq!(stack.trimmed, trimmed);
        let frames = stack.frames();
        assert_eq!(frames[0].function.as_deref(), Some("app::work"), "{names:?}");
        assert_eq!((frames[0].index, frames[1].index, frames.len()), (0, 1, 2));
    }
}

#[test]
fn helpers_that_only_panic_are_trimmed_and_methods_that_use_them_stay() {
    let names = with_inner(&["core::option::unwrap_failed", "core::option::Option<T>::unwrap | app::work"]);
    let frames = stack(&names, 2).frames();
    assert_eq!(frames[0].function.as_deref(), Some("core::option::Option<T>::unwrap"));
    assert_eq!(frames.len(), 2);
}

#[test]
fn machinery_inlined_into_the_program_is_trimmed_and_the_program_stays() {
    let names = with_inner(&["std::panic::panic_any | app::work", "app::main"]);
    let frames = stack(&names, 2).frames();
    assert_eq!(frames[0].function.as_deref(), Some("app::work"));
    assert_eq!((frames[0].index, frames.len()), (0, 2));
}

#[test]
fn a_catch_around_a_closure_that_panics_is_not_machinery() {
    let names = with_inner(&["std::panicking::catch_unwind::do_call", "__rust_try", "app::main"]);
    assert_eq!(stack(&names, 2).frames().len(), 3);
}

#[test]
fn without_names_the_walk_says_where_the_agent_ends() {
    let stack = stack(&["", "", "", ""], 3);
    assert_eq!((stack.trimmed, stack.frames().len()), (3, 1));
    assert_eq!(stack.soft_errors().len(), 1);
    assert_eq!(stack.soft_errors()[0].code, "no_symbols");
}

#[test]
fn a_start_beyond_the_end_keeps_a_frame() {
    assert_eq!(stack(&["", ""], 9).frames().len(), 1);
    assert_eq!(stack(&INNER, 9).frames().len(), 1);
    assert_eq!(stack(&[], 9).frames(), []);
}
