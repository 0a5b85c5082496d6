//! Reads the named frames of a stack: whether it goes through libtest, into which test, and whether a thread that is
//! started there serves others, too.
//!
//! Runs on: the writer thread. Must not: take a function for a test without evidence.

use crate::record::{Inlining, NamedFrame};
use crate::symbolize::with_slashes;

/// libtest's function around each test. It is never inlined, and libtest itself is compiled beforehand.
const HARNESS: &str = "test::__rust_begin_short_backtrace";
/// The file that it stands in; with fat link-time optimisation its path may be lost.
const HARNESS_FILE: &str = "library/test/src/lib.rs";
/// The function of libtest that starts a thread for a test.
const RUNS_TEST: &str = "test::run_test";

/// What runs initializers once: a thread that is started inside serves whoever comes later.
const ONCE: [&str; 14] = [
    "std::sync::once::",
    "std::sync::poison::once::",
    "std::sys::sync::once::",
    "std::sync::once_lock::",
    "std::sync::lazy_lock::",
    "core::cell::once::OnceCell",
    "core::cell::lazy::LazyCell",
    "once_cell::",
    "lazy_static::",
    "parking_lot::once::",
    "spin::once::",
    "tokio::sync::once_cell::",
    "rayon_core::registry::global_registry",
    "rayon_core::registry::set_global_registry",
];

/// What grows pools of which a process has one.
const POOLS_OF_ALL: [&str; 1] = ["blocking::Executor::"];

/// A function of the program, as far as it names a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TestPath {
    pub(crate) krate: String,
    /// The path in the crate, as libtest prints it.
    pub(crate) name: String,
}

/// Where the harness stands on the stack: everything further in is the test's.
pub(crate) fn harness_at(frames: &[NamedFrame]) -> Option<usize> {
    frames.iter().rposition(is_harness)
}

/// Whether libtest starts the thread of a test here.
pub(crate) fn runs_test(frames: &[NamedFrame]) -> bool {
    any_starts_with(frames, RUNS_TEST)
}

/// Whether a frame of the program has no name, so that the stack may lead anywhere.
pub(crate) fn lacks_names(frames: &[NamedFrame]) -> bool {
    // What C does at the bottom may have none in a sound build, so one name of Rust's is enough.
    !frames.iter().any(|frame| frame.path.contains("::"))
}

/// The test whose function the harness at `at` calls. Where it is not known what was inlined in between, that may be the
/// test, and the next function one that it calls.
pub(crate) fn test_inside(frames: &[NamedFrame], at: usize) -> Option<TestPath> {
    let mut is_certain = true;
    for frame in frames.get(..at)?.iter().rev() {
        if let Some(path) = function(&frame.path) {
            return is_certain.then_some(path);
        }
        is_certain &= frame.inlining == Inlining::Known;
        if let Some(path) = mentioned(frame).into_iter().next() {
            return Some(path);
        }
        if !is_in_between(frame) {
            return None;
        }
    }
    None
}

/// The functions of the program that this frame belongs to or works for: its own, and those whose closures it was
/// made for.
pub(crate) fn functions(frame: &NamedFrame) -> Vec<TestPath> {
    let mut functions: Vec<TestPath> = function(&frame.path).into_iter().chain(mentioned(frame)).collect();
    functions.dedup();
    functions
}

/// Whether the thread that is started on this stack, inside of the harness, serves whoever comes later.
pub(crate) fn is_shared(frames: &[NamedFrame]) -> bool {
    ONCE.iter().chain(&POOLS_OF_ALL).any(|start| any_starts_with(frames, start))
}

/// Whether a runtime starts one of its threads on demand, which may serve others, too.
pub(crate) fn is_on_demand(frames: &[NamedFrame]) -> bool {
    any_starts_with(frames, "tokio::runtime::blocking::pool::") && !builds_runtime(frames)
}

