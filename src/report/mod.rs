//! Stage 6: what is known of a panic becomes the text of a line.
//!
//! Runs on: the writer thread, recoveries, and a forked child's panicking thread (`process_lines`). Must not: do I/O, or know
//! where lines go.

pub(crate) mod build;
pub(crate) mod clock;
pub(crate) mod fingerprint;
mod known_hooks;
pub(crate) mod prepared;
pub(crate) mod process_lines;
pub(crate) mod process_view;
pub(crate) mod redact;
pub(crate) mod report_json;
pub(crate) mod service;
pub(crate) mod stack_json;

#[cfg(feature = "audit")]
pub(crate) use fingerprint::Fingerprint;
pub(crate) use process_lines::Abilities;
pub(crate) use process_view::{ProcessLabels, Surroundings};
pub(crate) use service::Service;
