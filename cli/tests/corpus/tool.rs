//! Runs the tool, and reads what it found.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Where something was found: file, line, rule.
pub(crate) type Place = (String, u64, String);

/// The report of a scan.
pub(crate) fn scan(args: &[&str], path: &Path) -> Value {
    let mut tool = Command::new(env!("CARGO_BIN_EXE_panic-agent"));
    tool.arg("scan").arg(path).args(args).args(["--format", "json"]).env_remove("PANIC_AGENT");
    let output = tool.output().expect("the tool runs");
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{tool:?}: {}: {err}", output.status);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{tool:?}: {error}: {err}"))
}

/// The findings of a report that are wanted.
pub(crate) fn places(report: &Value, is_wanted: impl Fn(&Value) -> bool) -> BTreeSet<Place> {
    let all = report["findings"].as_array().expect("findings").iter().filter(|finding| is_wanted(finding));
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    all.map(|finding| {
        (text(&finding["file"]), finding["span"]["line"].as_u64().expect("a line"), text(&finding["rule"]))
    })
    .collect()
}

/// Says something past the capture of a test's output.
pub(crate) fn say(text: &str) {
    std::io::Write::write_all(&mut std::io::stderr(), format!("{text}\n").as_bytes()).ok();
}

/// A file of the repository.
pub(crate) fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
