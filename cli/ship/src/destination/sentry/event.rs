//! A record as an event.
//!
//! Grouping is by the fingerprint of the incident's root, so that what follows from a panic joins its cause. A follower
//! brings its root along as an exception group. What is not known counts as not handled.

use serde_json::{Map, Value, json};

use super::notice;
use crate::facts::{Facts, Frame, Severity};
use crate::record::{Event, Record};

/// Frames of an event at most; the outer ones are left out.
const MAX_FRAMES: usize = 100;

/// Numbers of panics that are told apart: what twelve letters out of six can say.
const NUMBERS: u64 = 6_u64.pow(12);

/// Makes the event.
pub(super) fn event(facts: &Facts<'_>, record: &Record) -> Value {
    let level = match facts.severity() {
        Severity::Warn => "warning",
        Severity::Error => "error",
        Severity::Fatal => "fatal",
    };
    let mut event = json!({
        "event_id": event_id(record),
        "timestamp": facts.nanos() as f64 / 1e9,
        "platform": "native",
        "level": level,
        "logger": "panic-agent",
        "fingerprint": [group(facts, record)],
        "tags": tags(facts, record),
        "contexts": { "panic": context(facts, record), "trace": trace(facts) },
        "extra": { "message": facts.message.as_deref() },
    });
    if let Some(fields) = event.as_object_mut() {
        let texts = [
            ("release", release(facts)),
            ("environment", text(&facts.environment)),
            ("server_name", text(&facts.host)),
        ];
        fields.extend(texts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into()))));
        match record.event {
            Event::Panic => {
                fields.insert("exception".to_owned(), json!({ "values": exceptions(facts, record) }));
                fields.insert("threads".to_owned(), json!({ "values": [thread(facts)] }));
                fields.insert("debug_meta".to_owned(), json!({ "images": images(facts) }));
            }
            Event::Verdict => {
                let fate = facts.fate.as_deref().unwrap_or("unknown");
                let receipt = facts.receipt.as_deref().unwrap_or("unknown");
                let message = format!("now known of {}: {fate}, {receipt}", record.id);
                fields.insert("logentry".to_owned(), json!({ "formatted": message }));
            }
            _ => {
                fields.insert("logentry".to_owned(), json!({ "formatted": facts.text() }));
                notice::fill(fields, record);
            }
        }
    }
    event
}

/// What is one issue: panics of one root, findings of one code, deaths of one cause.
fn group(facts: &Facts<'_>, record: &Record) -> String {
    if !record.event.is_of_panic() {
        return notice::group(record);
    }
    let root = record.root.as_ref().map(|root| root.fingerprint.as_str());
    format!("panic:{}", root.or(facts.fingerprint.as_deref()).unwrap_or("unknown"))
}

/// 32 hex digits, the same each time: the receiver drops what it has already.
///
/// Instance and number take turns, digit by digit, and the number is written with letters alone: trackers hide long runs of
/// decimal digits, because these look like the numbers of credit cards, and then take different events for one.
fn event_id(record: &Record) -> String {
    let (instance, number) = record.id.split_once('-').unwrap_or((&record.id, "0"));
    let instance = format!("{:016x}", u64::from_str_radix(instance, 16).unwrap_or(0));
    let mut number = number.parse::<u64>().unwrap_or(0) % NUMBERS;
    match record.event {
        Event::Panic => {}
        Event::Verdict => number += NUMBERS * (1 + record.ts_ms.unsigned_abs() % 1295),
        _ => number = record.hash(),
    }
    let mut id = String::with_capacity(32);
    for digit in instance.chars() {
        let letter = char::from(b'a' + (number % 6) as u8);
        number /= 6;
        // What is told of a process has the letters first, so it has the id of no panic.
        id.extend(if record.event.is_of_panic() { [digit, letter] } else { [letter, digit] });
    }
    id
}

fn text(field: &Option<crate::line::Text<'_>>) -> Option<String> {
    field.as_deref().map(str::to_owned)
}

/// `service@version`.
fn release(facts: &Facts<'_>) -> Option<String> {
    let version = facts.version.as_deref()?;
    Some(facts.service.as_deref().map_or(version.to_owned(), |service| format!("{service}@{version}")))
}

fn tags(facts: &Facts<'_>, record: &Record) -> Value {
    let mut tags = Map::new();
    for (name, value) in &facts.labels {
        tags.insert(format!("label.{}", &**name).chars().take(32).collect(), Value::from(&**value));
    }
    let own = [
        ("event", Some(record.event.name())),
        ("panic.id", Some(record.id.as_str())),
        ("panic.fate", facts.fate.as_deref()),
        ("panic.receipt", facts.receipt.as_deref()),
        ("panic.silent", facts.silent.map(|silent| if silent { "yes" } else { "no" })),
        ("thread", facts.thread.as_deref()),
    ];
    for (name, value) in own {
        tags.extend(value.map(|value| (name.to_owned(), Value::from(value))));
    }
    Value::Object(tags)
}

