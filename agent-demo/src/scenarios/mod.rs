//! The programs, one file per theme, and the words their expectations are written in.
//!
//! Runs on: the main thread of a process that runs one scenario and ends. Must not: sleep; threads that
//! have to meet do so at a [`Gate`](gate::Gate).

mod gate;

mod aborting;
#[cfg(feature = "allocator")]
mod allocator;
mod catching;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code)] // a function in `.init_array`
mod constructor;
#[cfg(feature = "cpp")]
#[allow(unsafe_code)] // C++ functions
mod cpp;
mod destructors;
mod ending;
mod failures;
#[cfg(unix)]
#[allow(unsafe_code)] // C functions and foreign threads
mod foreign;
#[cfg(feature = "libraries")]
mod futures;
mod hooks;
mod initializers;
mod inlined;
#[cfg(feature = "libraries")]
mod inlined_tasks;
mod locks;
mod payloads;
#[cfg(feature = "libraries")]
mod rayon_jobs;
mod scoped;
mod stacks;
#[cfg(unix)]
#[allow(unsafe_code)] // fork, `_exit`, `pthread_exit`
mod system;
mod threads;
#[cfg(feature = "libraries")]
mod tokio_cancel;
#[cfg(feature = "libraries")]
mod tokio_places;
#[cfg(feature = "libraries")]
mod tokio_tasks;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use panic_agent::record::{AbortReason, HandlerKind};

#[cfg(feature = "allocator")]
pub use self::allocator::PanickingAllocator;
use crate::expect::CANNOT_UNWIND;
use crate::{ExpectedPanic, Message, Outcome, Scenario, ThreadName, Verdict};

/// Scenarios that belong together.
pub(crate) struct Theme {
    pub(crate) name: &'static str,
    pub(crate) scenarios: &'static [Scenario],
}

const fn theme(name: &'static str, scenarios: &'static [Scenario]) -> Theme {
    Theme { name, scenarios }
}

/// All of them, from the everyday to the exotic.
pub(crate) const THEMES: &[Theme] = &[
    theme("catching", catching::SCENARIOS),
    theme("threads", threads::SCENARIOS),
    theme("scoped threads", scoped::SCENARIOS),
    theme("inlined threads", inlined::SCENARIOS),
    theme("locks", locks::SCENARIOS),
    theme("initializers", initializers::SCENARIOS),
    theme("destructors", destructors::SCENARIOS),
    theme("aborting", aborting::SCENARIOS),
    theme("end of the process", ending::SCENARIOS),
    #[cfg(unix)]
    theme("system calls", system::SCENARIOS),
    theme("hooks", hooks::SCENARIOS),
    theme("payloads", payloads::SCENARIOS),
    theme("failures of std", failures::SCENARIOS),
    theme("stacks", stacks::SCENARIOS),
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    theme("before main", constructor::SCENARIOS),
    #[cfg(unix)]
    theme("foreign code", foreign::SCENARIOS),
    #[cfg(feature = "cpp")]
    theme("C++", cpp::SCENARIOS),
    #[cfg(feature = "libraries")]
    theme("tokio tasks", tokio_tasks::SCENARIOS),
    #[cfg(feature = "libraries")]
    theme("tokio places", tokio_places::SCENARIOS),
    #[cfg(feature = "libraries")]
    theme("tokio cancellation", tokio_cancel::SCENARIOS),
    #[cfg(feature = "libraries")]
    theme("inlined tasks", inlined_tasks::SCENARIOS),
    #[cfg(feature = "libraries")]
    theme("rayon", rayon_jobs::SCENARIOS),
    #[cfg(feature = "libraries")]
    theme("futures", futures::SCENARIOS),
    #[cfg(feature = "allocator")]
    theme("allocator", allocator::SCENARIOS),
];

const MAIN: ThreadName = ThreadName::Named("main");

const USER: &[Outcome] = &[Outcome::caught_by(HandlerKind::User)];
const THREAD_ROOT: &[Outcome] = &[Outcome::caught_by(HandlerKind::ThreadRoot)];
const MAIN_ROOT: &[Outcome] = &[Outcome::caught_by(HandlerKind::MainRoot)];
const NOUNWIND: &[Outcome] = &[Outcome::aborted(AbortReason::NounwindBoundary)];
const IN_DROP: &[Outcome] = &[Outcome::aborted(AbortReason::DropDuringUnwind)];
#[cfg(unix)]
const NO_HANDLER: &[Outcome] = &[Outcome::aborted(AbortReason::NoHandler)];

/// What std says when a destructor panics during unwinding.
const IN_CLEANUP: &str = "panic in a destructor during cleanup";

/// With `panic = "abort"` std stops most foreign unwindings at its boundaries, with a hook call.
#[cfg(feature = "cpp")]
const FOREIGN_ON_MAIN: &[ExpectedPanic] = &[panic(CANNOT_UNWIND, MAIN, NOUNWIND)];
#[cfg(all(unix, not(target_env = "musl")))]
const FOREIGN_ON_THREAD: &[ExpectedPanic] = &[panic(CANNOT_UNWIND, ThreadName::Unnamed, NOUNWIND)];

/// One panic whose message contains this text.
const fn panic(text: &'static str, thread: ThreadName, outcomes: &'static [Outcome]) -> ExpectedPanic {
    panics(1, Message::Contains(text), thread, outcomes)
}

/// Several alike.
const fn panics(
    count: usize,
    message: Message,
    thread: ThreadName,
    outcomes: &'static [Outcome],
) -> ExpectedPanic {
    ExpectedPanic { message, thread, outcomes, count, verdict: Verdict::of(outcomes[0]) }
}

/// Runs a function and returns the payload of its panic.
fn catch(run: impl FnOnce()) -> Option<Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(run)).err()
}

/// Panics when dropped, in or out of an unwinding.
struct Bomb(&'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("{}", self.0);
    }
}
