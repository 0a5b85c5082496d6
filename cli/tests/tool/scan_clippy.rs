//! `panic-agent scan --clippy`: with the compiler's word a finding becomes certain, falls away, or is there at all.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use crate::support::{Place, Ran, assert_schema, skip};

/// What the source alone can only guess, and what it cannot see. `#![deny]` and `#![allow]` are the user's, and change nothing.
const LIB: &str = r#"#![allow(unused_results, clippy::disallowed_methods)]
#![deny(warnings, clippy::all)]
use parts::{Job, Parts};
use std::thread::{self, JoinHandle};

pub struct Pool;

impl Pool {
    pub fn start(&self) -> JoinHandle<()> {
        thread::spawn(|| ())
    }
    pub fn run<J: Job>(&self, job: J) -> J::Ended {
        job.run()
    }
}

pub struct Work;

impl Job for Work {
    type Ended = JoinHandle<()>;
    fn run(self) -> JoinHandle<()> {
        thread::spawn(|| ())
    }
}

macro_rules! go {
    ($x:expr) => {
        thread::spawn(move || $x)
    };
}

pub fn method(pool: &Pool) {
    pool.start();
}

pub fn generic(pool: &Pool) {
    pool.run(Work);
}

pub fn number(pool: &Pool) {
    pool.run(parts::Number);
}

pub fn macros() {
    go!(1);
}

pub fn glob() {
    use std::thread::*;
    spawn(|| ());
}

pub fn thread_join(worker: impl Into<JoinHandle<()>>) {
    let _ = worker.into().join();
}

pub fn other_join(parts: impl Into<Parts>) {
    let _ = parts.into().join();
}

pub fn other_spawn(runner: &parts::Runner) {
    runner.spawn(|| 1);
}

#[cfg(windows)]
pub fn elsewhere(runner: &parts::Runner, parts: impl Into<Parts>) {
    runner.spawn(|| 1);
    let _ = parts.into().join();
}
"#;

const PARTS: &str = r#"pub struct Parts;

impl Parts {
    pub fn join(self) -> Result<String, String> {
        Ok(String::new())
    }
}

pub struct Runner;

impl Runner {
    pub fn spawn(&self, run: impl FnOnce() -> u8) -> u8 {
        run()
    }
}

pub trait Job {
    type Ended;
    fn run(self) -> Self::Ended;
}

pub struct Number;

impl Job for Number {
    type Ended = u8;
    fn run(self) -> u8 {
        1
    }
}
"#;

/// A workspace with these two packages; `false` where there is no clippy.
fn workspace(place: &Place, lib: &str) -> bool {
    let clippy = Command::new(env!("CARGO")).args(["clippy", "--version"]).output();
    if !clippy.is_ok_and(|output| output.status.success()) {
        skip("there is no clippy");
        return false;
    }
    for (package, needs, text) in [("app", "parts = { path = \"../parts\" }\n", lib), ("parts", "", PARTS)] {
        fs::create_dir_all(place.path(&format!("w/{package}/src/bin"))).unwrap();
        let manifest = format!(
            "[package]\nname = \"{package}\"\nversion = \"1.0.0\"\nedition = \"2024\"\n[dependencies]\n{needs}"
        );
        place.put(&format!("w/{package}/Cargo.toml"), manifest);
        place.put(&format!("w/{package}/src/lib.rs"), text);
    }
    place.put("w/Cargo.toml", "[workspace]\nmembers = [\"app\", \"parts\"]\nresolver = \"3\"\n");
    true
}

fn run(place: &Place, args: &[&str]) -> Ran {
    let mut scan = place.command(&[&["scan", "w"], args].concat());
    scan.env("CARGO_NET_OFFLINE", "true").env_remove("CARGO_TARGET_DIR").env_remove("CARGO_BUILD_TARGET_DIR");
    Ran::from(scan.output().expect("the tool runs"))
}

fn json(place: &Place, args: &[&str]) -> serde_json::Value {
    let ran = run(place, &[&["--format", "json"], args].concat());
    assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{args:?}");
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_schema("scan", std::slice::from_ref(&report));
    report
}

/// By function: rule, certainty and level of each finding.
fn findings(report: &serde_json::Value) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for finding in report["findings"].as_array().unwrap() {
        let text = |field: &str| finding[field].as_str().unwrap();
        let function = text("function").rsplit("::").next().unwrap().to_owned();
        all.entry(function).or_default().push(format!(
            "{} {} {}",
            text("rule"),
            text("certainty"),
            text("level")
        ));
    }
    all
}

