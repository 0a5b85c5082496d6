//! The stack of the panicking thread, and the prediction that follows from it: which frame will stop the
//! unwinding.
//!
//! Two walkers fill the same [`RawWalk`](crate::record::RawWalk): the agent's own over the unwind tables, and the system's unwinder
//! where the tables do not suffice (an image loaded since the last refresh, a frame of an unusual shape).
//! Elsewhere than on Linux with glibc a twin records addresses and predicts nothing.
//!
//! Runs on: the panicking thread (`walk`), the thread that installs the agent and the writer (the rest).
//! Must not: allocate, lock, panic, or keep large locals in `walk`; the thread may own a 16 KiB stack.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::print_stderr
    )
)]

mod callers;
#[cfg(panic_agent_tables)]
mod collector;
#[cfg(panic_agent_tables)]
mod short_walk;
#[cfg(panic_agent_tables)]
mod system_walk;
#[cfg(panic_agent_tables)]
mod table_walk;
#[cfg(panic_agent_tables)]
mod walker;

#[cfg(not(panic_agent_tables))]
mod portable;

pub(crate) use callers::callers;
#[cfg(panic_agent_probes)]
pub(crate) use ends::both_ends;
#[cfg(not(panic_agent_tables))]
pub(crate) use portable::{learn_main_start, learn_thread_start, prepare, short_walk, walk};
#[cfg(panic_agent_probes)]
pub(crate) use root_functions::learn_foreign_start;
#[cfg(panic_agent_tables)]
pub(crate) use root_functions::{learn_main_start, learn_thread_start};
#[cfg(all(panic_agent_tables, feature = "preload"))]
pub(crate) use short_walk::frame_holding;
#[cfg(panic_agent_tables)]
pub(crate) use short_walk::short_walk;
#[cfg(panic_agent_tables)]
pub(crate) use walker::{prepare, walk};

#[cfg(panic_agent_probes)]
mod ends;
#[cfg(panic_agent_tables)]
mod root_functions;
#[cfg(all(test, panic_agent_tables))]
mod tests;
