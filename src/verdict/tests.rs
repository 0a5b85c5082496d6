//! Tables of hand-made stacks: one row per situation.

use super::*;
use crate::record::{Fate, Receipt};
use crate::symbolize::test_stacks::{stack, stack_with_landing};

const STD: &str = "/rustc/ab/library/std/src";
const TOKIO: &str = "/r/registry/src/i-1/tokio-1.54.1/src";

/// A walk over `len` frames that stops at `stopper`.
fn walk(len: u32, stopper: Option<(u32, EhAction)>) -> RawWalk {
    let mut walk = RawWalk::new();
    walk.len = len;
    walk.walked = len;
    walk.end = WalkEnd::Bottom as u8;
    walk.source = WalkSource::Tables as u8;
    if let Some((at, action)) = stopper {
        walk.stopper = at;
        walk.stop_action = action as u8;
        walk.push_landing(0x1000 + u64::from(at));
        // Inside the root, unless a row says otherwise.
        walk.outermost_catch = at + 100;
    }
    walk
}

fn caught(frames: &[&str], stopper: u32) -> (Predicted, Outcome) {
    let walk = walk(frames.len() as u32, Some((stopper, EhAction::Catch)));
    let predicted = predict(&walk, &stack(frames, 0), Strategy::Unwind, 0);
    let outcome = settle(&predicted);
    (predicted, outcome)
}

fn file(root: &str, name: &str, path: &str) -> String {
    format!("{name} @ {root}/{path}:7")
}

#[test]
fn with_line_information_every_owner_is_named() {
    let do_call = file(STD, "std::panicking::catch_unwind::do_call", "panicking.rs");
    let inner = file(STD, "std::panicking::catch_unwind", "panicking.rs");
    let outer = file(STD, "std::panic::catch_unwind", "panic.rs");
    let user = "app::run @ /home/u/app/src/main.rs:40".to_owned();
    let shim =
        file("/rustc/ab/library/core/src", "core::ops::function::FnOnce::call_once", "ops/function.rs");
    let spawn = file(STD, "std::thread::lifecycle::spawn_unchecked::{{closure}}", "thread/lifecycle.rs");
    let scope = file(STD, "std::thread::scoped::scope", "thread/scoped.rs");
    let scoped = file(STD, "std::thread::scoped::Builder::spawn_scoped::{{closure}}", "thread/scoped.rs");
    let lang_start = file(STD, "std::rt::lang_start_internal", "rt.rs");
    let libtest = file("/rustc/ab/library/test/src", "test::run_test_in_process", "lib.rs");
    let poll_future = file(TOKIO, "tokio::runtime::task::harness::poll_future", "runtime/task/harness.rs");
    let core_poll = file(TOKIO, "tokio::runtime::task::core::Core<T,S>::poll", "runtime/task/core.rs");
    let blocking_task = file(
        TOKIO,
        "<tokio::runtime::blocking::task::BlockingTask<T> as core::future::Future>::poll",
        "runtime/blocking/task.rs",
    );
    let pool = file(TOKIO, "tokio::runtime::blocking::pool::Inner::run", "runtime/blocking/pool.rs");
    let worker = file(
        TOKIO,
        "tokio::runtime::scheduler::multi_thread::worker::Context::run_task",
        "runtime/scheduler/multi_thread/worker.rs",
    );
    let raw_poll = file(TOKIO, "tokio::runtime::task::raw::poll", "runtime/task/raw.rs");
    let rayon =
        file("/r/registry/src/i-1/rayon-core-1.13.0/src", "rayon_core::unwind::halt_unwinding", "unwind.rs");
    let futures = file(
        "/r/registry/src/i-1/futures-util-0.3.34/src",
        "<futures_util::future::future::catch_unwind::CatchUnwind<F> as core::future::Future>::poll",
        "future/future/catch_unwind.rs",
    );
    let tower = file(
        "/r/registry/src/i-1/tower-http-0.6.1/src",
        "<tower_http::catch_panic::ResponseFuture<F,T> as core::future::Future>::poll",
        "catch_panic.rs",
    );
    let task = "app::job::{{closure}} @ /home/u/app/src/main.rs:9".to_owned();
    let polled: Vec<&str> = vec![&poll_future, &raw_poll, &worker, &blocking_task, &poll_future, &pool];
    let blocking: Vec<&str> = vec![&poll_future, &raw_poll, &pool];
    let rows: &[(&str, Vec<&str>, HandlerKind, Fate)] = &[
        ("user", vec![&user], HandlerKind::User, Fate::Caught),
        ("user behind a std closure", vec![&shim, &user], HandlerKind::User, Fate::Caught),
        ("thread root", vec![&spawn, &shim], HandlerKind::ThreadRoot, Fate::ThreadDied),
        // Its twin is the root of a thread that the scope started.
        ("body of a scope", vec![&scope, &user], HandlerKind::User, Fate::Caught),
        ("thread of a scope", vec![&scoped, &shim], HandlerKind::ThreadRoot, Fate::ThreadDied),
        ("main root", vec![&lang_start, "main"], HandlerKind::MainRoot, Fate::MainDied),
        ("libtest", vec![&libtest, &shim], HandlerKind::TestHarness, Fate::RuntimeCaught),
        ("tokio task", polled, HandlerKind::TokioTask, Fate::RuntimeCaught),
        ("tokio blocking", blocking, HandlerKind::TokioBlocking, Fate::RuntimeCaught),
        ("rayon", vec![&rayon, &user], HandlerKind::Rayon, Fate::RuntimeCaught),
        ("futures", vec![&futures, &user], HandlerKind::Futures, Fate::Caught),
        ("tower through futures", vec![&futures, &tower, &user], HandlerKind::Tower, Fate::RuntimeCaught),
        ("tower", vec![&tower, &user], HandlerKind::Tower, Fate::RuntimeCaught),
    ];
    for (row, outside, kind, fate) in rows {
        // Once with every function in its own frame, once all inlined into the caller of `catch_unwind`.
        let apart = [&[&*task, &do_call, &inner, &outer], &outside[..]].concat();
        let inlined = [task.as_str(), &do_call, &inner, &outer, outside[0]].join(" | ");
        let together = [&[&*inlined], &outside[1..]].concat();
        for (frames, stopper) in [(apart, 2), (together, 0)] {
            let (predicted, outcome) = caught(&frames, stopper);
            let handler = predicted.prediction.handler.as_ref().expect(row);
            assert_eq!((handler.kind, outcome.fate), (*kind, *fate), "{row} {frames:?}");
            assert!(handler.function.is_some() && handler.file.is_some() && handler.line.is_some(), "{row}");
            assert_eq!(predicted.prediction.frame, Some(stopper), "{row}");
            assert_eq!(outcome.uncaught, Some(fate.is_uncaught()), "{row}");
        }
    }
    // What the catch guards decides before who drives it.
    let (predicted, _) =
        caught(&[&task, &blocking_task, &core_poll, &do_call, &inner, &outer, &poll_future], 4);
    assert_eq!(predicted.prediction.handler.unwrap().kind, HandlerKind::TokioBlocking);
    let (predicted, _) = caught(&[&task, &format!("{do_call} | {inner} | {outer} | {user}")], 1);
    let handler = predicted.prediction.handler.unwrap();
    assert_eq!((handler.function.as_deref(), handler.line), (Some("app::run"), Some(40)));
}

