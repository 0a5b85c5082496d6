//! A runtime panic instrumentation agent: one line in `main`, and every panic of the process is recorded
//! with its thread, its symbolized frames, its labels and where its unwinding will stop.
//!
//! # What it is for
//!
//! In Rust a panic on a spawned thread is silent: the thread dies, the process goes on and exits with status 0. Unless
//! something joins the thread and looks at the result, all that is left is a message on stderr. std's panic hook
//! knows *that* a panic happened. It does not know what will catch it: a `catch_unwind` of the program, a worker pool,
//! the root of a thread, or nothing at all.
//!
//! The agent answers that with one line of JSON per panic, for a log pipeline to read. `docs/record-schema.md`, which
//! is part of the package, lists the fields.
//!
//! # How it works
//!
//! 1. The hook runs on the panicking thread, before any unwinding. It claims a slot of a fixed pool.
//! 2. It walks the stack over the unwind tables of the loaded images and reads what each frame will do with a panic.
//!    The panic stops at the first frame that catches it or must not unwind: the unwinder is about to apply the same
//!    rules. This needs no symbols.
//! 3. It copies message, location, thread, labels and addresses into the slot, and sends the number of the slot to
//!    the writer. None of this allocates, locks, does I/O or panics.
//! 4. If the process is predicted to abort, the thread waits until its report is written, with a deadline.
//! 5. The previous hook is called, as if there were no agent.
//! 6. The writer, a thread of the agent, resolves the addresses, names the owner of the catch, builds the line, and
//!    passes it to the [sinks](Sink).
//!
//! # What the caller owes
//!
//! Call [`init!`] (or [`AgentBuilder::install`]) once, early in `main`, and bind the guard to a name. When it is
//! dropped, it waits until everything is written. Dropping it early loses nothing: the agent stays until the process
//! ends, and the exit of the process flushes it.
//!
//! ```
//! use std::thread;
//!
//! let _agent = panic_agent::Agent::builder()
//!     .file(std::env::temp_dir().join("panic-agent-example.jsonl"))
//!     .service("billing")
//!     .install()?;
//! let _request = panic_agent::label("request", 17);
//!
//! let subscription = panic_agent::subscribe(16);
//! let worker = thread::spawn(|| panic!("nobody is going to look at this"));
//! drop(worker.join()); // the error is thrown away here
//!
//! let report = subscription.iter().find_map(|line| match line {
//!     panic_agent::Line::Panic(report) => Some(report),
//!     _ => None, // the start of the process, verdicts, findings
//! });
//! let report = report.expect("a report");
//! assert_eq!(report.message.as_deref(), Some("nobody is going to look at this"));
//! # #[cfg(all(target_os = "linux", target_env = "gnu"))]
//! assert_eq!(report.fate, panic_agent::record::Fate::ThreadDied);
//! assert_eq!(panic_agent::stats().panics, 1);
//! # Ok::<(), panic_agent::Error>(())
//! ```
//!
//! Two kinds of your code run inside the agent. [`AgentBuilder::payload`] runs inside the hook, where a panic
//! aborts the process. Sinks, the redactor and the filter run on the writer thread, where a panic is caught and
//! counted.
//!
//! # What it promises
//!
//! * It never changes what the program does: exit status, output and unwinding stay the same, unless you choose
//!   another [`Console`].
//! * Every panic that reaches the hook is written, or counted as lost by reason: see [`stats`] and the `end` line.
//! * What is not known is `null` or `unknown`, with the reason. It never guesses.
//!
//! # What it is not for
//!
//! * It catches nothing and restarts nothing, unless you ask for it: [`catch`], [`spawn`], [`task::TaskGroup`] and their
//!   like, see `docs/wrappers.md`.
//! * It sees panics only, not a stack overflow, a failed allocation or a signal. Only the probes see a panic that calls
//!   no hook (`resume_unwind`).
//! * It is not a crash reporter: it dumps no memory. What is in flight at a `SIGKILL` is written at the next start, or
//!   by [`recovery::recover`].
//! * It does not know whether a caught error was also handled. It names what catches it.
//! * Predictions need the unwind tables of Linux with glibc (x86_64, aarch64). On other platforms the rest works and
//!   the prediction is `unknown`.
//!
//! # Features
//!
//! * `probes`, on by default: raises, landings, reads and drops of payloads, and threads are observed as they
//!   happen, on Linux with glibc. Without it verdicts are predictions.
//! * `tokio`: [`tokio`](https://docs.rs/panic-agent/latest/panic_agent/tokio/index.html), tasks that return their panics as
//!   errors.
//! * `tower`: a layer that turns panics into responses.
//! * `tracing`: spans as labels, and an event per verdict.
//! * `tracing-opentelemetry`: trace and span ids of such spans, too, when a layer of that crate follows them.
//! * `breadcrumbs`: [`breadcrumb!`], what a thread did before it panicked, in its report; `log`: also from the `log` facade.
//! * `audit`: [`audit`](https://docs.rs/panic-agent/latest/panic_agent/audit/index.html), tests that pass although a
//!   thread died behind them.
//! * `symbols`, on by default: names come from files that were checked to be those that were loaded, with their
//!   separate debug files, also for images that are loaded later and for reports that another process recovers.
//!
//! You need none of them to get from a panic to its line.
#![deny(unsafe_code)]
// Nobody may panic or print, whatever the thread. What works on panicking threads, or on bytes that anybody may have
// written, denies indexing and unchecked arithmetic besides.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr))]
// What a platform or a build lacks, others use: the whole of it is in use where there are probes and symbols.
#![cfg_attr(
    not(all(panic_agent_probes, feature = "symbols")),
    allow(dead_code, unused_imports, reason = "each ability that is missing leaves words that only it uses")
)]

