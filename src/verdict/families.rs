//! Sorts functions by what they can have to do with a catch or with a payload, by their names alone.
//!
//! A name proves that the function runs. It proves nothing about what was inlined into it.
//!
//! Runs on: the writer thread. Must not: do I/O.

use crate::record::NamedFrame;
use crate::symbolize::Logical;

/// What kind of function it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// tokio's own around a task, which is where its catches are. Reached through a table of function pointers.
    TaskHarness,
    /// Any other of tokio.
    Tokio,
    /// rayon. `join` runs one side by a plain call, so its catch can be inlined into its caller.
    Rayon,
    /// Another runtime that catches panics of tasks.
    OtherRuntime,
    /// libtest.
    LibTest,
    /// The roots of threads and of `main`, and what std calls them through.
    ThreadRoot,
    /// A `catch_unwind` of std that was not inlined: the call is what counts.
    CatchMachinery,
    /// Destructors and what calls them.
    Glue,
    /// Any other function of std, core or alloc; generic ones hold the closures of whoever called.
    Std,
    /// The agent itself.
    Agent,
    /// C, or what the linker made.
    NoPath,
    /// A crate that is none of these.
    Program,
}

/// The family of a function.
pub(super) fn family(frame: &Logical) -> Family {
    if frame.is_catch_machinery() {
        return Family::CatchMachinery;
    }
    of_path(&frame.plain)
}

/// The same by its path.
pub(super) fn of_path(plain: &str) -> Family {
    let within = |prefixes: &[&str]| prefixes.iter().any(|prefix| plain.starts_with(prefix));
    if within(&["tokio::runtime::task::harness::", "tokio::runtime::task::raw::"]) {
        Family::TaskHarness
    } else if within(&["tokio::"]) {
        Family::Tokio
    } else if within(&["rayon_core::", "rayon::"]) {
        Family::Rayon
    } else if within(&OTHER_RUNTIMES) {
        Family::OtherRuntime
    } else if within(&["test::"]) {
        Family::LibTest
    } else if within(&["std::thread::local::"]) {
        Family::Std
    } else if within(&ROOTS) {
        Family::ThreadRoot
    } else if is_glue(plain) {
        Family::Glue
    } else if within(&["std::", "core::", "alloc::"]) || plain.starts_with("__rust") {
        Family::Std
    } else if within(&["panic_agent::"]) {
        Family::Agent
    } else if plain.contains("::") {
        Family::Program
    } else {
        Family::NoPath
    }
}

/// Whether a function belongs to a runtime that keeps the payload of a dead task in a cell of its own: what is dropped there
/// was never handed to the program.
pub(super) fn is_runtime(plain: &str) -> bool {
    matches!(of_path(plain), Family::TaskHarness | Family::Tokio | Family::Rayon | Family::OtherRuntime)
}

/// Runtimes other than tokio and rayon that keep the payload of a dead task in a cell of their own.
const OTHER_RUNTIMES: [&str; 5] = ["async_task::", "async_executor::", "async_std::", "smol::", "actix_rt::"];

/// std calls the root of a thread through a `Box<dyn FnOnce>`, so its closure may be named after that.
const ROOTS: [&str; 5] = [
    "std::thread::",
    "std::rt::",
    "std::sys::thread::",
    "std::sys::pal::unix::thread::",
    "core::ops::function::FnOnce::call_once",
];

fn is_glue(plain: &str) -> bool {
    plain.starts_with("core::ptr::drop_in_place")
        || plain.starts_with("core::ptr::drop_glue")
        || (plain.starts_with("alloc::") && (plain.ends_with("::drop_slow") || plain.ends_with("::drop")))
}

/// Functions in which tokio ends the output of a task that nobody takes: whatever is dropped there was in the
/// task's cell. They call no code of the program but destructors, so what was inlined into them does not matter.
pub(super) fn ends_output(frame: &NamedFrame) -> bool {
    const KEEPERS: [&str; 10] = [
        "tokio::runtime::task::core::Core::set_stage",
        "tokio::runtime::task::core::Core::store_output",
        "tokio::runtime::task::core::Core::drop_future_or_output",
        "tokio::runtime::task::harness::Harness::complete",
        "tokio::runtime::task::harness::Harness::dealloc",
        "tokio::runtime::task::harness::Harness::drop_reference",
        "tokio::runtime::task::harness::Harness::drop_join_handle_slow",
        "tokio::runtime::task::raw::drop_join_handle_slow",
        "tokio::runtime::task::raw::dealloc",
        "tokio::runtime::task::harness::Harness::drop_join_handle",
    ];
    const CELLS: [&str; 4] = [
        "tokio::runtime::task::core::Stage<",
        "tokio::runtime::task::core::Cell<",
        "tokio::runtime::task::core::Core<",
        "tokio::runtime::task::core::CoreStage<",
    ];
    let is_keeper = KEEPERS.iter().any(|keeper| {
        frame.path.strip_prefix(keeper).is_some_and(|rest| rest.is_empty() || rest.starts_with("::{closure"))
    });
    let of_cell = || {
        let name = frame.function.as_deref().unwrap_or_default();
        let value = name.split_once('<').map_or("", |(_, value)| value);
        CELLS.iter().any(|cell| value.starts_with(cell))
    };
    is_keeper || (of_path(&frame.path) == Family::Glue && of_cell())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_sorted_by_their_paths() {
        for (path, expected) in [
            ("tokio::runtime::task::harness::Harness::poll", Family::TaskHarness),
            ("tokio::runtime::task::raw::poll", Family::TaskHarness),
            ("tokio::runtime::task::core::Core::poll", Family::Tokio),
            ("rayon_core::job::StackJob::execute", Family::Rayon),
            ("async_task::raw::RawTask::run", Family::OtherRuntime),
            ("test::run_test::{closure}", Family::LibTest),
            ("std::thread::local::LocalKey::with", Family::Std),
            ("std::thread::lifecycle::spawn_unchecked::{closure}", Family::ThreadRoot),
            ("core::ops::function::FnOnce::call_once{vtable.shim}", Family::ThreadRoot),
            ("std::sys::backtrace::__rust_begin_short_backtrace", Family::Std),
            ("core::ptr::drop_in_place", Family::Glue),
            ("alloc::sync::Arc::drop_slow", Family::Glue),
            ("panic_agent::wrap::catch::guard", Family::Agent),
            ("start_thread", Family::NoPath),
            ("", Family::NoPath),
            ("app::run", Family::Program),
            ("futures_util::future::catch_unwind::CatchUnwind::poll", Family::Program),
        ] {
            assert_eq!(of_path(path), expected, "{path}");
        }
    }

    #[test]
    fn a_cell_is_known_by_its_functions_and_by_the_type_that_glue_drops() {
        let frame = |path: &str, function: &str| NamedFrame {
            path: path.to_owned(),
            function: Some(function.to_owned()),
            ..NamedFrame::default()
        };
        let path = "tokio::runtime::task::core::Core::set_stage";
        assert!(ends_output(&frame(path, "tokio::runtime::task::core::Core<T,S>::set_stage")));
        let glue = "core::ptr::drop_in_place<tokio::runtime::task::core::Stage<app::f::{{closure}}>>";
        assert!(ends_output(&frame("core::ptr::drop_in_place", glue)));
        let other = "core::ptr::drop_in_place<app::Kept<tokio::runtime::task::core::Stage<u8>>>";
        assert!(!ends_output(&frame("core::ptr::drop_in_place", other)));
        let poll = "tokio::runtime::task::core::Core::poll";
        assert!(!ends_output(&frame(poll, "tokio::runtime::task::core::Core<T,S>::poll")));
    }
}
