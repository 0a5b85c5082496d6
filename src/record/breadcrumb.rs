//! A breadcrumb: something that happened on a thread before it panicked.
//!
//! Runs on: every thread. Must not: do I/O.

use serde::{Deserialize, Serialize};

/// Something that happened on the thread before it panicked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Breadcrumb {
    /// Nanoseconds before the panic.
    pub age_ns: u64,
    /// How important it was.
    pub level: BreadcrumbLevel,
    /// The module that left it, or what a logger calls its target.
    pub target: String,
    /// What happened.
    pub message: String,
    /// Whether target or message were longer.
    pub cut: bool,
}

/// How important a breadcrumb is, in the words of loggers.
#[repr(u8)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BreadcrumbLevel {
    /// A step in detail.
    Trace = 0,
    /// Of use to whoever looks for a fault.
    Debug = 1,
    /// A step of the program. What [`breadcrumb!`](crate::breadcrumb!) leaves.
    #[default]
    Info = 2,
    /// Something that should not be.
    Warn = 3,
    /// Something failed.
    Error = 4,
}

super::read_back!(BreadcrumbLevel: Trace, Debug, Warn, Error; otherwise Info);