#[test]
fn short_names_of_line_tables_are_completed_by_their_file() {
    let inner = file(STD, "catch_unwind<(), app::C>", "panicking.rs");
    let outer = file(STD, "catch_unwind<app::C, ()>", "panic.rs");
    let poll = file(TOKIO, "poll_future<T, S>", "runtime/task/harness.rs");
    let root = file(STD, "{closure#1}<app::C>", "thread/lifecycle.rs");
    for (owner, kind) in [
        (poll.as_str(), HandlerKind::TokioTask),
        (root.as_str(), HandlerKind::ThreadRoot),
        ("main @ /home/u/app/src/main.rs:3", HandlerKind::User),
    ] {
        let (predicted, _) = caught(&[&format!("job @ /a/src/x.rs:1 | {inner} | {outer} | {owner}")], 0);
        assert_eq!(predicted.prediction.handler.unwrap().kind, kind, "{owner}");
    }
}

#[test]
fn roots_need_no_symbols() {
    let frames = ["", "", ""];
    let mut at_root = walk(3, Some((2, EhAction::Catch)));
    at_root.outermost_catch = 2;
    at_root.at_thread_start = ThreadStart::CallsCatch as u8;
    let mut at_main = walk(3, Some((2, EhAction::Catch)));
    at_main.at_main_start = 1;
    for (walk, kind, fate) in [
        (at_root, HandlerKind::ThreadRoot, Fate::ThreadDied),
        (at_main, HandlerKind::MainRoot, Fate::MainDied),
    ] {
        let predicted = predict(&walk, &stack(&frames, 1), Strategy::Unwind, 0);
        assert_eq!(predicted.prediction.handler.as_ref().unwrap().kind, kind);
        assert_eq!(predicted.prediction.frame, Some(1), "numbered like the kept frames");
        assert_eq!(settle(&predicted).fate, fate);
    }
    // The name of the function is enough to tell std's catch around the result of a thread from the root's own.
    for (name, fate) in [
        ("<std::thread::lifecycle::Packet<T> as core::ops::drop::Drop>::drop", Fate::Aborted),
        ("core::ptr::drop_in_place<std::thread::lifecycle::Packet<app::Bomb>>", Fate::Aborted),
        ("core::ptr::drop_in_place<app::Packet<app::Bomb>>", Fate::ThreadDied),
    ] {
        let names = ["app::Bomb::drop", "app::f", name];
        let predicted = predict(&at_root, &stack(&names, 0), Strategy::Unwind, 0);
        assert_eq!(settle(&predicted).fate, fate, "{name}");
        let why = (fate == Fate::Aborted).then_some(AbortReason::ThreadResultDrop);
        assert_eq!(predicted.prediction.abort_reason, why, "{name}");
    }
    let owned_by = |owner: &str| {
        let machinery = file(STD, "std::panicking::catch_unwind", "panicking.rs");
        let names = ["app::f", "app::g", &machinery, &file(STD, owner, "thread/lifecycle.rs")];
        settle(&predict(&at_root, &stack(&names, 0), Strategy::Unwind, 0)).fate
    };
    assert_eq!(owned_by("<std::thread::lifecycle::Packet<T> as core::ops::drop::Drop>::drop"), Fate::Aborted);
    assert_eq!(owned_by("std::thread::lifecycle::spawn_unchecked::{{closure}}"), Fate::ThreadDied);
}

