//! Functions and types of std and of libraries that people spawn, join and catch with, by their full paths.
//!
//! Runs on: the threads that read files. Must not: guess; that is for those who ask.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::kind::{Kind, Object, Origin, Runner, Wrap};

/// What calling a function does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Does {
    /// Something begins to run.
    Spawn(Runner),
    /// The same, without a handle: a panic of it ends the process.
    SpawnRayon,
    /// A panic of the argument is stopped.
    Catch,
    /// The same, by a wrapper of panic-agent.
    CatchAgent,
    SetHook,
    TakeHook,
    Exit,
    /// The value is gone.
    Drop,
    Forget,
    /// The closure is given such an object.
    Scope(Object),
    /// The same, and an outcome is returned.
    ScopeOutcome,
    /// An object is made.
    New(Object),
    /// A runtime of tokio or its handle, if there is one.
    TryTokio,
    /// All are awaited, and a collection of outcomes is returned.
    JoinAll,
    /// The panic goes on.
    Resume,
}

impl Does {
    /// What a call of it returns.
    pub(super) fn returns(self) -> Option<Kind> {
        match self {
            Self::Spawn(runner) => Some(Kind::handle(runner)),
            Self::Catch | Self::CatchAgent => Some(Kind::outcome(Origin::Catch)),
            Self::ScopeOutcome => Some(Kind::outcome(Origin::Join)),
            Self::TakeHook => Some(Kind::bare(super::kind::Core::Hook)),
            Self::New(object) => Some(Kind::object(object)),
            Self::TryTokio => Some(Kind::object(Object::Tokio).wrapped(Wrap::Result)),
            _ => None,
        }
    }
}

const FUNCTIONS: &[(&str, Does)] = &[
    ("std::thread::spawn", Does::Spawn(Runner::Thread)),
    ("std::thread::scope", Does::Scope(Object::Scope)),
    ("std::thread::Builder::new", Does::New(Object::Builder)),
    ("std::panic::catch_unwind", Does::Catch),
    ("std::panic::set_hook", Does::SetHook),
    ("std::panic::take_hook", Does::TakeHook),
    ("std::panic::resume_unwind", Does::Resume),
    ("std::process::exit", Does::Exit),
    ("std::process::Command::new", Does::New(Object::Command)),
    ("std::mem::drop", Does::Drop),
    ("std::mem::forget", Does::Forget),
    ("drop", Does::Drop),
    ("tokio::spawn", Does::Spawn(Runner::Tokio)),
    ("tokio::task::spawn", Does::Spawn(Runner::Tokio)),
    ("tokio::task::spawn_local", Does::Spawn(Runner::Tokio)),
    ("tokio::task::spawn_blocking", Does::Spawn(Runner::Blocking)),
    ("tokio::task::JoinSet::new", Does::New(Object::JoinSet)),
    ("tokio::task::Builder::new", Does::New(Object::Tokio)),
    ("tokio::task::LocalSet::new", Does::New(Object::Tokio)),
    ("tokio::runtime::Handle::current", Does::New(Object::Tokio)),
    ("tokio::runtime::Handle::try_current", Does::TryTokio),
    ("tokio_util::task::TaskTracker::new", Does::New(Object::Tracker)),
    ("tokio_util::task::JoinMap::new", Does::New(Object::JoinSet)),
    ("async_std::task::spawn", Does::Spawn(Runner::AsyncStd)),
    ("async_std::task::spawn_local", Does::Spawn(Runner::AsyncStd)),
    ("async_std::task::spawn_blocking", Does::Spawn(Runner::AsyncStd)),
    ("smol::spawn", Does::Spawn(Runner::Smol)),
    ("smol::unblock", Does::Spawn(Runner::Smol)),
    ("async_global_executor::spawn", Does::Spawn(Runner::Smol)),
    ("blocking::unblock", Does::Spawn(Runner::Smol)),
    ("smol::Executor::new", Does::New(Object::Executor)),
    ("async_executor::Executor::new", Does::New(Object::Executor)),
    ("async_executor::LocalExecutor::new", Does::New(Object::Executor)),
    ("actix_rt::spawn", Does::Spawn(Runner::Tokio)),
    ("rayon::spawn", Does::SpawnRayon),
    ("rayon::spawn_fifo", Does::SpawnRayon),
    ("rayon::scope", Does::Scope(Object::OtherScope)),
    ("rayon::scope_fifo", Does::Scope(Object::OtherScope)),
    ("rayon::in_place_scope", Does::Scope(Object::OtherScope)),
    ("rayon::ThreadPoolBuilder::new", Does::New(Object::RayonPoolBuilder)),
    ("threadpool::Builder::new", Does::New(Object::ThreadPoolBuilder)),
    ("threadpool::ThreadPool::new", Does::New(Object::ThreadPool)),
    ("threadpool::ThreadPool::with_name", Does::New(Object::ThreadPool)),
    ("crossbeam::scope", Does::ScopeOutcome),
    ("crossbeam::thread::scope", Does::ScopeOutcome),
    ("crossbeam_utils::thread::scope", Does::ScopeOutcome),
    ("futures::future::join_all", Does::JoinAll),
    ("panic_agent::catch", Does::CatchAgent),
    ("panic_agent::catch_silent", Does::CatchAgent),
    ("panic_agent::ffi::catch", Does::CatchAgent),
    ("panic_agent::spawn", Does::Spawn(Runner::Agent)),
    ("panic_agent::tokio::spawn", Does::Spawn(Runner::Agent)),
    ("panic_agent::tokio::spawn_local", Does::Spawn(Runner::Agent)),
    ("panic_agent::tokio::spawn_blocking", Does::Spawn(Runner::Agent)),
    ("panic_agent::Builder::new", Does::New(Object::Agent)),
    ("panic_agent::tokio::JoinSet::new", Does::New(Object::Agent)),
    ("panic_agent::TaskGroup::new", Does::New(Object::Agent)),
    ("panic_agent::TaskGroup::keep_going", Does::New(Object::Agent)),
    ("panic_agent::tokio::TaskGroup::new", Does::New(Object::Agent)),
];

