//! Whose hands a caught payload is in, as far as the build tells.
//!
//! Without debug information a function's name says that its machine code runs, and not whose code was inlined
//! into it. What still holds then is the structure of programs: runtimes poll tasks and run jobs through function
//! pointers, so their catches cannot be inlined into the program's functions; and every runtime whose catch *can*
//! be (`rayon::join` calls one side itself) runs on a worker thread of its own, whose driver is an ordinary
//! function further out. The counts on real builds are in `docs/decisions/0005-catches-without-debug-information.md`.
//!
//! Runs on: the writer thread. Must not: take the lack of a name for a proof.

use super::families::{Family, family, of_path as family_of};
use crate::record::{HandlerKind, RawWalk, WalkEnd};
use crate::symbolize::{Logical, Stack};

/// Who has the payload once a catch has stopped the panic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Holder {
    /// The program, or a library that counts as one: it called the `catch_unwind`.
    Program,
    /// A runtime, which may hand it over, or keep it and drop it.
    Runtime,
    /// Either.
    #[default]
    Unknown,
}

impl Holder {
    /// Who holds what a handler of this kind caught.
    pub(crate) fn of_kind(kind: HandlerKind) -> Self {
        match kind {
            HandlerKind::User | HandlerKind::Futures | HandlerKind::Ffi => Self::Program,
            HandlerKind::Foreign | HandlerKind::Unknown => Self::Unknown,
            _ => Self::Runtime,
        }
    }
}

/// What the functions around a catch prove of its owner where nothing tells what was inlined into them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ByStructure {
    pub(super) holder: Holder,
    /// The runtime, where it can be no other.
    pub(super) kind: Option<HandlerKind>,
}

/// Looks at the function of the landing site, at what it called, and at what is further out.
pub(super) fn by_structure(walk: &RawWalk, stack: &Stack, stopper: usize) -> ByStructure {
    // A `catch_unwind` that was not inlined belongs to its caller.
    let machinery = |index: &usize| physical(stack, *index).is_some_and(Logical::is_catch_machinery);
    let owner = (stopper..stack.end()).find(|index| !machinery(index));
    let frame = owner.and_then(|owner| physical(stack, owner));
    let named = frame.filter(|frame| frame.function.is_some() && !frame.foreign);
    let Some((owner, frame)) = owner.zip(named) else { return ByStructure::default() };
    let runtime = |kind| ByStructure { holder: Holder::Runtime, kind };
    match family(frame) {
        Family::TaskHarness => {
            let inner = (stack.trimmed..stopper).rev().find(|index| !machinery(index));
            if inner.is_some_and(|inner| is_inside_harness(stack, inner)) {
                runtime(task_kind(stack, owner))
            } else {
                ByStructure::default()
            }
        }
        // libtest comes compiled, and calls tests through pointers.
        Family::LibTest => runtime(Some(HandlerKind::TestHarness)),
        // No function of tokio outside of its harness catches.
        Family::Tokio | Family::Std | Family::Program if is_off_rayon(walk, stack, owner) => {
            ByStructure { holder: Holder::Program, kind: None }
        }
        _ => ByStructure::default(),
    }
}

/// The function whose machine code runs.
fn physical(stack: &Stack, index: usize) -> Option<&Logical> {
    stack.logical(index).last()
}

/// Whether this is what tokio's catch guards, and no part of the program: the program's code is inside of it.
fn is_inside_harness(stack: &Stack, index: usize) -> bool {
    physical(stack, index).is_some_and(|frame| {
        frame.plain == "tokio::runtime::task::core::Core::poll"
            || frame.plain == "tokio::runtime::task::core::Core::drop_future_or_output"
            || frame.plain.starts_with("tokio::runtime::task::harness::poll_future::")
    })
}

/// A task of the blocking pool is run by the pool itself, any other by a scheduler or a `LocalSet`. Those are ordinary
/// functions, and whichever comes first drives the task.
fn task_kind(stack: &Stack, owner: usize) -> Option<HandlerKind> {
    let outward = (owner.saturating_add(1)..stack.end()).filter_map(|index| physical(stack, index));
    outward
        .map(|frame| frame.plain.as_str())
        .find(|plain| plain.starts_with("tokio::") && family_of(plain) != Family::TaskHarness)
        .and_then(|plain| {
            let within = |module: &str| plain.starts_with(module);
            let scheduled = within("tokio::runtime::scheduler::") || within("tokio::task::local::");
            let kind = if scheduled { HandlerKind::TokioTask } else { HandlerKind::TokioBlocking };
            (scheduled || within("tokio::runtime::blocking::pool::")).then_some(kind)
        })
}

