//! What `scan` and `crosscheck` wrote as JSON, read again.
//!
//! Runs on: the main thread. Must not: take something else for it.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::answer::{Coverage, Row};
use crate::failure::Failure;

/// Name and version of what `crosscheck` writes.
pub(crate) const SCHEMA: &str = "panic-agent.crosscheck/1";

/// A cross-check as it was written.
#[derive(Debug, Deserialize)]
pub(crate) struct Written {
    /// Panics in the lines.
    pub(crate) panics: u64,
    pub(crate) coverage: Coverage,
    pub(crate) places: Vec<Row>,
}

impl Written {
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        read(path, "crosscheck", SCHEMA)
    }
}

#[derive(Deserialize)]
struct Head {
    schema: String,
}

/// Reads what a command wrote with `--format json`.
pub(super) fn read<T: DeserializeOwned>(path: &Path, command: &str, schema: &str) -> Result<T, Failure> {
    let text = std::fs::read(path).map_err(|error| Failure::io("read", path, &error))?;
    let other = |error: serde_json::Error| {
        Failure::new(format!(
            "{}:{}:{}: this is not what `panic-agent {command} --format json` writes: {error}",
            path.display(),
            error.line(),
            error.column()
        ))
    };
    let head: Head = serde_json::from_slice(&text).map_err(other)?;
    if head.schema != schema {
        return Err(Failure::new(format!(
            "`{}` has the schema {}, and this reads {schema}, which `panic-agent {command} --format json` writes",
            path.display(),
            head.schema
        )));
    }
    serde_json::from_slice(&text).map_err(other)
}
