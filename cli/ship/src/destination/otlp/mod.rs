//! `otlp`: logs of OpenTelemetry over HTTP, as protobuf or JSON.
//!
//! Source: OpenTelemetry protocol, OTLP/HTTP; `opentelemetry/proto/logs/v1`.

mod json;
mod protobuf;

use jiff::Timestamp;

use super::Destination;
use crate::answer::Answer;
use crate::attributes::{Attribute, attributes, of_environment, resource};
use crate::config::Keys;
use crate::facts::{Facts, Severity};
use crate::failure::Failure;
use crate::http::Http;
use crate::record::Record;

#[derive(Debug)]
pub(super) struct Otlp {
    http: Http,
    json: bool,
    environment: Vec<Attribute>,
}

/// Records of one process.
#[derive(Debug)]
pub(super) struct ResourceLogs {
    resource: Vec<Attribute>,
    records: Vec<LogRecord>,
}

/// A record as the protocol has it.
#[derive(Debug)]
pub(super) struct LogRecord {
    time: u64,
    observed: u64,
    severity: Severity,
    event: &'static str,
    body: String,
    attributes: Vec<Attribute>,
    trace: Option<[u8; 16]>,
    span: Option<[u8; 8]>,
}

impl Otlp {
    pub(super) fn open(keys: &Keys<'_>) -> Result<Self, Failure> {
        let json = keys.word("encoding", &["protobuf", "json"])? == "json";
        Ok(Self { http: Http::open(keys, false)?, json, environment: of_environment() })
    }

    fn answer(&self, body: &[u8], kind: &str) -> Answer {
        let reply = match self.http.post(kind, body, &[]) {
            Ok(reply) if (200..300).contains(&reply.status) => reply,
            other => return self.http.answer(other),
        };
        // A body that cannot be read is one that says nothing.
        let partial = if self.json { json::partial(&reply.body) } else { protobuf::partial(&reply.body) };
        match partial {
            Some((rejected, why)) if rejected > 0 => Answer::Partial { rejected, why },
            _ => Answer::Delivered(reply.after),
        }
    }
}

impl Destination for Otlp {
    fn send(&mut self, records: &[Record]) -> Answer {
        let logs = logs(records, &self.environment);
        if self.json {
            self.answer(&json::request(&logs), "application/json")
        } else {
            self.answer(&protobuf::request(&logs), "application/x-protobuf")
        }
    }

    fn refresh(&mut self) -> bool {
        self.http.refresh()
    }
}

/// Records by resource.
fn logs(records: &[Record], environment: &[Attribute]) -> Vec<ResourceLogs> {
    let observed = u64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(0);
    let mut logs: Vec<ResourceLogs> = Vec::new();
    for record in records {
        let Some(facts) = Facts::of(record) else { continue };
        let resource = resource(&facts, record, environment);
        let log = LogRecord::of(&facts, record, observed);
        match logs.iter_mut().find(|logs| logs.resource == resource) {
            Some(logs) => logs.records.push(log),
            None => logs.push(ResourceLogs { resource, records: vec![log] }),
        }
    }
    logs
}

impl LogRecord {
    fn of(facts: &Facts<'_>, record: &Record, observed: u64) -> Self {
        let label =
            |name: &str| facts.labels.iter().find(|(label, _)| &***label == name).map(|(_, id)| &**id);
        Self {
            time: facts.nanos(),
            observed,
            severity: facts.severity(),
            event: record.event.name(),
            body: facts.text().to_owned(),
            attributes: attributes(facts, record),
            trace: label("trace_id").and_then(bytes),
            span: label("span_id").and_then(bytes),
        }
    }
}

/// Bytes that are written in hex; all of them 0 is none.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    (bytes != [0; N]).then_some(bytes)
}

#[cfg(test)]
mod tests;
