//! Stacks made by hand: each that gives an answer has a twin that gives none.

use super::*;
use crate::record::{Fate, StopKind};
use crate::symbolize::test_stacks::stack;
use crate::verdict::settle;

const WORK: &str = "app::work @ /home/u/app/src/main.rs:3";
/// All that lies between the call of `catch_unwind` and what it guards, each function for itself: the compiler's own has no lines.
const CALL: &str = "std::panicking::catch_unwind::do_call @ /rustc/ab/library/std/src/panicking.rs:5";
const TRY: &str = "__rust_try";
const CATCH: &str = "std::panicking::catch_unwind @ /rustc/ab/library/std/src/panicking.rs:7 | \
                     std::panic::catch_unwind @ /rustc/ab/library/std/src/panic.rs:9";
/// The same inlined.
const CAUGHT: &str = "std::panicking::catch_unwind::do_call @ /rustc/ab/library/std/src/panicking.rs:5 | \
                      std::panicking::catch_unwind @ /rustc/ab/library/std/src/panicking.rs:7";
const MAIN: &str = "app::main @ /home/u/app/src/main.rs:40";
const THREAD: &str =
    "std::thread::lifecycle::spawn_unchecked::{{closure}} @ /rustc/ab/library/std/src/thread/lifecycle.rs:8";
const START: &str = "std::rt::lang_start_internal @ /rustc/ab/library/std/src/rt.rs:4";
const GLUE: &str = "core::ptr::drop_in_place<app::Guard> @ /rustc/ab/library/core/src/ptr/mod.rs:2";

fn walk(end: WalkEnd) -> RawWalk {
    let mut walk = RawWalk::new();
    walk.end = end as u8;
    walk
}

fn predicted(frames: &[&str], alone: bool) -> (Fate, Option<HandlerKind>, Option<String>) {
    let predicted = predict(&walk(WalkEnd::Bottom), &stack(frames, 0), alone);
    let names = predicted.prediction.stop != StopKind::Unknown;
    assert_eq!(predicted.prediction.source, names.then_some(PredictionSource::Names), "{frames:?}");
    let outcome = settle(&predicted);
    let kind = predicted.prediction.handler.map(|handler| handler.kind);
    (outcome.fate, kind, outcome.reason)
}

fn unknown_for(why: &str) -> (Fate, Option<HandlerKind>, Option<String>) {
    (Fate::Unknown, None, Some(why.to_owned()))
}

#[test]
fn the_innermost_catch_decides_and_its_caller_owns_it() {
    for (frames, fate, kind) in [
        (vec![WORK, CALL, TRY, CATCH, MAIN, CAUGHT, START], Fate::Caught, HandlerKind::User),
        (vec![WORK, CAUGHT, START, "main"], Fate::MainDied, HandlerKind::MainRoot),
        (vec![WORK, CALL, TRY, CATCH, THREAD, "start_thread"], Fate::ThreadDied, HandlerKind::ThreadRoot),
    ] {
        assert_eq!(predicted(&frames, true), (fate, Some(kind), None), "{frames:?}");
    }
}

#[test]
fn its_frame_is_counted_from_the_first_one_that_is_shown() {
    let stack = stack(&["std::panicking::panic_with_hook", WORK, CAUGHT, START], 0);
    let predicted = predict(&walk(WalkEnd::Bottom), &stack, true);
    assert_eq!((stack.trimmed, predicted.prediction.frame), (1, Some(1)));
}

#[test]
fn a_frame_into_which_a_catch_may_be_inlined_or_of_which_nothing_is_known_hides_what_is_further_out() {
    for (inner, why) in [
        ("app::release_build", reason::NAMES_WITHOUT_LINES),
        ("", reason::NAMES_MISSING),
        ("run @ /a/run.cc:5", reason::NAMES_FOREIGN_FRAME),
        // All of what it guards may be inlined into it.
        (TRY, reason::NAMES_WITHOUT_LINES),
    ] {
        assert_eq!(predicted(&[WORK, inner, CAUGHT, START], true), unknown_for(why), "{inner}");
        // Beyond the catch it hides nothing.
        let outside = [WORK, CAUGHT, START, inner];
        assert_eq!(predicted(&outside, true).0, Fate::MainDied, "{inner}");
    }
}

#[test]
fn a_destructor_hides_it_only_while_another_panic_may_be_unwinding() {
    let frames = [WORK, GLUE, CAUGHT, START];
    assert_eq!(predicted(&frames, true).0, Fate::MainDied);
    assert_eq!(predicted(&frames, false), unknown_for(reason::NAMES_DESTRUCTOR));
    // A catch inside of the destructor stops the panic all the same.
    let caught = [WORK, CALL, TRY, CATCH, MAIN, GLUE, CAUGHT, START];
    assert_eq!(predicted(&caught, false).0, Fate::Caught);
}

#[test]
fn a_stack_without_a_catch_proves_nothing_and_says_why_it_shows_none() {
    assert_eq!(predicted(&[WORK, MAIN], true), unknown_for(reason::NAMES_NO_CATCH));
    for (end, why) in [(WalkEnd::TooDeep, reason::TOO_DEEP), (WalkEnd::NotWalked, reason::NOT_WALKED)] {
        let prediction = predict(&walk(end), &stack(&[WORK, MAIN], 0), true).prediction;
        assert_eq!(prediction.reason.as_deref(), Some(why));
    }
}

#[test]
fn the_guard_of_thread_local_destructors_aborts_unless_a_catch_comes_before_it() {
    let guard =
        "std::sys::thread_local::abort_on_dtor_unwind @ /rustc/ab/library/std/src/sys/thread_local/mod.rs:3";
    let aborts = predict(&walk(WalkEnd::Bottom), &stack(&[WORK, guard, CAUGHT, START], 0), true);
    assert_eq!(aborts.prediction.abort_reason, Some(AbortReason::TlsDestructor));
    assert_eq!(predicted(&[WORK, CALL, TRY, CATCH, MAIN, guard], true).0, Fate::Caught);
}
