//! A runtime panic instrumentation agent: one line in `main`, and every panic of the process is recorded
//! with its thread, its symbolized frames, its labels and where its unwinding will stop.
//!
//! # What it is for
//!
//! In Rust a panic on a spawned thread is silent: the thread ends, the process goes on, the exit status is 0,
//! and unless somebody joins the thread and looks at the result, all that is left is a text on stderr. std's
//! panic hook tells *that* a panic happened. It cannot tell whether something will catch it, and what: a
//! `catch_unwind` of the program, a worker pool, the root of a thread, nothing at all.
//!
//! The agent answers that in a line of JSON per panic, for a log pipeline to read. The fields of the lines are
//! listed in `docs/record-schema.md`, which is part of the package.
//!
//! # How it works
//!
//! 1. The hook runs on the panicking thread, before any unwinding. It claims a slot of a fixed pool.
//! 2. It walks the stack over the unwind tables of the loaded images and reads, for each frame, what the frame
//!    will do with a panic. The first frame that catches it or must not unwind is where it stops; the unwinder
//!    is about to come to the same result by the same rules. No symbols are needed for that.
//! 3. Message, place, thread, labels and addresses are copied into the slot, and the number of the slot is sent
//!    to the writer. None of this allocates, locks, does I/O or panics.
//! 4. If the process is predicted to abort, the thread waits until its report is written, with a deadline.
//! 5. The hook that was set before is called as if there were no agent.
//! 6. The writer, a thread of the agent's own, gives names to the addresses and to whoever owns the catch,
//!    makes the line, and hands it to the [sinks](Sink).
//!
//! # What the caller owes
//!
//! Call [`init`] (or [`AgentBuilder::install`]) once, early in `main`, and bind the guard to a name. When it is
//! dropped it waits until everything is written. Nothing is lost if it is dropped too early: the agent itself
//! stays until the process is gone, and the end of the process drains it.
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
//! assert_eq!(report.fate, panic_agent::Fate::ThreadDied);
//! assert!(panic_agent::has_panicked());
//! # Ok::<(), panic_agent::Error>(())
//! ```
//!
//! Two kinds of your code run inside the agent. [`AgentBuilder::payload`] runs inside the hook, where a panic
//! aborts the process. Sinks, the redactor and the filter run on the writer thread, where a panic is caught and
//! counted.
//!
//! # What it promises
//!
//! * It never changes what the program does: exit status, output and unwinding are the same with it, unless
//!   another [`Console`] was chosen.
//! * Every panic that reaches the hook is written or counted as lost, by reason: see [`stats`] and the `end`
//!   line.
//! * What is not known is `null` or `unknown`, with the reason, and never a guess.
//!
//! # What it is not for
//!
//! * It catches nothing and restarts nothing, unless you ask for it: [`catch`], [`spawn`], [`TaskGroup`] and their
//!   like, see `docs/wrappers.md`.
//! * It does not see what is no panic: a stack overflow, a failed allocation, a signal. What calls no panic hook
//!   (`resume_unwind`) is seen by the probes only.
//! * It is no crash reporter: there is no dump of memory. What is under way at a `SIGKILL` is written at the next start, or
//!   by [`recover`].
//! * It does not tell whether an error that was caught was also handled. It names who catches.
//! * Predictions need the unwind tables of Linux with glibc (x86_64, aarch64). Elsewhere the rest works, and the
//!   prediction is `unknown`.
//!
//! # Features
//!
//! * `probes`, on by default: raises, landings, reads and drops of payloads, and threads are observed as they
//!   happen, on Linux with glibc. Without it verdicts are predictions.
//! * `tokio`: [`tokio`](https://docs.rs/panic-agent/latest/panic_agent/tokio/index.html), tasks whose panics come
//!   back as errors.
//! * `tower`: a layer that makes responses of panics.
//! * `tracing`: spans as labels, and an event per verdict.
//! * `tracing-opentelemetry`: trace and span ids of such spans, too, when a layer of that crate follows them.
//! * `audit`: [`audit`](https://docs.rs/panic-agent/latest/panic_agent/audit/index.html), tests that pass although a
//!   thread died behind them.
//! * `symbols`, on by default: names come from files that were checked to be those that were loaded, with their
//!   separate debug files, also for images that are loaded later and for reports that another process recovers.
//! * `testing`: [`MemorySink`](https://docs.rs/panic-agent/latest/panic_agent/struct.MemorySink.html), which
//!   keeps lines in memory, and access to internals that this package's own tests use.
//!
//! None is needed to get from a panic to its line.
#![deny(unsafe_code)]

mod agent; // wires the stages
mod config;
mod error;
mod record; // what travels

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
mod sink;

// beside the channel: slots that outlive the process, and what a later process makes of them
mod recovery;
mod spool;

// beside the stages: what happens to a panic after its hook
#[allow(unsafe_code)] // redirected calls, exception objects, traced vtables
#[cfg_attr(
    not(panic_agent_probes),
    allow(dead_code, unused_imports, reason = "where there are no probes, few of their words are used")
)]
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
mod sys;
#[cfg(any(panic_agent_tables, test))]
#[cfg_attr(not(panic_agent_tables), allow(dead_code, unused_imports, reason = "read on no other platform"))]
mod unwind;

pub use crate::agent::{
    Agent, AgentBuilder, AgentGuard, RecvError, Stats, Subscription, flush, has_panicked, init, stats,
    subscribe, try_init,
};
pub use crate::capture::labels::{
    LabelGuard, LabelSet, ParseTraceContextError, TraceContext, label, remove_process_label,
    set_process_label,
};
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod internals;

#[cfg(all(panic_agent_probes, feature = "preload"))]
#[doc(hidden)]
pub use crate::agent::preload;

#[doc(hidden)]
pub use crate::config::Harness;
pub use crate::config::{Console, Folding, Overflow, Probes, RedactField, Spool, Symbols};
pub use crate::error::{Error, ErrorKind};
pub use crate::files::FileTrust;
pub use crate::record::*;
pub use crate::recovery::{Recovered, recover};
#[cfg(any(test, feature = "testing"))]
pub use crate::sink::MemorySink;
pub use crate::sink::{FileSink, Rotation, Sink, StandardSink};

#[cfg(feature = "testing")]
#[doc(hidden)]
pub use crate::probe::testing as probe_testing;

pub use crate::wrap::*;

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
