//! The loaded ELF images of the process and their unwind tables, as an immutable snapshot.
//!
//! Runs on: `refresh` on the thread that installs the agent and on the writer; everything else on every
//! thread. Must not: allocate or lock outside `refresh`; read memory that `dlclose` may have unmapped (all
//! tables but those of the main executable are copies).
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

#[cfg(panic_agent_tables)]
mod build_id;
#[cfg(panic_agent_tables)]
mod fact_table;
#[cfg(panic_agent_tables)]
mod facts;
#[cfg(panic_agent_tables)]
mod loaded_image;
#[cfg(panic_agent_tables)]
mod snapshot;
#[cfg(panic_agent_tables)]
mod tables;

#[cfg(not(panic_agent_tables))]
mod absent;

#[cfg(not(panic_agent_tables))]
pub(crate) use absent::of_generation;
#[cfg(not(panic_agent_tables))]
pub(crate) use absent::{LoadedImage, Snapshot, current, refresh};
#[cfg(panic_agent_tables)]
pub(crate) use facts::{FrameFacts, Way};
#[cfg(panic_agent_tables)]
pub(crate) use in_place_tables::live_facts;
#[cfg(panic_agent_tables)]
pub(crate) use loaded_image::LoadedImage;
#[cfg(panic_agent_tables)]
pub(crate) use snapshot::of_generation;
#[cfg(panic_agent_tables)]
pub(crate) use snapshot::{Snapshot, current, refresh};

#[cfg(panic_agent_tables)]
mod in_place_tables;
#[cfg(all(test, panic_agent_tables))]
mod oracle;
#[cfg(panic_agent_tables)]
mod rust_personality;
#[cfg(panic_agent_tables)]
mod scan;
