//! The loaded images of the process, and of ELF images their unwind tables, as an immutable snapshot.
//!
//! Runs on: `refresh` on the thread that installs the agent and on the writer; everything else on every
//! thread. Must not: allocate or lock outside `refresh`; read memory that `dlclose` may have unmapped (the
//! tables of all images that may be are copies).
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

/// Images in ELF, whose unwind tables are read.
#[cfg(panic_agent_tables)]
#[path = "."]
mod elf {
    mod build_id;
    mod fact_table;
    mod facts;
    mod loaded_image;
    #[cfg(test)]
    mod oracle;
    mod scan;
    mod snapshot;
    mod tables;
    mod vtables;

    pub(crate) use facts::{FrameFacts, Way};
    pub(crate) use loaded_image::LoadedImage;
    pub(crate) use snapshot::{Snapshot, current, of_generation, refresh};
    pub(crate) use tables::live_facts;
}
#[cfg(not(panic_agent_tables))]
#[path = "listed.rs"]
mod elf;
#[cfg(any(all(target_vendor = "apple", not(panic_agent_tables)), test))]
mod macho;
#[cfg(any(all(windows, not(panic_agent_tables)), test))]
mod pe;

pub(crate) use elf::*;
