//! What clippy is asked to name, and what its names and types mean.
//!
//! Runs on: the main thread, and those that read files. Must not: take a type for a handle because it is called so.

use std::fmt::Write as _;

use crate::scan::kind::{Core, Kind, Runner, Wrap};
use crate::scan::known;

/// Methods by the type that they are called on; `known` says what they make.
const METHODS: &[(&str, &[&str])] = &[
    ("std::thread::JoinHandle", &["join"]),
    ("std::thread::ScopedJoinHandle", &["join"]),
    ("std::thread::Builder", &["spawn", "spawn_unchecked", "spawn_scoped"]),
    ("std::thread::Scope", &["spawn"]),
    (
        "tokio::task::JoinSet",
        &[
            "spawn",
            "spawn_on",
            "spawn_local",
            "spawn_local_on",
            "spawn_blocking",
            "spawn_blocking_on",
            "join_next",
            "join_next_with_id",
            "try_join_next",
            "try_join_next_with_id",
        ],
    ),
    ("tokio::task::LocalSet", &["spawn_local"]),
    ("tokio::runtime::Runtime", &["spawn", "spawn_blocking"]),
    ("tokio::runtime::Handle", &["spawn", "spawn_blocking"]),
    (
        "tokio_util::task::TaskTracker",
        &["spawn", "spawn_on", "spawn_local", "spawn_local_on", "spawn_blocking", "spawn_blocking_on"],
    ),
    ("rayon::ThreadPool", &["spawn", "spawn_fifo"]),
    ("rayon::Scope", &["spawn", "spawn_broadcast"]),
    ("rayon::ScopeFifo", &["spawn_fifo", "spawn_broadcast"]),
    ("threadpool::ThreadPool", &["execute"]),
    ("smol::Executor", &["spawn"]),
    ("async_executor::Executor", &["spawn"]),
    ("async_executor::LocalExecutor", &["spawn"]),
    ("crossbeam::thread::ScopedJoinHandle", &["join"]),
    ("crossbeam_utils::thread::ScopedJoinHandle", &["join"]),
    ("crossbeam::thread::Scope", &["spawn"]),
    ("crossbeam_utils::thread::Scope", &["spawn"]),
];

/// The method of a trait that catches what a future panics with.
const FUTURE_CATCH: [&str; 3] = [
    "futures::future::FutureExt::catch_unwind",
    "futures_util::future::FutureExt::catch_unwind",
    "futures_lite::future::FutureExt::catch_unwind",
];

/// What holds one value, or several of a kind.
const AROUND: [&str; 4] =
    ["std::option::Option", "std::vec::Vec", "std::boxed::Box", "std::collections::VecDeque"];

/// Settings of clippy. A path that a program does not have is no error.
pub(super) fn settings() -> String {
    let mut text = "# Written by `panic-agent scan --clippy`.\ncognitive-complexity-threshold = 0\ndisallowed-methods = [\n".to_owned();
    let methods =
        METHODS.iter().flat_map(|(of, names)| names.iter().map(move |name| format!("{of}::{name}")));
    let functions = known::paths().map(str::to_owned);
    for path in functions.chain(methods).chain(FUTURE_CATCH.map(str::to_owned)) {
        let _never_fails = writeln!(text, "    \"{path}\",");
    }
    text + "]\n"
}

/// What the method of this path is called on.
pub(in crate::scan) fn receiver(path: &str) -> Option<Kind> {
    known::type_named(path.rsplit_once("::")?.0)
}

pub(in crate::scan) fn is_future_catch(path: &str) -> bool {
    FUTURE_CATCH.contains(&path)
}

/// Whose handle a type is, as the compiler prints it.
pub(super) fn handle(of: &str) -> Option<Runner> {
    let (outer, inner) = of.split_once('<').unwrap_or((of, ""));
    match known::type_named(outer.trim_start_matches('&')) {
        Some(Kind { core: Core::Handle(runner), wrap: Wrap::Bare }) => Some(runner),
        None if AROUND.contains(&outer) => handle(inner),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_that_is_asked_for_is_known() {
        for (of, names) in METHODS {
            let kind = known::type_named(of).unwrap_or_else(|| panic!("{of}"));
            for name in *names {
                match kind.core {
                    Core::Object(object) => assert!(known::method(object, name).is_some(), "{of}::{name}"),
                    other => assert!(matches!(other, Core::Handle(_)) && *name == "join", "{of}::{name}"),
                }
                assert_eq!(receiver(&format!("{of}::{name}")), Some(kind));
            }
        }
        assert_eq!(receiver("app::Pool::join"), None);
        assert!(settings().contains("    \"std::thread::spawn\",\n"), "{}", settings());
    }

    #[test]
    fn handles_are_known_by_their_whole_type() {
        assert_eq!(handle("std::thread::JoinHandle<()>"), Some(Runner::Thread));
        assert_eq!(handle("std::option::Option<std::thread::JoinHandle<u8>>"), Some(Runner::Thread));
        assert_eq!(handle("std::thread::ScopedJoinHandle<'_, ()>"), Some(Runner::Scoped));
        assert_eq!(handle("tokio::task::JoinHandle<std::result::Result<(), E>>"), Some(Runner::Tokio));
        for other in
            ["app::JoinHandle<()>", "u8", "std::option::Option<u8>", "", "(std::thread::JoinHandle<()>,)"]
        {
            assert_eq!(handle(other), None, "{other}");
        }
    }
}
