//! A record by the Elastic Common Schema: its fields where it has them, ours under `panic`.
//!
//! Source: Elastic Common Schema 9.4.
//!
//! Runs on: the thread of a destination.

use serde_json::{Map, Value as Json, json};

use super::attributes::{Value, attributes, resource};
use super::facts::Facts;
use super::record::Record;

/// The version whose fields these are.
const VERSION: &str = "9.4.0";

/// Names of the schema for what the conventions of OpenTelemetry name otherwise.
const KNOWN: [(&str, &str); 15] = [
    ("code.column.number", "panic.column"),
    ("code.file.path", "log.origin.file.name"),
    ("code.function.name", "log.origin.function"),
    ("code.line.number", "log.origin.file.line"),
    ("deployment.environment.name", "service.environment"),
    ("exception.message", "error.message"),
    ("exception.stacktrace", "error.stack_trace"),
    ("exception.type", "error.type"),
    ("log.record.uid", "event.id"),
    ("panic.label.span_id", "span.id"),
    ("panic.label.trace_id", "trace.id"),
    ("process.exit.code", "process.exit_code"),
    ("service.instance.id", "service.node.name"),
    ("thread.id", "process.thread.id"),
    ("thread.name", "process.thread.name"),
];

/// JSON without a newline.
pub(super) fn line(facts: &Facts<'_>, record: &Record) -> Vec<u8> {
    let severity = facts.severity();
    let mut line = json!({
        "@timestamp": facts.time(),
        "ecs": { "version": VERSION },
        "message": facts.text(),
        "log": { "level": severity.text().to_lowercase(), "logger": "panic-agent" },
        "event": {
            "action": record.event.name(),
            "dataset": "panic_agent.panics",
            "kind": "event",
            "module": "panic_agent",
            "severity": severity.number(),
        },
    });
    let Json::Object(fields) = &mut line else { return Vec::new() };
    // What followed from one panic is one error.
    if let Some(incident) = &facts.incident {
        put(fields, "error.id", Json::from(&**incident));
    }
    for (name, value) in resource(facts, record, &[]).into_iter().chain(attributes(facts, record)) {
        let value = match value {
            Value::Text(text) => Json::from(text),
            Value::Number(number) => Json::from(number),
            Value::Flag(flag) => Json::from(flag),
        };
        match (KNOWN.iter().find(|(known, _)| *known == &*name), name.strip_prefix("panic.label.")) {
            (Some((_, known)), _) => put(fields, known, value),
            // Labels of the schema are flat.
            (None, Some(label)) => put(fields, &format!("labels.{}", label.replace('.', "_")), value),
            (None, None) => put(fields, &name.replace("process.death.", "panic.death."), value),
        }
    }
    line.to_string().into_bytes()
}

/// Puts a value under a name with points. Where something else than an object is in the way, that stays.
fn put(fields: &mut Map<String, Json>, name: &str, value: Json) {
    match name.split_once('.') {
        None => {
            fields.insert(name.to_owned(), value);
        }
        Some((first, rest)) => {
            let inner = fields.entry(first).or_insert_with(|| Json::Object(Map::new()));
            if let Json::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::Outline;
    use crate::record::Event;

    fn ecs(event: Event, line: &str) -> Json {
        let outline = Outline::of(line.as_bytes()).unwrap();
        let (id, ts_ms, word) = (outline.id.to_string(), outline.ts_ms, outline.word());
        let record = Record { event, id, ts_ms, word, line: line.into(), root: None, lines: vec![] };
        serde_json::from_slice(&super::line(&Facts::of(&record).unwrap(), &record)).unwrap()
    }

    #[test]
    fn fields_of_the_schema_have_their_names_and_ours_stand_under_panic() {
        let panic = ecs(
            Event::Panic,
            r#"{"kind":"panic","id":"a-2","ts":"2026-11-28T08:00:00.000000001Z","ts_ms":1795852800000,"pid":7,"service":"shop","message":"m","fate":"thread_died","receipt":"read","incident":"a-1","labels":{"http.method":"GET","http":"x","trace_id":"t"},"location":{"file":"a.rs","line":3,"column":1}}"#,
        );
        for (path, value) in [
            ("/@timestamp", json!("2026-11-28T08:00:00.000000001Z")),
            ("/event/action", json!("rust.panic")),
            ("/event/severity", json!(17)),
            ("/log/level", json!("error")),
            ("/error/id", json!("a-1")),
            ("/error/type", json!("panic")),
            ("/log/origin/file/line", json!(3)),
            ("/labels/http_method", json!("GET")),
            ("/labels/http", json!("x")),
            ("/trace/id", json!("t")),
            ("/panic/fate", json!("thread_died")),
            ("/panic/handled", json!(false)),
            ("/service/name", json!("shop")),
            ("/process/pid", json!(7)),
        ] {
            assert_eq!(panic.pointer(path), Some(&value), "{path} in {panic}");
        }
        let death = ecs(
            Event::Death,
            r#"{"kind":"death","id":"a","ts_ms":1,"pid":7,"message":"m","cause":"abort","status":134,"panics":[]}"#,
        );
        assert_eq!(
            (&death["panic"]["death"]["cause"], &death["process"]["exit_code"]),
            (&json!("abort"), &json!(134))
        );
        assert!(death["error"].is_null() && death["log"]["level"] == "fatal", "{death}");
    }
}