fn context(facts: &Facts<'_>, record: &Record) -> Value {
    json!({
        "type": "panic",
        "id": record.id,
        "fingerprint": facts.fingerprint.as_deref(),
        "incident": facts.incident.as_deref(),
        "relation": facts.relation.as_deref(),
        "fate": facts.fate.as_deref(),
        "receipt": facts.receipt.as_deref(),
        "basis": facts.basis.as_deref(),
        "silent": facts.silent,
        "swallowed": facts.swallowed,
        "reason": facts.reason.as_deref(),
    })
}

/// Ids of the span that was open, if there was one.
fn trace(facts: &Facts<'_>) -> Value {
    let label =
        |name: &str| facts.labels.iter().find(|(label, _)| &***label == name).map(|(_, value)| &**value);
    match (label("trace_id"), label("span_id")) {
        (Some(trace), Some(span)) => json!({ "type": "trace", "trace_id": trace, "span_id": span }),
        _ => Value::Null,
    }
}

/// Oldest first. In a group the root of the incident has number 0, which is the one that is grouped by.
fn exceptions(facts: &Facts<'_>, record: &Record) -> Vec<Value> {
    let is_group = record.root.is_some();
    let mut own = json!({
        "type": "panic",
        "value": facts.text(),
        "thread_id": facts.thread_facts.os_id,
        "mechanism": {
            "type": "panic",
            "handled": facts.is_handled(),
            "data": {
                "fate": facts.fate.as_deref(),
                "receipt": facts.receipt.as_deref(),
                "basis": facts.basis.as_deref(),
                "relation": facts.relation.as_deref(),
            },
        },
        "stacktrace": stack(facts),
    });
    let Some(root) = &record.root else { return vec![own] };
    own["mechanism"]["exception_id"] = 1.into();
    own["mechanism"]["parent_id"] = 0.into();
    let root = json!({
        "type": "panic",
        "value": root.message.as_deref().unwrap_or("(payload is not a text)"),
        "mechanism": {
            "type": "panic",
            "handled": facts.is_handled(),
            "exception_id": 0,
            "is_exception_group": is_group,
            "data": { "id": root.id, "thread": root.thread },
        },
    });
    vec![own, root]
}

/// Outermost first, as the protocol wants it.
fn stack(facts: &Facts<'_>) -> Value {
    let frames: Vec<Value> = facts.frames.iter().take(MAX_FRAMES).rev().map(frame).collect();
    if frames.is_empty() { Value::Null } else { json!({ "frames": frames }) }
}

fn frame(frame: &Frame<'_>) -> Value {
    let path = frame.file.as_deref();
    json!({
        "function": frame.function.as_deref(),
        "abs_path": path,
        "filename": path.map(|path| path.rsplit('/').next().unwrap_or(path)),
        "lineno": frame.line,
        "colno": frame.column,
        "in_app": frame.in_app.unwrap_or(false),
        "instruction_addr": frame.ip.as_deref(),
        "package": frame.image.as_deref(),
    })
}

fn thread(facts: &Facts<'_>) -> Value {
    json!({
        "id": facts.thread_facts.os_id.unwrap_or(0),
        "name": facts.thread.as_deref(),
        "crashed": true,
        "current": true,
        "main": facts.thread_facts.main,
    })
}

/// With their build ids, so that the receiver can name frames that have no names.
fn images(facts: &Facts<'_>) -> Vec<Value> {
    let image = |image: &crate::facts::Image<'_>| {
        let build_id = image.build_id.as_deref()?;
        Some(json!({
            "type": "elf",
            "code_id": build_id,
            "debug_id": debug_id(build_id)?,
            "code_file": image.path.as_deref().unwrap_or(&image.name),
            "image_addr": image.bias.as_deref()?,
        }))
    };
    facts.images.iter().filter_map(image).collect()
}

/// The first 16 bytes of the build id as a UUID whose first three parts are little-endian.
fn debug_id(build_id: &str) -> Option<String> {
    let mut bytes = [0_u8; 16];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(build_id.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    let [a, b, c, d, e, f, g, h, rest @ ..] = bytes;
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let (front, back) = rest.split_at(2);
    Some(format!("{}-{}-{}-{}-{}", hex(&[d, c, b, a]), hex(&[f, e]), hex(&[h, g]), hex(front), hex(back)))
}
