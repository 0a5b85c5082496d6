//! The same as JSON: numbers of 64 bits are texts there, and ids are hex.

use serde::Serialize;
use serde_json::Value as Json;

use super::{LogRecord, ResourceLogs};
use crate::attributes::{Attribute, Value};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    resource_logs: Vec<OfResource<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OfResource<'a> {
    resource: Resource<'a>,
    scope_logs: [OfScope<'a>; 1],
}

#[derive(Serialize)]
struct Resource<'a> {
    attributes: Vec<KeyValue<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OfScope<'a> {
    scope: Scope,
    log_records: Vec<Log<'a>>,
}

#[derive(Serialize)]
struct Scope {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Log<'a> {
    time_unix_nano: String,
    observed_time_unix_nano: String,
    severity_number: u8,
    severity_text: &'static str,
    event_name: &'static str,
    body: AnyValue<'a>,
    attributes: Vec<KeyValue<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    span_id: Option<String>,
}

#[derive(Serialize)]
struct KeyValue<'a> {
    key: &'a str,
    value: AnyValue<'a>,
}

#[derive(Serialize)]
enum AnyValue<'a> {
    #[serde(rename = "stringValue")]
    Text(&'a str),
    #[serde(rename = "intValue")]
    Number(String),
    #[serde(rename = "boolValue")]
    Flag(bool),
}

pub(super) fn request(logs: &[ResourceLogs]) -> Vec<u8> {
    let request = Request { resource_logs: logs.iter().map(of_resource).collect() };
    // Texts and numbers in memory cannot fail.
    serde_json::to_vec(&request).unwrap_or_default()
}

fn of_resource(logs: &ResourceLogs) -> OfResource<'_> {
    let scope = Scope { name: "panic-agent", version: env!("CARGO_PKG_VERSION") };
    OfResource {
        resource: Resource { attributes: attributes(&logs.resource) },
        scope_logs: [OfScope { scope, log_records: logs.records.iter().map(log).collect() }],
    }
}

fn log(record: &LogRecord) -> Log<'_> {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Log {
        time_unix_nano: record.time.to_string(),
        observed_time_unix_nano: record.observed.to_string(),
        severity_number: record.severity.number(),
        severity_text: record.severity.text(),
        event_name: record.event,
        body: AnyValue::Text(&record.body),
        attributes: attributes(&record.attributes),
        trace_id: record.trace.map(|trace| hex(&trace)),
        span_id: record.span.map(|span| hex(&span)),
    }
}

fn attributes(attributes: &[Attribute]) -> Vec<KeyValue<'_>> {
    attributes.iter().map(|(key, value)| KeyValue { key, value: any_value(value) }).collect()
}

fn any_value(value: &Value) -> AnyValue<'_> {
    match value {
        Value::Text(text) => AnyValue::Text(text),
        Value::Number(number) => AnyValue::Number(number.to_string()),
        Value::Flag(flag) => AnyValue::Flag(*flag),
    }
}

/// `rejectedLogRecords` and `errorMessage`, the number as a number or as a text.
pub(super) fn partial(body: &[u8]) -> Option<(u64, String)> {
    let answer: Json = serde_json::from_slice(body).ok()?;
    let partial = answer.get("partialSuccess")?;
    let rejected = partial.get("rejectedLogRecords")?;
    let rejected = rejected.as_u64().or_else(|| rejected.as_str()?.parse().ok())?;
    Some((rejected, partial.get("errorMessage").and_then(Json::as_str).unwrap_or_default().to_owned()))
}