/// Whether certainly no job of rayon is under way. A worker calls each through a pointer, so the function of the job is
/// on the stack of everything that runs inside one.
fn is_off_rayon(walk: &RawWalk, stack: &Stack, from: usize) -> bool {
    let whole = WalkEnd::from_u8(walk.end) == WalkEnd::Bottom && stack.end() == walk.walked as usize;
    whole && stack.names_from(from) && {
        let mut frames = (from..stack.end()).flat_map(|index| stack.logical(index));
        !frames.any(|frame| family(frame) == Family::Rayon)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::symbolize::test_stacks::stack;

    const POLL: &str = "tokio::runtime::task::harness::Harness<T,S>::poll";
    const CELL: &str = "tokio::runtime::task::core::Core<T,S>::poll";
    const RUN: &str = "tokio::runtime::scheduler::multi_thread::worker::Context::run_task";
    const POOL: &str = "tokio::runtime::blocking::pool::Inner::run";
    const JOB: &str = "<rayon_core::job::StackJob<L,F,R> as rayon_core::job::Job>::execute";

    /// Of a stack that was walked to the bottom, with a catch in frame 1.
    fn at(frames: &[&str]) -> ByStructure {
        let mut walk = RawWalk::new();
        walk.walked = frames.len() as u32;
        walk.end = WalkEnd::Bottom as u8;
        by_structure(&walk, &stack(frames, 0), 1)
    }

    fn by(holder: Holder, kind: Option<HandlerKind>) -> ByStructure {
        ByStructure { holder, kind }
    }

    #[test]
    fn the_harness_of_a_task_is_tokios_only_around_the_cell() {
        let task = by(Holder::Runtime, Some(HandlerKind::TokioTask));
        assert_eq!(at(&[CELL, POLL, RUN, "app::main"]), task);
        let blocking = by(Holder::Runtime, Some(HandlerKind::TokioBlocking));
        assert_eq!(at(&[CELL, POLL, POOL, "app::main"]), blocking);
        // The future was inlined, and may catch by itself.
        assert_eq!(at(&["app::work", POLL, RUN, "app::main"]), ByStructure::default());
        // Not inlined: the call belongs to its caller.
        let machinery = "std::panicking::catch_unwind";
        assert_eq!(at(&[CELL, machinery, POLL, RUN, "app::main"]), task);
    }

    #[test]
    fn a_catch_in_other_functions_is_the_programs_unless_rayon_may_have_inlined_its_own() {
        let program = by(Holder::Program, None);
        for here in ["app::f", CELL, "std::sys::backtrace::__rust_begin_short_backtrace"] {
            assert_eq!(at(&["app::work", here, RUN, "app::main"]), program, "{here}");
            assert_eq!(at(&["app::work", here, JOB, "app::main"]), ByStructure::default(), "{here}");
            assert_eq!(at(&["app::work", here, "", "app::main"]), ByStructure::default(), "{here}");
        }
        for here in [JOB, "std::thread::lifecycle::spawn_unchecked::{{closure}}", "main", ""] {
            assert_eq!(at(&["app::work", here, "app::main"]), ByStructure::default(), "{here}");
        }
        let libtest = by(Holder::Runtime, Some(HandlerKind::TestHarness));
        assert_eq!(at(&["app::tests::works", "test::run_test::{closure}", "app::main"]), libtest);
    }

    #[test]
    fn a_stack_that_was_not_walked_to_its_bottom_proves_nothing() {
        let mut walk = RawWalk::new();
        walk.walked = 4;
        walk.end = WalkEnd::Bottom as u8;
        let stack = stack(&["app::work", "app::f", "app::main"], 0);
        assert_eq!(by_structure(&walk, &stack, 1), ByStructure::default());
        walk.walked = 3;
        assert_eq!(by_structure(&walk, &stack, 1).holder, Holder::Program);
        walk.end = WalkEnd::TooDeep as u8;
        assert_eq!(by_structure(&walk, &stack, 1), ByStructure::default());
    }
}
