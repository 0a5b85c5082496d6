//! Incidents as JSON, one a line: `docs/schemas/view.json` has the schema.
//!
//! Runs on: the main thread. Must not: change without a new version in `schema`.

use panic_agent::record::VerdictLine;
use serde::Serialize;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::story::{Incident, Note, Process, Story, Told, words};

/// Name and version of what is written.
pub(crate) const SCHEMA: &str = "panic-agent.view/1";

/// The line of a story.
pub(crate) fn line(story: &Story, process: Option<&Process>) -> Result<String, Failure> {
    let value = match story {
        Story::Incident(incident) => of_incident(incident, process),
        Story::Note(note, at) => json!({
            "schema": SCHEMA,
            "kind": "note",
            "line": at.to_string(),
            "note": match note {
                Note::Finding(line) => value(&**line)?,
                Note::Repeats(line) => value(&**line)?,
                Note::Death(line) => value(&**line)?,
            },
        }),
    };
    Ok(format!("{value}\n"))
}

/// The line of a verdict on a panic whose incident was told before.
pub(crate) fn late(verdict: &VerdictLine) -> Result<String, Failure> {
    Ok(format!(
        "{}\n",
        json!({ "schema": SCHEMA, "kind": "verdict", "id": verdict.head.id.to_string(), "verdict": value(verdict)? })
    ))
}

fn of_incident(incident: &Incident, process: Option<&Process>) -> Value {
    let process = process.map(|process| {
        json!({
            "line": process.line.as_deref(),
            "ended": process.end.is_some(),
            "died": process.died,
            "lost": process.lost(),
        })
    });
    json!({
        "schema": SCHEMA,
        "kind": "incident",
        "incident": incident.id.to_string(),
        "silent": incident.is_silent(),
        "swallowed": incident.is_swallowed(),
        "repeats": incident.repeats,
        "headless": incident.headless,
        "continued": incident.continued,
        "process": process,
        "panics": incident.panics.iter().map(of_panic).collect::<Vec<_>>(),
    })
}

fn of_panic(told: &Told) -> Value {
    let word = &told.word;
    json!({
        "id": told.id.to_string(),
        "line": told.at.to_string(),
        "told": {
            "what": words::fate(word),
            "stopped": words::stopped(word),
            "error": words::error(told),
        },
        "fate": word.fate,
        "receipt": word.receipt,
        "basis": word.basis,
        "uncaught": word.uncaught,
        "silent": word.silent,
        "swallowed": word.swallowed,
        "reason": word.reason,
        "relation": word.relation,
        "landing": word.landing,
        "received_at": word.received_at,
        "hops": word.hops,
        "report": told.report.as_deref(),
        "verdicts": told.verdicts.iter().map(|line| &**line).collect::<Vec<_>>(),
        "findings": told.findings.iter().map(|line| &**line).collect::<Vec<_>>(),
    })
}

fn value(line: impl Serialize) -> Result<Value, Failure> {
    serde_json::to_value(line).map_err(|error| Failure::new(error.to_string()))
}