pub mod act; // what a verdict calls for
mod agent; // wires the stages
mod config;
mod error;
pub mod record; // what travels

// 1: on the panicking thread
mod hook;

// 2: on the panicking thread
mod capture;

// 3: the only way across
mod channel;

// 4: on the writer thread, as all that follow
mod symbolize;

// 5: which test, and what becomes of a panic
mod harness;
mod verdict;

// 6
mod report;

// the loop that drives 4 to 7
mod writer;

// 7
pub mod sink;

// beside the channel: slots that outlive the process, and what a later process makes of them
pub mod recovery;
mod spool;

// beside the stages: what happens to a panic after its hook
#[allow(unsafe_code)] // redirected calls, exception objects, traced vtables
mod probe;

// beside the stages: catching panics on purpose
mod wrap;

// what the tests of several stages share
#[cfg(test)]
mod testing;

// after the lines: what they say of the tests that ran
#[cfg(feature = "audit")]
pub mod audit;

// what the stages use: files, loaded images, their tables, the operating system
mod files;
mod image;
mod platform; // which of all this the process has
mod sys;
mod unwind;

#[cfg(feature = "__testing")]
#[doc(hidden)]
pub mod internals;

#[cfg(all(panic_agent_probes, feature = "preload"))]
#[doc(hidden)]
pub use crate::agent::preload;

// The names of the root: at most 45, and `tests/documentation` counts them. What a program calls and what an option
// takes is here; what it only meets in return types, and what one kind of program needs, has a module.
pub use crate::agent::{
    Agent, AgentBuilder, AgentGuard, Stats, Subscription, flush, init, stats, subscribe, try_init,
};
pub use crate::capture::labels;
#[doc(inline)]
pub use crate::capture::labels::label;
pub use crate::config::{Console, Folding, Overflow, Probes, RedactField, Spool, Symbols};
pub use crate::error::{Error, ErrorKind};
#[doc(inline)]
pub use crate::record::{Line, Report};
#[doc(inline)]
pub use crate::sink::Sink;
#[doc(inline)]
pub use crate::wrap::thread::spawn;
#[cfg(feature = "tokio")]
pub use crate::wrap::tokio;
#[cfg(feature = "tower")]
pub use crate::wrap::tower;
#[cfg(feature = "tracing")]
pub use crate::wrap::tracing;
pub use crate::wrap::{Caught, catch, catch_silent, expect_panic, ffi, task, thread};

/// The examples of the README are compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// The examples of the page on wrappers are compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../docs/wrappers.md")]
struct Wrappers;

/// The example of the page on files is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../docs/files.md")]
struct Files;

/// The example of the page on configuration is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../docs/configuration.md")]
struct Configuration;

/// The examples of the page on reactions are compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../docs/acting.md")]
struct Acting;
