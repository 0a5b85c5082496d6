//! Soft errors: the report is useful, but lacks something, and this says what and why.
//!
//! Runs on: the writer thread. Must not: do I/O.

use core::fmt;

use serde::{Deserialize, Serialize};

/// One thing a report lacks. A report with soft errors is a success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SoftError {
    /// What is missing: a field of the schema, such as `frames.function`.
    pub field: String,
    /// A stable short word, such as `no_symbols`.
    pub code: String,
    /// One sentence for people: lower case, no full stop, with the value concerned.
    pub detail: String,
}

impl SoftError {
    pub(crate) fn new(field: &str, code: &str, detail: impl fmt::Display) -> Self {
        Self { field: field.to_owned(), code: code.to_owned(), detail: detail.to_string() }
    }
}

impl fmt::Display for SoftError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.detail)
    }
}