const TYPES: &[(&str, Kind)] = &[
    ("std::thread::JoinHandle", Kind::handle(Runner::Thread)),
    ("std::thread::ScopedJoinHandle", Kind::handle(Runner::Scoped)),
    ("std::thread::Result", Kind::outcome(Origin::Join)),
    ("std::thread::Scope", Kind::object(Object::Scope)),
    ("std::thread::Builder", Kind::object(Object::Builder)),
    ("std::process::Command", Kind::object(Object::Command)),
    ("tokio::task::JoinHandle", Kind::handle(Runner::Tokio)),
    ("tokio::task::JoinSet", Kind::object(Object::JoinSet)),
    ("tokio::task::LocalSet", Kind::object(Object::Tokio)),
    ("tokio::runtime::Runtime", Kind::object(Object::Tokio)),
    ("tokio::runtime::Handle", Kind::object(Object::Tokio)),
    ("tokio_util::task::TaskTracker", Kind::object(Object::Tracker)),
    ("tokio_util::task::JoinMap", Kind::object(Object::JoinSet)),
    ("async_std::task::JoinHandle", Kind::handle(Runner::AsyncStd)),
    ("smol::Task", Kind::handle(Runner::Smol)),
    ("async_task::Task", Kind::handle(Runner::Smol)),
    ("async_executor::Task", Kind::handle(Runner::Smol)),
    ("smol::Executor", Kind::object(Object::Executor)),
    ("async_executor::Executor", Kind::object(Object::Executor)),
    ("async_executor::LocalExecutor", Kind::object(Object::Executor)),
    ("actix_rt::Arbiter", Kind::object(Object::Other)),
    ("actix_rt::ArbiterHandle", Kind::object(Object::Other)),
    ("rayon::ThreadPool", Kind::object(Object::RayonPool)),
    ("rayon::ThreadPoolBuilder", Kind::object(Object::RayonPoolBuilder)),
    ("rayon::Scope", Kind::object(Object::OtherScope)),
    ("rayon::ScopeFifo", Kind::object(Object::OtherScope)),
    ("threadpool::ThreadPool", Kind::object(Object::ThreadPool)),
    ("crossbeam::thread::ScopedJoinHandle", Kind::handle(Runner::Scoped)),
    ("crossbeam_utils::thread::ScopedJoinHandle", Kind::handle(Runner::Scoped)),
    ("threadpool::Builder", Kind::object(Object::ThreadPoolBuilder)),
    ("crossbeam::thread::Scope", Kind::object(Object::OtherScope)),
    ("crossbeam_utils::thread::Scope", Kind::object(Object::OtherScope)),
];

/// Types with several constructors: their last names.
const CONSTRUCTED: [&str; 4] = ["Runtime", "Builder", "JoinSet", "Arbiter"];

/// The last name of a path: most paths are known by it to be of no interest.
fn last(path: &str) -> &str {
    path.rsplit("::").next().unwrap_or(path)
}

/// Last names of the functions and types.
static NAMES: LazyLock<(HashSet<&str>, HashSet<&str>)> = LazyLock::new(|| {
    let functions = FUNCTIONS.iter().map(|(path, _)| last(path)).collect();
    (functions, TYPES.iter().map(|(path, _)| last(path)).collect())
});

/// What a function does.
pub(super) fn function(path: &str) -> Option<Does> {
    let is_constructor = || path.rsplit_once("::").is_some_and(|(of, _)| CONSTRUCTED.contains(&last(of)));
    if !NAMES.0.contains(last(path)) && !is_constructor() {
        return None;
    }
    let path = canonical(path);
    let known = FUNCTIONS.iter().find(|(name, _)| *name == path);
    known.map(|(_, does)| *does).or_else(|| {
        // Constructors of objects that have several.
        let (of, _) = path.rsplit_once("::")?;
        match of {
            "tokio::runtime::Runtime" => Some(Does::TryTokio),
            "tokio::runtime::Builder" => Some(Does::New(Object::Tokio)),
            "tokio::task::JoinSet" => Some(Does::New(Object::JoinSet)),
            // Its `spawn` says whether the arbiter lives.
            "actix_rt::Arbiter" => Some(Does::New(Object::Other)),
            _ => None,
        }
    })
}