/// Whether a runtime is built on this stack.
pub(crate) fn builds_runtime(frames: &[NamedFrame]) -> bool {
    any_starts_with(frames, "tokio::runtime::builder::")
}

fn any_starts_with(frames: &[NamedFrame], prefix: &str) -> bool {
    frames.iter().any(|frame| frame.path.starts_with(prefix))
}

fn is_harness(frame: &NamedFrame) -> bool {
    let of_file = || {
        frame.path.ends_with("__rust_begin_short_backtrace")
            && frame.file.as_deref().is_some_and(|file| with_slashes(file).ends_with(HARNESS_FILE))
    };
    frame.path == HARNESS || of_file()
}

/// What compilers put between the harness and the function of a test.
fn is_in_between(frame: &NamedFrame) -> bool {
    let path = frame.path.as_str();
    path.is_empty()
        || path.starts_with('{')
        || path.starts_with("fn(")
        || path.ends_with("call_once")
        || ["core::", "alloc::", "std::"].iter().any(|of_std| path.starts_with(of_std))
}

/// The function that a plain path names, without the closures in it.
fn function(path: &str) -> Option<TestPath> {
    let path = path.split_once("::{").map_or(path, |(function, _)| function);
    let plain = !path.contains(['<', '>', '(', ' ', '{', '[']);
    let (krate, name) = path.split_once("::").filter(|_| plain)?;
    let of_std = ["core", "alloc", "std", "test"].contains(&krate);
    (!of_std && !krate.is_empty() && !name.is_empty())
        .then(|| TestPath { krate: krate.to_owned(), name: name.to_owned() })
}

