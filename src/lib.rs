//! A runtime panic instrumentation agent: one line in `main`, and every panic of the process is recorded
//! with its thread, its symbolized frames, its labels and where its unwinding will stop.
#![deny(unsafe_code)]

mod agent; // wires the stages
mod config;
mod error;
mod record;

mod capture; // stage 2: on the panicking thread
mod channel; // stage 3: the only way across
mod hook; // stage 1: on the panicking thread
mod image;
#[allow(unsafe_code)] // redirected calls, exception objects, traced vtables
mod probe; // beside the stages: what happens after the hook
mod sink;
mod symbolize; // stage 5
mod sys; // stage 7
#[cfg(any(panic_agent_tables, test))]
mod unwind;
mod verdict; // stage 6
mod writer; // stage 4: on the writer thread

pub use crate::agent::{
    Agent, AgentBuilder, AgentGuard, Stats, Subscription, flush, has_panicked, init, stats, subscribe,
    try_init,
};
pub use crate::capture::labels::{
    LabelGuard, LabelSet, ParseTraceContextError, TraceContext, label, remove_process_label,
    set_process_label,
};
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod internals;

pub use crate::config::{Console, Overflow, Probes, RedactField, Symbols};
pub use crate::error::{Error, ErrorKind};
pub use crate::record::*;
#[cfg(any(test, feature = "testing"))]
pub use crate::sink::MemorySink;
pub use crate::sink::{FileSink, Sink, StandardSink};

#[cfg(feature = "testing")]
#[doc(hidden)]
pub use crate::probe::testing as probe_testing;