#[test]
fn what_is_guessed_becomes_certain_or_falls_away_and_what_no_name_shows_is_found() {
    let place = Place::new(&[]);
    if !workspace(&place, LIB) {
        return;
    }
    let of =
        |all: &BTreeMap<String, Vec<String>>, function: &str| all.get(function).cloned().unwrap_or_default();
    let (source, clippy) = (json(&place, &[]), json(&place, &["--clippy"]));
    assert_eq!((&source["engine"], &clippy["engine"]), (&"source".into(), &"clippy".into()));
    let (without, with) = (findings(&source), findings(&clippy));
    let (guess, dropped) = ("dropped-handle guessed note", "dropped-handle resolved warn");
    let expected: [(&str, &[&str], &[&str]); 9] = [
        // Certain: an own method, a name out of `*`, a receiver that nobody names.
        ("method", &[guess], &[dropped]),
        ("glob", &["dropped-handle syntactic warn"], &[dropped]),
        ("thread_join", &["ignored-join syntactic warn"], &["ignored-join resolved warn"]),
        // Found: the type of a trait, what a macro makes; and the twin whose type is a number.
        ("generic", &[], &[dropped]),
        ("macros", &[], &[dropped]),
        ("number", &[], &[]),
        // Falls away: methods of the same names that have nothing to do with threads.
        ("other_join", &["ignored-join syntactic warn"], &[]),
        ("other_spawn", &[guess], &[]),
        // Not compiled here, so the compiler's silence says nothing.
        ("elsewhere", &[guess, "ignored-join syntactic warn"], &[guess, "ignored-join syntactic warn"]),
    ];
    for (function, source, compiled) in expected {
        assert_eq!(of(&without, function), source, "{function}, of the source alone: {without:#?}");
        assert_eq!(of(&with, function), compiled, "{function}, with clippy: {with:#?}");
    }
    let sites = clippy["sites"].as_array().unwrap();
    for finding in clippy["findings"].as_array().unwrap() {
        let site = &sites[usize::try_from(finding["site"].as_u64().unwrap()).unwrap()];
        assert_eq!(
            (&site["function"], &site["span"]["line"]),
            (&finding["function"], &finding["span"]["line"])
        );
    }
    // The second time nothing is compiled, and all is said again.
    assert_eq!(findings(&json(&place, &["--clippy"])), with);
    // The user's build has nothing of it.
    let mut there: Vec<String> = fs::read_dir(place.path("w/target"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    there.sort();
    assert_eq!(there, ["CACHEDIR.TAG", "panic-agent-clippy"]);
    let text = run(&place, &["--clippy", "-p", "app"]).out;
    assert!(text.contains("`go!(1)` returns the handle of a thread, which is dropped"), "{text}");
}

#[test]
fn a_comment_allows_what_only_the_compiler_finds() {
    let place = Place::new(&[]);
    let comment = "    // panic-agent: allow(dropped-handle) it has nothing to lose\n    go!(1);";
    if !workspace(&place, &LIB.replace("    go!(1);", comment)) {
        return;
    }
    let with = findings(&json(&place, &["--clippy"]));
    assert_eq!(with.get("macros").map(Vec::len), Some(1), "allowed, and no comment without use: {with:#?}");
    assert_eq!(run(&place, &["--clippy", "--deny", "unused-allow"]).status, 0);
    // The source alone sees nothing there to allow.
    assert_eq!(run(&place, &["--deny", "unused-allow"]).status, 1);
}

#[test]
fn what_does_not_compile_is_named_and_the_rest_is_judged() {
    let place = Place::new(&[]);
    if !workspace(&place, LIB) {
        return;
    }
    place.put("w/app/src/bin/broken.rs", "fn main() {\n    let number: u8 = \"text\";\n}\n");
    let ran = run(&place, &["--clippy", "--format", "json"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(
        ran.err.contains("app/src/bin/broken.rs:2:22: error: mismatched types: this part"),
        "{}",
        ran.err
    );
    let report = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(findings(&report)["method"], ["dropped-handle resolved warn"]);
    fs::remove_file(place.path("w/app/src/bin/broken.rs")).unwrap();
    assert_eq!(run(&place, &["--clippy"]).err, "");

    place.put("w/parts/src/lib.rs", "pub fn broken() -> u8 {\n    \"text\"\n}\n");
    let ran = run(&place, &["--clippy"]);
    assert!(ran.status == 2 && ran.err.contains("parts/src/lib.rs:2:5: error: mismatched types"), "{ran:?}");
    assert!(ran.err.contains("nothing here compiles"), "{}", ran.err);
    assert_eq!(run(&place, &[]).status, 0, "source is enough without it");
}

#[test]
fn where_it_cannot_be_run_the_reason_and_the_remedy_are_said() {
    let place = Place::new(&[]);
    fs::create_dir_all(place.path("w")).unwrap();
    place.put("w/loose.rs", "fn a() { std::thread::spawn(|| ()); }\n");
    let ran = run(&place, &["--clippy"]);
    assert!(ran.status == 2 && ran.err.contains("`w` is in no package"), "{ran:?}");
    let ran = run(&place, &["--features", "x"]);
    assert!(ran.status == 2 && ran.err.contains("--clippy"), "{ran:?}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if !workspace(&place, LIB) {
            return;
        }
        let real = env!("CARGO");
        let fake = format!(
            "#!/bin/sh\nif [ \"$1\" = clippy ]; then echo 'error: no such command: `clippy`' >&2; exit 101; fi\nexec '{real}' \"$@\"\n"
        );
        place.put("cargo", fake);
        fs::set_permissions(place.path("cargo"), fs::Permissions::from_mode(0o755)).unwrap();
        let mut scan = place.command(&["scan", "w", "--clippy"]);
        let ran = Ran::from(scan.env("CARGO", place.path("cargo")).output().unwrap());
        assert_eq!(ran.status, 2, "{ran:?}");
        for part in ["no such command: `clippy`", "rustup component add clippy"] {
            assert!(ran.err.contains(part), "{part}: {}", ran.err);
        }
    }
}
