//! Lines made by hand, for tests.
//!
//! Runs on: tests. Must not: be compiled into the library.

use serde_json::{Value, json};

use super::Auditor;
use crate::audit::{Audit, Ending, Policy, Run};
use crate::record::{LineContent, LineReader, Report};
use crate::testing::samples;

/// A `panic` line of a thread that died in `tests::charges`, unseen; changed by what is given.
pub(crate) fn panic_line(number: u64, changes: Value) -> Value {
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
    line
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

/// A line of this kind, with these fields besides those of every line.
pub(crate) fn line(kind: &str, fields: Value) -> Value {
    let mut line = json!({
        "schema": 1, "kind": kind, "id": "0000000000000abc", "ts": "2026-01-01T00:00:00.000000000Z", "ts_ms": 0,
        "pid": 1, "level": "info", "service": null, "version": null, "environment": null, "host": null, "message": "",
    });
    merge(&mut line, fields);
    line
}

/// The line of a process that does not see what becomes of errors, for this reason.
pub(crate) fn blind_line(code: &str) -> Value {
    let mut line = process_line(json!(["names"]));
    let lack = |field: &str| json!({"field": field, "code": code, "detail": "a sentence"});
    line["soft_errors"] = json!([
        {"field": "spool", "code": "switched_off", "detail": "another sentence"},
        lack("probe_raise"), lack("probe_dispose"),
    ]);
    line
}

/// The line of a process that can do this.
pub(crate) fn process_line(can: Value) -> Value {
    let fields = json!({"exe": null, "image": null, "agent_version": "0", "panic_strategy": "unwind", "labels": {},
        "can": can, "soft_errors": []});
    line("process", fields)
}

/// A panic of a thread that died, as far as it is known without probes; changed by what is given.
pub(crate) fn open_line(number: u64, changes: Value) -> Value {
    let mut open = json!({
        "receipt": "unknown", "silent": null, "swallowed": null, "basis": "predicted", "landing": null,
        "reason": "payload_not_traced",
        "test": {"name": null, "via": "unknown", "shared": false, "first_owner": null, "ended": null,
                 "reason": "no_probes"},
    });
    merge(&mut open, changes);
    panic_line(number, open)
}

pub(crate) fn test_line(name: &str, result: &str, should_panic: bool) -> Value {
    let fields = json!({"event": "finished", "name": name, "planned": null, "result": result,
        "should_panic": should_panic, "mono_ns": 0});
    line("test", fields)
}

pub(crate) fn planned(tests: u64) -> Value {
    let fields = json!({"event": "planned", "name": null, "planned": tests, "result": null, "should_panic": false,
        "mono_ns": 0});
    line("test", fields)
}

pub(crate) fn finding_line(code: &str, function: &str, test: Value) -> Value {
    let place = json!({"function": function, "file": "src/lib.rs", "line": 3, "os_thread": null});
    line(
        "finding",
        json!({"code": code, "message": "a sentence", "panic": null, "places": [place], "test": test}),
    )
}

/// A `verdict` line, which repeats what the panic line says; changed by what is given.
pub(crate) fn verdict_line(number: u64, changes: Value) -> Value {
    let mut line = panic_line(number, changes);
    line["kind"] = "verdict".into();
    line
}

pub(crate) fn read(mut auditor: Auditor, lines: &[Value]) -> Auditor {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    for line in LineReader::new(text.as_bytes()) {
        let content = line.unwrap().content;
        assert!(!matches!(content, LineContent::Other(_) | LineContent::Damaged(_)), "{content:?}");
        auditor.line(content);
    }
    auditor
}

/// What is found in a process that wrote these lines and ended with 0.
pub(crate) fn audit(policy: Policy, lines: &[Value]) -> Audit {
    read(Auditor::new(policy).binary("app"), lines).finish(Ending::Exited(0))
}

pub(crate) fn policy(text: &str) -> Policy {
    Policy::parse(text, "panic-audit.toml").unwrap()
}

pub(crate) fn run(audits: impl IntoIterator<Item = Audit>) -> Run {
    Run { audits: audits.into_iter().collect() }
}