#[test]
fn the_outermost_catch_of_a_thread_is_its_root_if_std_calls_it_or_a_name_says_so() {
    const CLOSURE: &str = "std::thread::lifecycle::spawn_unchecked::{{closure}}";
    let said = |start: ThreadStart, catch: &str| {
        let mut walk = walk(4, Some((1, EhAction::Catch)));
        walk.outermost_catch = 1;
        walk.at_thread_start = start as u8;
        let predicted = predict(&walk, &stack(&["", catch, "", ""], 0), Strategy::Unwind, 0);
        let outcome = settle(&predicted);
        assert!(!predicted.inside_root);
        assert_eq!(outcome.uncaught, (outcome.fate != Fate::Unknown).then_some(true));
        outcome.fate
    };
    for (catch, called, further_in) in [
        ("", Fate::ThreadDied, Fate::Unknown),
        (CLOSURE, Fate::ThreadDied, Fate::ThreadDied),
        ("core::ops::function::FnOnce::call_once{{vtable.shim}}", Fate::ThreadDied, Fate::ThreadDied),
        // The last owner of the result drops it.
        ("alloc::sync::Arc<T,A>::drop_slow", Fate::Aborted, Fate::Aborted),
        // The name tells whose machine code it is, and not what was inlined into it.
        ("core::ptr::drop_in_place<app::Bomb>", Fate::ThreadDied, Fate::Unknown),
        ("app::work", Fate::ThreadDied, Fate::Unknown),
    ] {
        assert_eq!(said(ThreadStart::CallsCatch, catch), called, "{catch}");
        assert_eq!(said(ThreadStart::LikeOwn, catch), called, "{catch}");
        assert_eq!(said(ThreadStart::Beyond, catch), further_in, "{catch}");
    }
}

