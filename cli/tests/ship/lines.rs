//! Forms of lines: those by the Elastic Common Schema are held to the fields that Elastic publishes.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::receivers::{MANY, fill};
use crate::support::Place;

/// What is wrong with each line, by id or event.
fn judged(npm: &Path, lines: &[u8]) -> Vec<Value> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ship/ecs.js");
    let mut node = Command::new("node");
    node.arg(script).arg(npm).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut node = node.spawn().expect("node starts");
    let (mut pipe, lines) = (node.stdin.take().expect("a pipe"), lines.to_vec());
    let writer = std::thread::spawn(move || pipe.write_all(&lines));
    let output = node.wait_with_output().expect("it ends");
    writer.join().expect("it ended").expect("node reads");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("a text");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

pub(crate) fn ecs(npm: &Path) {
    let place = Place::new();
    let filled = fill(&place, MANY);
    place.configure("kind = \"stdout\"\nformat = \"ecs\"\n");
    let output = place.command(&["--once"]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let mut told = BTreeMap::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        if line["event"]["action"] == "rust.panic" {
            let fields = (
                line["panic"]["fate"].clone(),
                line["event"]["severity"].clone(),
                line["error"]["id"].clone(),
            );
            told.insert(line["panic"]["id"].as_str().expect("an id").to_owned(), fields);
        }
    }
    let expected = filled
        .told
        .iter()
        .map(|(id, word)| (id.clone(), (json!(word.fate), json!(word.severity), json!(word.incident))));
    assert_eq!(told, expected.collect());
    let verdicts = judged(npm, &output.stdout);
    assert_eq!(verdicts.len(), filled.records());
    let wrong: Vec<_> = verdicts.iter().filter(|verdict| verdict["wrong"] != json!([])).take(3).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    // Who judges would see it: our own lines are none of the schema.
    let own = std::fs::read(place.path("p.jsonl")).expect("the log");
    assert!(judged(npm, &own).iter().all(|verdict| verdict["wrong"] != json!([])));
}
