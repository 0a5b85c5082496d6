//! Lines made by hand, for tests.
//!
//! Runs on: tests. Must not: be compiled into the library.

use serde_json::{Value, json};

use super::Auditor;
use crate::audit::{Audit, Ending, Policy};
use crate::record::{LineContent, LineReader, Report};
use crate::testing::samples;

/// A `panic` line of a thread that died in `tests::charges`, unseen; changed by what is given.
pub(crate) fn panic_line(number: u64, changes: Value) -> String {
    let mut line = serde_json::to_value(samples::report()).unwrap();
    let own = json!({
        "id": format!("0000000000000abc-{number}"),
        "fate": "thread_died",
        "receipt": "discarded",
        "basis": "confirmed",
        "uncaught": true,
        "silent": true,
        "swallowed": false,
        "reason": null,
        "landing": {"kind": "thread_root", "function": null, "file": null, "line": null},
        "message": "connection lost",
        "thread": "worker",
        "location": {"file": "src/pool.rs", "line": 33, "column": 9},
        "labels": {},
        "test": {"name": "tests::charges", "via": "lineage", "shared": false, "first_owner": null, "ended": false,
                 "reason": null},
    });
    for changes in [own, changes] {
        merge(&mut line, changes);
    }
    // The shape is that of a real line.
    serde_json::from_value::<Report>(line.clone()).unwrap();
    line.to_string()
}

pub(crate) fn merge(line: &mut Value, changes: Value) {
    match (line, changes) {
        (Value::Object(line), Value::Object(changes)) => {
            for (key, value) in changes {
                merge(line.entry(key).or_insert(Value::Null), value);
            }
        }
        (line, value) => *line = value,
    }
}

pub(crate) fn common(kind: &str) -> Value {
    json!({"schema": 1, "kind": kind, "id": "0000000000000abc", "ts": "2026-01-01T00:00:00.000000000Z", "ts_ms": 0,
           "pid": 1, "level": "info", "service": null, "version": null, "environment": null, "host": null,
           "message": ""})
}

/// The line of a process that does not see what becomes of errors, for this reason.
pub(crate) fn blind_line(code: &str) -> String {
    let mut line = process_line(json!(["names"]));
    let lack = |field: &str| json!({"field": field, "code": code, "detail": "a sentence"});
    line["soft_errors"] = json!([
        {"field": "spool", "code": "switched_off", "detail": "another sentence"},
        lack("probe_raise"), lack("probe_dispose"),
    ]);
    line.to_string()
}

/// The line of a process that can do this.
pub(crate) fn process_line(can: Value) -> Value {
    let mut line = common("process");
    merge(
        &mut line,
        json!({"exe": null, "image": null, "agent_version": "0", "panic_strategy": "unwind", "labels": {},
               "can": can, "soft_errors": []}),
    );
    line
}

/// A panic of a thread that died, as far as it is known without probes; changed by what is given.
pub(crate) fn open_line(number: u64, changes: Value) -> String {
    let mut open = json!({
        "receipt": "unknown", "silent": null, "swallowed": null, "basis": "predicted", "landing": null,
        "reason": "payload_not_traced",
        "test": {"name": null, "via": "unknown", "shared": false, "first_owner": null, "ended": null,
                 "reason": "no_probes"},
    });
    merge(&mut open, changes);
    panic_line(number, open)
}

pub(crate) fn test_line(name: &str, result: &str, should_panic: bool) -> String {
    let mut line = common("test");
    merge(
        &mut line,
        json!({"event": "finished", "name": name, "planned": null, "result": result, "should_panic": should_panic,
               "mono_ns": 0}),
    );
    line.to_string()
}

pub(crate) fn planned(tests: u64) -> String {
    let mut line = common("test");
    merge(
        &mut line,
        json!({"event": "planned", "name": null, "planned": tests, "result": null, "should_panic": false,
               "mono_ns": 0}),
    );
    line.to_string()
}

pub(crate) fn finding_line(code: &str, function: &str, test: Value) -> String {
    let mut line = common("finding");
    let place = json!({"function": function, "file": "src/lib.rs", "line": 3, "os_thread": null});
    merge(
        &mut line,
        json!({"code": code, "message": "a sentence", "panic": null, "places": [place], "test": test}),
    );
    line.to_string()
}

pub(crate) fn verdict_line(number: u64, changes: Value) -> String {
    let panic: Value = serde_json::from_str(&panic_line(number, json!({}))).unwrap();
    let mut line = common("verdict");
    for key in [
        "id",
        "fingerprint",
        "thread",
        "fate",
        "receipt",
        "basis",
        "uncaught",
        "silent",
        "swallowed",
        "reason",
        "incident",
        "relation",
        "landing",
        "received_at",
        "hops",
        "test",
    ] {
        line[key] = panic[key].clone();
    }
    merge(&mut line, changes);
    line.to_string()
}

pub(crate) fn read(mut auditor: Auditor, lines: &[String]) -> Auditor {
    let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
    for line in LineReader::new(text.as_bytes()) {
        let content = line.unwrap().content;
        assert!(!matches!(content, LineContent::Other(_) | LineContent::Damaged(_)), "{content:?}");
        auditor.line(content);
    }
    auditor
}

pub(crate) fn audit(policy: Policy, lines: &[String]) -> Audit {
    read(Auditor::new(policy).binary("app"), lines).finish(Ending::Exited(0))
}