#[test]
fn a_catch_without_evidence_is_caught_by_nobody_known() {
    let rows: &[(&[&str], &str)] = &[
        (&["", "", ""], reason::HANDLER_NO_SYMBOLS),
        // A name without lines may have somebody else's catch inlined.
        (&["app::job", "tokio::runtime::task::raw::poll", "app::main"], reason::HANDLER_NO_LINES),
        (&["app::job", "std::panicking::catch_unwind", "app::main"], reason::HANDLER_NO_LINES),
        (&["app::job", "app::run @ /home/u/a/src/main.rs:3", "app::main"], reason::HANDLER_NOT_FOUND),
    ];
    for (frames, why) in rows {
        let (predicted, outcome) = caught(frames, 1);
        assert_eq!(predicted.prediction.stop, StopKind::Catch, "{why}");
        assert_eq!(predicted.prediction.handler.as_ref().unwrap().kind, HandlerKind::Unknown, "{why}");
        assert_eq!(predicted.prediction.reason.as_deref(), Some(*why));
        assert_eq!((outcome.fate, outcome.reason.as_deref()), (Fate::Caught, Some(*why)));
        assert_eq!((outcome.uncaught, outcome.receipt), (Some(false), Receipt::Pending));
    }
    let mut walk = walk(3, Some((1, EhAction::Catch)));
    let mut fate_at = |end: WalkEnd| {
        walk.end = end as u8;
        settle(&predict(&walk, &stack(&["", "", ""], 0), Strategy::Unwind, 0)).fate
    };
    assert_eq!(fate_at(WalkEnd::NoUnwindInfo), Fate::Caught, "musl's start of a program has no tables");
    assert_eq!(fate_at(WalkEnd::Broken), Fate::Unknown);
    assert_eq!(fate_at(WalkEnd::Bottom), Fate::Caught);
    // The outermost catch of a stack that is not known to be std's may be anybody's.
    walk.outermost_catch = 1;
    let outcome = settle(&predict(&walk, &stack(&["", "", ""], 0), Strategy::Unwind, 0));
    assert_eq!((outcome.fate, outcome.uncaught, outcome.receipt), (Fate::Unknown, None, Receipt::Unknown));
}

#[test]
fn a_frame_of_another_language_is_foreign_and_its_effect_unknown() {
    let (predicted, outcome) = caught(&["app::callback", "run_callbacks @ /src/loop.cc:10"], 1);
    assert_eq!(predicted.prediction.handler.unwrap().kind, HandlerKind::Foreign);
    assert_eq!((outcome.fate, outcome.reason.as_deref()), (Fate::Unknown, Some(reason::HANDLER_FOREIGN)));
}

