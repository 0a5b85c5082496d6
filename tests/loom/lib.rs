//! `src/channel` as loom explores it, with the records that it carries. Nothing else of the agent is compiled.
#![cfg(not(test))]
#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "the rest of the agent uses what is unused here"
)]

#[path = "../../src/channel/mod.rs"]
mod channel;
#[path = "../../src/error.rs"]
mod error;
#[path = "../../src/record/mod.rs"]
mod record;

/// Stands for what no model calls.
mod sys {
    pub(crate) mod fork {
        /// No model forks.
        pub(crate) const fn generation() -> u32 {
            0
        }
    }

    pub(crate) mod mmap {
        /// The slots of a model lie on its own heap.
        #[derive(Debug)]
        pub(crate) struct Region;
    }
}

pub use channel::models;
