//! Damaged lines and hostile texts, into every form of output.

use proptest::prelude::*;

use serde_json::{Value, json};

use super::Auditor;
use super::samples::*;
use crate::audit::{Audit, Baseline, Detail, Ending};
use crate::record::LineReader;

/// Real lines.
fn seeds() -> Vec<String> {
    let caught =
        json!({"fate": "caught", "receipt": "received", "swallowed": true, "message": "%0A\u{1b}[2J"});
    let lines = [
        panic_line(1, json!({})),
        panic_line(2, caught),
        verdict_line(1, json!({"receipt": "received", "swallowed": true})),
        test_line("tests::charges", "ok", true),
        planned(7),
        finding_line("exit_in_test", "a", Value::Null),
        finding_line("hook_replaced", "b", json!({"name": "x", "via": "stack", "shared": true})),
        json!({"schema": 1, "kind": "panic"}),
    ];
    lines.iter().map(Value::to_string).chain(["not json".to_owned()]).collect()
}

fn everything(audit: &Audit) {
    let detail = Detail::default().stacks(true).verbose(true);
    let texts = [audit.table(detail), audit.json(), audit.junit(), audit.github(None, None)];
    // Nothing that a program said acts on a terminal.
    assert!(!texts[0].chars().any(|letter| letter.is_control() && letter != '\n'), "{:?}", texts[0]);
    for line in texts[1].lines() {
        serde_json::from_str::<Value>(line).unwrap();
    }
    let run = run([audit.clone()]);
    run.summary();
    let baseline = run.baseline(&Baseline::default());
    assert_eq!(Baseline::parse(&baseline.to_json(), "x").unwrap(), baseline);
}

fn audit_bytes(bytes: &[u8]) {
    let policy = policy("[[expect]]\nmessage = \"7\"\nreason = \"x\"");
    let mut auditor = Auditor::new(policy).whole_output();
    for line in LineReader::new(bytes) {
        auditor.line(line.unwrap().content);
    }
    everything(&auditor.finish(Ending::Exited(0)));
}

proptest! {
    #[test]
    fn no_stream_of_lines_makes_the_audit_panic(
        order in prop::collection::vec(0_usize..9, 0..20),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let seeds = seeds();
        let mut bytes: Vec<u8> = Vec::new();
        for number in order {
            bytes.extend(seeds[number].as_bytes());
            bytes.push(b'\n');
        }
        for (place, byte) in edits {
            if !bytes.is_empty() {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
        }
        if !bytes.is_empty() {
            bytes.truncate(cut.index(bytes.len()) + 1);
        }
        audit_bytes(&bytes);
    }

    #[test]
    fn no_text_in_a_line_makes_the_audit_panic(
        message in any::<String>(), test in any::<String>(), file in any::<String>(), line in any::<u32>(),
        thread in any::<Option<String>>(), silent in any::<Option<bool>>(), ended in any::<Option<bool>>(),
    ) {
        let hostile = json!({"message": message, "thread": thread, "silent": silent,
            "location": {"file": file, "line": line}, "test": {"name": test, "ended": ended}});
        audit_bytes(panic_line(1, hostile).to_string().as_bytes());
    }

    #[test]
    fn no_bytes_make_the_audit_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        audit_bytes(&bytes);
    }
}