#[test]
fn aborts_carry_their_reason() {
    let file = "/home/u/app/src/main.rs:5";
    let boundary = format!("app::c_callback @ {file}");
    let drop = format!("<app::Guard as core::ops::drop::Drop>::drop @ {file}");
    let owner = format!("app::run @ {file}");
    let glue = "core::ptr::drop_in_place<app::Guard> @ /rustc/ab/library/core/src/ptr/mod.rs:9".to_owned();
    let inlined_drop = format!("{drop} | {glue} | {owner}");
    let tls =
        "std::sys::thread_local::abort_on_dtor_unwind @ /rustc/ab/library/std/src/sys/thread_local/mod.rs:1";
    let packet = [
        "catch_unwind @ /rustc/ab/library/std/src/panicking.rs:1",
        "<std::thread::Packet<T> as core::ops::drop::Drop>::drop @ /rustc/ab/library/std/src/thread/mod.rs:1",
    ]
    .join(" | ");
    let nested = RawFlag::Nested as u32;
    let alone = RawFlag::NothingElseUnwinds as u32;
    let filter = EhAction::Filter;
    type Row<'a> = (&'a [&'a str], Option<(u32, EhAction)>, u32, Option<AbortReason>);
    #[rustfmt::skip]
    let rows: &[Row<'_>] = &[
        (&["app::f", &boundary], Some((1, filter)), alone, Some(AbortReason::NounwindBoundary)),
        (&["app::f", &boundary], Some((1, EhAction::Terminate)), alone, Some(AbortReason::NounwindBoundary)),
        (&["", ""], Some((1, filter)), alone, Some(AbortReason::NounwindBoundary)),
        // Something else may be unwinding: whether it is a destructor is told by names, if at all.
        (&["", ""], Some((1, filter)), 0, None),
        (&["app::f", "app::c_callback"], Some((1, filter)), 0, None),
        (&[&boundary, &boundary], Some((1, filter)), 0, Some(AbortReason::NounwindBoundary)),
        (&[&drop, &glue, &owner], Some((2, filter)), 0, None),
        (&["app::f"], None, RawFlag::CannotUnwind as u32 | nested, Some(AbortReason::NounwindBoundary)),
        (&["app::f"], None, RawFlag::InCleanup as u32 | nested, Some(AbortReason::DropDuringUnwind)),
        (&[&drop, &glue, &owner], Some((2, filter)), nested, Some(AbortReason::DropDuringUnwind)),
        (&[&inlined_drop], Some((0, filter)), nested, Some(AbortReason::DropDuringUnwind)),
        (&["app::f", &boundary, &drop], Some((1, filter)), nested, Some(AbortReason::NounwindBoundary)),
        (&["", ""], Some((1, filter)), nested, None),
        (&["app::f", "start"], None, 0, Some(AbortReason::NoHandler)),
        (&["app::f", tls, "app::main"], Some((2, EhAction::Catch)), 0, Some(AbortReason::TlsDestructor)),
        (&["app::f", &packet], Some((1, EhAction::Catch)), 0, Some(AbortReason::ThreadResultDrop)),
    ];
    for (frames, stopper, flags, why) in rows {
        let walk = walk(frames.len() as u32, *stopper);
        let stack = stack(frames, 0);
        // Where names are asked, tables say nothing of the end of the stack.
        let by_end = stopper.is_none() && *flags == 0;
        let predicted = if by_end {
            by_tables(&walk, &stack, 0)
        } else {
            predict(&walk, &stack, Strategy::Unwind, *flags)
        };
        assert_eq!(predicted.prediction.abort_reason, *why, "{frames:?}");
        let outcome = settle(&predicted);
        assert_eq!((outcome.fate, outcome.uncaught), (Fate::Aborted, Some(true)), "{frames:?}");
        assert_eq!((outcome.silent, outcome.swallowed), (Some(false), Some(false)));
        assert!(outcome.reason.is_some());
    }
}

#[test]
fn under_panic_abort_the_answer_is_always_abort() {
    let walk = walk(2, Some((1, EhAction::Catch)));
    let predicted = predict(&walk, &stack(&["app::f", "app::main"], 0), Strategy::Abort, 0);
    assert_eq!(predicted.prediction.abort_reason, Some(AbortReason::StrategyAbort));
}

#[test]
fn a_walk_that_did_not_end_gives_its_reason() {
    for (end, source, why) in [
        (WalkEnd::NotWalked, WalkSource::None, reason::NOT_WALKED),
        (WalkEnd::TooDeep, WalkSource::Tables, reason::TOO_DEEP),
        (WalkEnd::Broken, WalkSource::Tables, reason::BROKEN_WALK),
        (WalkEnd::UnknownImage, WalkSource::Tables, reason::UNKNOWN_IMAGE),
        (WalkEnd::Bottom, WalkSource::System, reason::TABLES_NOT_READ),
    ] {
        let mut walk = walk(1, None);
        walk.end = end as u8;
        walk.source = source as u8;
        let outcome = settle(&by_tables(&walk, &stack(&["app::f"], 0), 0));
        assert_eq!((outcome.fate, outcome.reason.as_deref()), (Fate::Unknown, Some(why)));
        assert_eq!((outcome.uncaught, outcome.silent, outcome.swallowed), (None, None, None));
    }
}

#[test]
fn an_unreadable_table_before_the_stopper_makes_it_unknown() {
    let mut walk = walk(3, Some((2, EhAction::Catch)));
    walk.actions[1] = EhAction::Unknown as u8;
    let stack = crate::symbolize::test_stacks::stack_with_actions(&["a::b", "a::c", "a::d"], &walk.actions);
    let predicted = predict(&walk, &stack, Strategy::Unwind, 0);
    assert_eq!(predicted.prediction.reason.as_deref(), Some(reason::UNREADABLE_TABLE));
}

#[test]
fn the_owner_of_a_catch_beyond_the_recorded_frames_is_named() {
    let inner = file(STD, "std::panicking::catch_unwind", "panicking.rs");
    let call = format!("{inner} | {}", file(STD, "std::panic::catch_unwind", "panic.rs"));
    let names = ["__rust_try", &call, "app::run @ /home/u/app/src/main.rs:40"];
    let handler = |landing: &[&str]| {
        let walk = walk(2, Some((150, EhAction::Catch)));
        let stack = stack_with_landing(&["app::f @ /home/u/app/src/main.rs:5", "app::f"], 150, landing);
        predict(&walk, &stack, Strategy::Unwind, 0).prediction.handler.unwrap()
    };
    let named = handler(&names);
    assert_eq!((named.kind, named.function.as_deref()), (HandlerKind::User, Some("app::run")));
    assert_eq!(named.line, Some(40));
    // Its twin: the call itself is not known.
    assert_eq!(handler(&names[..1]).kind, HandlerKind::Unknown);
}

#[test]
fn a_stopper_beyond_the_recorded_frames_keeps_its_number() {
    let mut walk = walk(2, Some((150, EhAction::Catch)));
    walk.at_thread_start = ThreadStart::CallsCatch as u8;
    walk.outermost_catch = 150;
    let predicted = predict(&walk, &stack(&["", ""], 1), Strategy::Unwind, 0);
    assert_eq!(predicted.prediction.frame, Some(149));
    assert_eq!(walk.outermost_catch, walk.stopper);
}
