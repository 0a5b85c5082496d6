//! One suite, run as its authors do and under the audit.
//!
//! Runs on: the test's thread. Must not: let the two runs differ in anything else.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::crates::Published;

/// A copy of the sources, whose test binaries are built.
pub(crate) struct Suite<'a> {
    published: &'a Published,
    directory: PathBuf,
    scratch: PathBuf,
}

/// How a run went.
pub(crate) struct Outcome {
    pub(crate) status: Option<i32>,
    /// Results by test, with how often: several binaries may have tests of one name.
    pub(crate) results: BTreeMap<(String, String), usize>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) time: Duration,
    /// What the audit could not judge, and how many reports were lost.
    pub(crate) unjudged: BTreeMap<String, u64>,
    pub(crate) lost: u64,
}

/// A finding, as far as it matters here.
#[derive(Clone, Deserialize)]
pub(crate) struct Finding {
    pub(crate) binary: String,
    pub(crate) test: Option<String>,
    pub(crate) class: String,
    pub(crate) count: u64,
    pub(crate) message: Option<String>,
    pub(crate) folded: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Totals {
    unjudged: BTreeMap<String, u64>,
    lost: u64,
}

impl<'a> Suite<'a> {
    pub(crate) fn prepare(scratch: &Path, published: &'a Published, source: &Path) -> Self {
        let directory = scratch.join(format!("{}-{}", published.name, published.version));
        if !directory.exists() {
            copy(source, &directory).expect("a copy of the sources");
            let manifest = directory.join("Cargo.toml");
            let mut text = fs::read_to_string(&manifest).expect("a manifest");
            if !text.lines().any(|line| line.trim() == "[workspace]") {
                text.push_str("\n[workspace]\n");
            }
            fs::write(&manifest, text).expect("a manifest");
        }
        let suite = Self { published, directory, scratch: scratch.to_owned() };
        let mut command = suite.command(Command::new("cargo"));
        let output = command.arg("--no-run").output().expect("cargo");
        assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
        suite
    }

    fn command(&self, mut command: Command) -> Command {
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            let changes = ["PANIC_AGENT", "CARGO_TARGET_", "RUST_TEST_"];
            if text != "PANIC_AGENT_CACHE" && changes.iter().any(|start| text.starts_with(start)) {
                command.env_remove(&name);
            }
        }
        command.current_dir(&self.directory).env("CARGO_TARGET_DIR", self.scratch.join("target"));
        command.args(["test", "--no-fail-fast", "--lib", "--tests"]).args(&self.published.args);
        command
    }

    /// The run of its authors.
    pub(crate) fn plain(&self) -> Outcome {
        self.run(self.command(Command::new("cargo")), None)
    }

    /// The same under the audit; nothing is denied, so that the status is the suite's own.
    pub(crate) fn audited(&self) -> Outcome {
        let json = self.scratch.join(format!("{}.jsonl", self.published.name));
        let lines = self.lines();
        drop((fs::remove_file(&json), fs::remove_dir_all(&lines)));
        let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-panic-agent"));
        command.arg("panic-agent");
        let mut command = self.command(command);
        command.env("PANIC_AGENT_AUDIT", "warn").arg("--json").arg(&json);
        if self.published.crosscheck {
            command.arg("--lines").arg(&lines);
        }
        self.run(command, Some(&json))
    }

    /// What `crosscheck` makes of the source and of the audited run.
    pub(crate) fn crosscheck(&self) -> serde_json::Value {
        let scan = self.scratch.join(format!("{}.scan.json", self.published.name));
        fs::write(&scan, self.tool(&["scan".as_ref(), "--format".as_ref(), "json".as_ref()]))
            .expect("a scan");
        // A directory for each run, and in it one for each process.
        let within =
            |place: PathBuf| fs::read_dir(place).into_iter().flatten().flatten().map(|entry| entry.path());
        let lines = within(self.lines()).flat_map(within).map(|process| process.join("lines.jsonl"));
        let lines: Vec<PathBuf> = lines.filter(|path| path.is_file()).collect();
        let what: [&OsStr; 4] = ["--tests".as_ref(), "--all".as_ref(), "--format".as_ref(), "json".as_ref()];
        let mut args: Vec<&OsStr> = vec!["crosscheck".as_ref(), scan.as_os_str()];
        args.extend(lines.iter().map(|path| path.as_os_str()));
        args.extend(what);
        serde_json::from_slice(&self.tool(&args)).expect("an object")
    }

    /// Where the lines of the audited run are.
    fn lines(&self) -> PathBuf {
        self.scratch.join(format!("{}.lines", self.published.name))
    }

    fn tool(&self, args: &[&OsStr]) -> Vec<u8> {
        let mut tool = Command::new(env!("CARGO_BIN_EXE_panic-agent"));
        let output = tool.current_dir(&self.directory).args(args).output().expect("the tool");
        assert!(output.status.success(), "{tool:?}\n{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    fn run(&self, mut command: Command, json: Option<&Path>) -> Outcome {
        command.arg("--");
        command.args(self.published.skip.iter().flat_map(|test| ["--skip", test.as_str()]));
        let begin = Instant::now();
        let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let time = begin.elapsed();
        let word = if json.is_some() { "audited" } else { "plain" };
        let saved = |stream| self.scratch.join(format!("{}.{word}.{stream}", self.published.name));
        fs::write(saved("out"), &output.stdout).expect("stdout");
        fs::write(saved("err"), &output.stderr).expect("stderr");
        let text = json.map(|path| fs::read_to_string(path).unwrap_or_default()).unwrap_or_default();
        let mut outcome = Outcome {
            status: output.status.code(),
            results: results(&String::from_utf8_lossy(&output.stdout)),
            findings: Vec::new(),
            time,
            unjudged: BTreeMap::new(),
            lost: 0,
        };
        for line in text.lines() {
            let value: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
            if value["kind"] == "audit_finding" {
                outcome.findings.push(serde_json::from_value(value).expect("a finding"));
            } else if value["kind"] == "audit" {
                let totals: Totals = serde_json::from_value(value).expect("totals");
                outcome.lost += totals.lost;
                for (reason, times) in totals.unjudged {
                    *outcome.unjudged.entry(reason).or_default() += times;
                }
            }
        }
        outcome
    }
}

/// Builds the preloaded library, so that no suite's time has that in it.
pub(crate) fn build_preload() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-panic-agent"));
    let output = command.args(["panic-agent", "preload", "--build"]).output().expect("the tool");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// What libtest said of each test.
fn results(stdout: &str) -> BTreeMap<(String, String), usize> {
    let mut results = BTreeMap::new();
    for line in stdout.lines() {
        let Some((name, result)) = line.strip_prefix("test ").and_then(|rest| rest.rsplit_once(" ... "))
        else {
            continue;
        };
        let result = result.split([',', ' ']).next().unwrap_or_default();
        if ["ok", "FAILED", "ignored"].contains(&result) {
            *results.entry((name.to_owned(), result.to_owned())).or_default() += 1;
        }
    }
    results
}

/// Copies a directory, but nothing that names a toolchain or configures cargo.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if ["rust-toolchain", "rust-toolchain.toml", ".cargo", ".cargo-ok"].iter().any(|other| name == *other)
        {
            continue;
        }
        let target = to.join(&name);
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
