//! The stack of the panicking thread, and the prediction that follows from it: which frame will stop the
//! unwinding.
//!
//! Two walkers fill the same [`RawWalk`](crate::record::RawWalk): the agent's own over the unwind tables, and the system's unwinder
//! where the tables do not suffice (an image loaded since the last refresh, a frame of an unusual shape).
//! Elsewhere than on Linux with glibc a twin records addresses and predicts nothing.
//!
//! Runs on: the panicking thread (`walk`), the thread that installs the agent and the writer (the rest).
//! Must not: allocate, lock, panic, or keep large locals in `walk`; the thread may own a 16 KiB stack.

mod callers;

/// The walk over unwind tables, and what follows from it.
#[cfg(panic_agent_tables)]
#[cfg_attr(
    not(all(panic_agent_probes, feature = "preload")),
    allow(dead_code, unused_imports, reason = "some is for probes, and for a preloaded library, alone")
)]
#[path = "."]
mod by_tables {
    mod collector;
    mod ends;
    mod outside_walk;
    mod root_functions;
    mod short_walk;
    mod system_walk;
    mod table_walk;
    #[cfg(test)]
    mod tests;
    mod walker;

    pub(crate) use ends::both_ends;
    pub(crate) use root_functions::{
        catches_at_root_only, is_whole, knows_thread_start, learn_main_start, learn_thread_start,
        learning_from, thread_start_of,
    };
    pub(crate) use root_functions::{learn_foreign_start, learn_own_start};
    pub(crate) use short_walk::{frame_holding, short_walk, short_walk as walk_of_callers};
    pub(crate) use walker::{lacks_root, prepare, walk};
}
#[cfg(not(panic_agent_tables))]
#[path = "portable.rs"]
mod by_tables;

pub(crate) use by_tables::*;
pub(crate) use callers::callers;
