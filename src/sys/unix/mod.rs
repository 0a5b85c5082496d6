//! The calls of Unix, one noun per file. `elsewhere.rs` is the twin.
//!
//! Runs on: see each file. Must not: be reached otherwise than through `sys`.

#[cfg_attr(not(feature = "preload"), path = "apart_absent.rs")]
mod apart;
pub(crate) mod clock; // the two clocks of a record
pub(crate) mod descriptor; // numbers of open files
mod files;
pub(crate) mod mmap; // mapped memory
pub(crate) mod signal_mask;
#[cfg_attr(not(feature = "audit"), allow(dead_code, reason = "some of it is asked by an audit alone"))]
pub(crate) mod symbol; // names that images export
pub(crate) mod user; // whose rights the process has

pub(crate) use apart::keep_apart;
pub(crate) use files::*;
