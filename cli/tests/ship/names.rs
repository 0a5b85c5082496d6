//! A stripped program whose lines get their names on the way.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::Place;

/// The panic that was shipped.
fn shipped(place: &Place, more: &[&str]) -> Value {
    let args = [&["--once"], more].concat();
    let ran = place.command(&args).output().expect("the tool runs");
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    let lines = String::from_utf8(ran.stdout).expect("text");
    let mut panics = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    panics.find(|line| line["kind"] == "panic").expect("a panic")
}

/// `None` where the demo or `objcopy` is missing, which is said.
fn stripped(place: &Place) -> Option<()> {
    let demo = Path::new(env!("CARGO_BIN_EXE_panic-agent")).with_file_name("agent-demo");
    for (how, to) in [("--strip-all", "demo"), ("--only-keep-debug", "demo.debug")] {
        let made = Command::new("objcopy").arg(how).arg(&demo).arg(place.path(to)).status();
        if !made.is_ok_and(|status| status.success()) {
            eprintln!("SKIPPED: `agent-demo` or `objcopy` is missing");
            return None;
        }
    }
    let mut run = Command::new(place.path("demo"));
    run.args(["run", "catch-swallowed"]).env("PANIC_AGENT_FILE", place.path("p.jsonl"));
    run.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("the demo runs");
    Some(())
}

pub(crate) fn a_stripped_program_has_names_and_a_verdict_when_its_debug_file_is_there() {
    let place = Place::new();
    if stripped(&place).is_none() {
        return;
    }
    place.configure("kind = \"stdout\"\n");
    let bare = shipped(&place, &[]);
    assert_eq!(
        (&bare["receipt"], &bare["landing"]["function"]),
        (&"unknown".into(), &Value::Null),
        "{bare:#}"
    );
    std::fs::remove_dir_all(place.path("state")).expect("what was remembered");
    let debug = place.path("demo.debug").display().to_string();
    let named = shipped(&place, &["--binary", &debug]);
    assert_eq!(named["id"], bare["id"]);
    assert_eq!(named["landing"]["function"], "agent_demo::scenarios::catching::catch_swallowed");
    assert_eq!((&named["receipt"], &named["swallowed"]), (&"received".into(), &true.into()), "{named:#}");
    // Said before anything is shipped.
    let wrong = place.command(&["--debug-dir", "none"]).output().unwrap();
    let said = String::from_utf8_lossy(&wrong.stderr);
    assert!(wrong.status.code() == Some(2) && said.contains("`none` is not a directory"), "{said}");
}