/// Paths of all these functions.
pub(super) fn paths() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().map(|(path, _)| *path).filter(|path| path.contains("::"))
}

/// Whether a path is one of them.
pub(super) fn is_path(path: &str) -> bool {
    let path = canonical(path);
    paths().any(|known| known == path)
}

/// What a value of a type is.
pub(super) fn type_named(path: &str) -> Option<Kind> {
    if !NAMES.1.contains(last(path)) {
        return None;
    }
    let path = canonical(path);
    TYPES.iter().find(|(name, _)| *name == path).map(|(_, kind)| *kind)
}

/// One name for what has several.
fn canonical(path: &str) -> String {
    const PREFIXES: &[(&str, &str)] = &[
        ("core::", "std::"),
        ("alloc::", "std::"),
        ("rayon_core::", "rayon::"),
        ("futures_util::", "futures::"),
        ("futures_lite::future::", "futures::future::"),
        ("tokio::task::join_set::", "tokio::task::"),
        ("tokio_util::task::task_tracker::", "tokio_util::task::"),
        ("actix_web::rt::", "actix_rt::"),
        ("panic_agent::TaskGroup::", "panic_agent::TaskGroup::"),
    ];
    let found = PREFIXES.iter().find_map(|(from, to)| Some(format!("{to}{}", path.strip_prefix(from)?)));
    found.unwrap_or_else(|| path.to_owned())
}

/// What a method of an object makes, and whether it begins something.
pub(super) fn method(object: Object, name: &str) -> Option<(Kind, bool)> {
    let known = match (object, name) {
        (Object::Builder, "spawn" | "spawn_unchecked") => {
            (Kind::handle(Runner::Thread).wrapped(Wrap::Result), true)
        }
        (Object::Builder, "spawn_scoped") => (Kind::handle(Runner::Scoped).wrapped(Wrap::Result), true),
        (Object::Builder, "name" | "stack_size") => (Kind::object(Object::Builder), false),
        (Object::Scope, "spawn") => (Kind::handle(Runner::Scoped), true),
        (Object::OtherScope, "spawn" | "spawn_fifo" | "spawn_broadcast") => {
            (Kind::handle(Runner::Scoped), true)
        }
        (Object::JoinSet, "join_next" | "join_next_with_id") => {
            (Kind::outcome(Origin::Join).wrapped(Wrap::FutureOption), false)
        }
        (Object::JoinSet, "try_join_next" | "try_join_next_with_id") => {
            (Kind::outcome(Origin::Join).wrapped(Wrap::Option), false)
        }
        (Object::JoinSet, name) if name.starts_with("spawn") => (Kind::object(Object::Other), true),
        (Object::Tracker, "spawn_blocking") => (Kind::handle(Runner::Blocking), true),
        (Object::Tracker, name) if name.starts_with("spawn") => (Kind::handle(Runner::Tokio), true),
        (Object::Tokio, "spawn_blocking" | "spawn_blocking_on") => (Kind::handle(Runner::Blocking), true),
        (Object::Tokio, name) if name.starts_with("spawn") => (Kind::handle(Runner::Tokio), true),
        (Object::Tokio, "build") => (Kind::object(Object::Tokio).wrapped(Wrap::Result), false),
        (Object::Tokio, "name" | "enable_all" | "worker_threads" | "handle" | "clone") => {
            (Kind::object(Object::Tokio), false)
        }
        (Object::Tokio, name)
            if ["enable", "max_", "thread_", "on_", "event_"].iter().any(|begin| name.starts_with(begin)) =>
        {
            (Kind::object(Object::Tokio), false)
        }
        (Object::RayonPoolBuilder, "build") => (Kind::object(Object::RayonPool).wrapped(Wrap::Result), false),
        (Object::RayonPoolBuilder, _) => (Kind::object(Object::RayonPoolBuilder), false),
        (Object::RayonPool, "spawn" | "spawn_fifo") => (Kind::object(Object::Other), true),
        (Object::ThreadPoolBuilder, "build") => (Kind::object(Object::ThreadPool), false),
        (Object::ThreadPoolBuilder, _) => (Kind::object(Object::ThreadPoolBuilder), false),
        (Object::ThreadPool, "execute") => (Kind::object(Object::Other), true),
        (Object::Executor, "spawn") => (Kind::handle(Runner::Smol), true),
        // Of an arbiter of actix.
        (Object::Other, "join") => (Kind::outcome(Origin::Join), false),
        (Object::Command, _) => (Kind::object(Object::Command), false),
        (Object::Agent, name) if name.starts_with("spawn") => (Kind::handle(Runner::Agent), true),
        (Object::Agent, _) => (Kind::object(Object::Agent), false),
        _ => return None,
    };
    Some(known)
}
