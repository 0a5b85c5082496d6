//! Who gets the records: one file each, with the same shape. `open` reads the keys, `send` encodes and sends.
//!
//! Runs on: the main thread (`open`), the thread of the destination. Must not: retry, wait or remember: that is done for
//! all of them in one place.

mod http;
mod journald;
#[cfg(feature = "kafka")]
mod kafka;
#[cfg(not(feature = "kafka"))]
#[path = "kafka_absent.rs"]
mod kafka;
mod loki;
mod otlp;
mod sentry;
mod stdout;
mod syslog;

use super::answer::Answer;
use super::config::{Keys, Text};
use super::record::Record;
use crate::failure::Failure;

/// What can be named.
pub(crate) const KINDS: [&str; 8] =
    ["stdout", "http", "otlp", "loki", "sentry", "syslog", "journald", "kafka"];

/// Somebody who takes records.
pub(crate) trait Destination: Send + std::fmt::Debug {
    /// Most records that one request takes.
    fn most(&self) -> usize {
        usize::MAX
    }

    /// Sends records, once.
    fn send(&mut self, records: &[Record]) -> Answer;

    /// Reads secrets again; whether one is another one now.
    fn refresh(&mut self) -> bool {
        false
    }
}

/// The destination of a kind.
pub(crate) fn open(kind: &Text, keys: &Keys<'_>) -> Result<Box<dyn Destination>, Failure> {
    Ok(match kind.text.as_str() {
        "stdout" => Box::new(stdout::Stdout::open(keys)?),
        "http" => Box::new(http::HttpLines::open(keys)?),
        "otlp" => Box::new(otlp::Otlp::open(keys)?),
        "loki" => Box::new(loki::Loki::open(keys)?),
        "sentry" => Box::new(sentry::Sentry::open(keys)?),
        "syslog" => Box::new(syslog::Syslog::open(keys)?),
        "journald" => Box::new(journald::Journald::open(keys)?),
        "kafka" => kafka::open(keys)?,
        _ => return Err(keys.wrong(kind, &format!("say one of: {}", KINDS.join(", ")))),
    })
}
