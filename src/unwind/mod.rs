//! Pure readers of the unwind tables of an ELF image: which function an address lies in, how to get from
//! its frame to the caller's, and what the frame does with an exception.
//!
//! Runs on: the panicking thread and the writer. Must not: read outside the given sections, allocate,
//! panic, keep large locals (the thread may own a 16 KiB stack).
//! Source: Linux Standard Base 5.0, `.eh_frame` and `.eh_frame_hdr`; DWARF 5, section 6.4; Itanium C++ ABI,
//! exception handling tables; Rust std `sys/personality/dwarf/eh.rs`, whose rule names are used here.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

mod arch;
mod cfi;
mod cfi_operand;
mod cursor;
mod eh_frame;
mod eh_frame_hdr;
mod encoded;
mod error;
mod lsda;
mod personality;
mod row;

pub(crate) use cfi::rule_at;
pub(crate) use cursor::Section;
#[cfg(panic_agent_probes)]
pub(crate) use cursor::{Read, Source};
pub(crate) use eh_frame::{Cie, Entry, Fde};
pub(crate) use eh_frame_hdr::EhFrameHdr;
pub(crate) use encoded::Pointer;
pub(crate) use error::ReadError;
pub(crate) use lsda::{catch_cleans, extent, find_action};
pub(crate) use personality::Personality;
pub(crate) use row::{CfaBase, FrameRule, Step};
