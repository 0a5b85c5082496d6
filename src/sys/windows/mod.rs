//! What Windows has instead of Unix's calls; the rest by std alone, as everywhere else.
//!
//! Runs on: see the files of `unix`. Must not: be reached otherwise than through `sys`.

#[path = "../elsewhere.rs"]
mod elsewhere;
pub(crate) mod exit;
mod files;

pub(crate) use elsewhere::*;
pub(crate) use files::{file_id, file_id_at, lock_file, read_at};