/// The functions whose closures stand in the generic arguments of a name.
fn mentioned(frame: &NamedFrame) -> Vec<TestPath> {
    let Some(name) = frame.function.as_deref() else { return Vec::new() };
    let of_path = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':';
    let path_before = |at: usize| name.get(..at)?.rsplit(|letter| !of_path(letter)).next();
    name.match_indices("::{").filter_map(|(at, _)| function(path_before(at)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(function: &str, file: Option<&str>) -> NamedFrame {
        NamedFrame {
            inlining: Inlining::Known,
            path: crate::symbolize::plain_path(function, file),
            function: Some(function.to_owned()),
            file: file.map(str::to_owned),
            ..NamedFrame::default()
        }
    }

    fn frames(names: &[&str]) -> Vec<NamedFrame> {
        names.iter().map(|name| frame(name, None)).collect()
    }

    fn path(krate: &str, name: &str) -> Option<TestPath> {
        Some(TestPath { krate: krate.to_owned(), name: name.to_owned() })
    }

    const BY_FILE: &str = "__rust_begin_short_backtrace<F>";
    const HARNESS_NAME: &str = "test::__rust_begin_short_backtrace::<core::result::Result<(), alloc::string::String>, \
                                fn() -> core::result::Result<(), alloc::string::String>>";
    const POINTER: &str = "<fn() -> core::result::Result<(), alloc::string::String> as \
                           core::ops::function::FnOnce<()>>::call_once";

    fn test_of(names: &[&str]) -> Option<TestPath> {
        let frames = frames(names);
        test_inside(&frames, harness_at(&frames).unwrap())
    }

    #[test]
    fn the_function_that_the_harness_calls_is_the_test() {
        let debug = [
            "h::tests::helper",
            "h::tests::own",
            "h::tests::own::{{closure}}",
            "core::ops::function::FnOnce::call_once",
            POINTER,
            HARNESS_NAME,
            "test::run_test_in_process::{closure#0}",
        ];
        assert_eq!(test_of(&debug), path("h", "tests::own"));
        let root = ["it::adds", "it::adds::{closure#0}", POINTER, HARNESS_NAME];
        assert_eq!(test_of(&root), path("it", "adds"));
    }

    #[test]
    fn an_inlined_test_is_known_by_the_closure_that_is_called() {
        let closure = "call_once<h::tests::own::{closure_env#0}, ()>";
        let release = ["bt", "own", "{closure#0}", closure, POINTER, HARNESS_NAME];
        assert_eq!(test_of(&release), path("h", "tests::own"));
    }

    #[test]
    fn a_test_without_a_name_is_none_and_its_callees_do_not_stand_in_for_it() {
        assert_eq!(test_of(&["own", POINTER, HARNESS_NAME]), None);
        assert_eq!(test_of(&[HARNESS_NAME]), None);
        assert_eq!(test_of(&["std::process::exit", POINTER, HARNESS_NAME]), None);
    }

    #[test]
    fn the_harness_is_libtests_function_and_not_stds_of_the_same_name() {
        let std = frames(&["h::tests::a::{{closure}}", "std::sys::backtrace::__rust_begin_short_backtrace"]);
        assert_eq!(harness_at(&std), None);
        let mut theirs = frames(&["mine::test::__rust_begin_short_backtrace"]);
        assert_eq!(harness_at(&theirs), None);
        theirs.push(frame(BY_FILE, Some("/rustc/ab/library/test/src/lib.rs")));
        assert_eq!(harness_at(&theirs), Some(1));
        let windows = Some(r"/rustc/ab/library\test\src\lib.rs");
        assert_eq!(harness_at(&[frame(BY_FILE, windows)]), Some(0));
        theirs.push(frame(BY_FILE, Some("/rustc/ab/library/std/src/sys/backtrace.rs")));
        assert_eq!(harness_at(&theirs), Some(1));
    }

    #[test]
    fn a_frame_belongs_to_its_function_and_to_those_whose_closures_it_runs() {
        let own = frame("h::tests::a::{{closure}}::{{closure}}", None);
        assert_eq!(functions(&own), [path("h", "tests::a").unwrap()]);
        let job = frame("execute<rayon_core::job::StackJob<L, h::tests::b::{closure_env#1}, ()>>", None);
        assert_eq!(functions(&job), [path("h", "tests::b").unwrap()]);
        let two = frame("f<&h::x::{async_block_env#0}, (h::y::{closure_env#0},)>", None);
        assert_eq!(functions(&two), [path("h", "x").unwrap(), path("h", "y").unwrap()]);
        assert_eq!(functions(&frame("std::thread::spawn::{{closure}}", None)), []);
        assert_eq!(functions(&frame("<ü::{closure", None)), [], "what is no path is none");
    }

    #[test]
    fn a_thread_that_is_started_in_an_initializer_is_shared_and_one_of_an_own_pool_is_not() {
        let shared = |inside: &[&str]| {
            is_shared(&frames(&[&["std::thread::Builder::spawn"], inside, &["h::tests::a"]].concat()))
        };
        let pool = "rayon_core::registry::Registry::new";
        assert!(shared(&[pool, "std::sys::sync::once::futex::Once::call"]));
        assert!(shared(&["blocking::Executor::grow_pool", "blocking::unblock"]));
        assert!(!shared(&[pool]));
    }

    #[test]
    fn a_blocking_thread_is_on_demand_unless_its_runtime_is_just_being_built() {
        let spawner = "tokio::runtime::blocking::pool::Spawner::spawn_thread";
        let worker = [spawner, "tokio::runtime::builder::Builder::build", "h::tests::a"];
        assert!(!is_on_demand(&frames(&worker)) && builds_runtime(&frames(&worker)));
        let blocking = [spawner, "h::tests::a"];
        assert!(is_on_demand(&frames(&blocking)) && !builds_runtime(&frames(&blocking)));
    }

    #[test]
    fn names_are_lacking_only_where_no_frame_of_rust_has_one() {
        assert!(lacks_names(&frames(&["", "start_thread", "clone3"])));
        assert!(!lacks_names(&frames(&["", "std::sys::thread::Thread::new::thread_start", "clone3"])));
    }
}
