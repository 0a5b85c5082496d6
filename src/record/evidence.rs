//! What a verdict rests on, as its line says it.
//!
//! Runs on: the writer thread and readers. Must not: do I/O.

use serde::{Deserialize, Serialize};

/// What was seen of a panic after its hook, the rule by which that makes its verdict, and what could not be seen.
///
/// At most eight things seen. A line has none where `landing`, `received_at` and `reason` say it all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Evidence {
    /// Which rule made `silent` what it is. A stable short word.
    pub rule: String,
    /// What was seen, in the order in which the agent learned of it.
    pub seen: Vec<Seen>,
    /// What could not be seen of this panic: words of `reason`. Left out of the line when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unseen: Vec<String>,
}

/// Something that was seen of a panic. What is not known is left out of the line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Seen {
    /// A stable short word.
    pub what: String,
    /// Microseconds after the panic was raised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub us: Option<u64>,
    /// OS id of the thread that it was seen on; `None` for the panicking thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os_thread: Option<u32>,
    /// Function of the program that dropped what held the error, at most 200 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// Its file, at most 200 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line in it, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}
