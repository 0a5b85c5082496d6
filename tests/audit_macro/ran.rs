//! Builds the fixture, and runs tests of its binaries.
//!
//! Runs on: threads of tests. Must not: pass on variables that would change what the audit does.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use panic_agent::audit::DENIED_STATUS;
use serde_json::Value;

use crate::fixtures;

/// Variables that would change what the audit does.
const VARIABLES: [&str; 10] = [
    "PANIC_AGENT",
    "PANIC_AGENT_PROBES",
    "PANIC_AGENT_AUDIT",
    "PANIC_AGENT_AUDIT_JSON",
    "PANIC_AGENT_AUDIT_JUNIT",
    "PANIC_AGENT_AUDIT_STACKS",
    "PANIC_AGENT_AUDIT_VERBOSE",
    "PANIC_AGENT_AUDIT_WRITE_BASELINE",
    "GITHUB_ACTIONS",
    "NEXTEST",
];

/// What cargo is called with besides, so that the fixture is built for another platform; empty for this one.
const CARGO: &str = "AUDIT_MACRO_CARGO";
/// What runs its binaries, such as `wine`; empty for this platform.
const RUNNER: &str = "AUDIT_MACRO_RUNNER";

/// The words of a variable.
fn words(variable: &str) -> Vec<String> {
    std::env::var(variable).unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

/// Whether the agent of the fixture's binaries sees what becomes of errors, unless it is told not to.
pub(crate) fn sees_errors() -> bool {
    cfg!(not(panic_agent_fallback)) && words(CARGO).is_empty()
}

/// Whether the C library of its binaries, or the system, tells with which status they end.
pub(crate) fn knows_status() -> bool {
    !words(CARGO).iter().any(|word| word.contains("musl"))
}

/// Where runs leave their files.
fn place() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("audit-macro")
}

fn fixture() -> PathBuf {
    fixtures::source("audit-macro")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\r', "")
}

/// A copy of the package for one build, which cargo tells from others by its version.
pub(crate) fn copy_of_package(version: &str) -> PathBuf {
    let copy = place().join(format!("package-{version}"));
    copy_directory(&fixture(), &copy);
    let manifest = std::fs::read_to_string(copy.join("Cargo.toml")).unwrap();
    let (path, own) = ("path = \"../../..\"", format!("path = {:?}", env!("CARGO_MANIFEST_DIR")));
    assert!(manifest.contains(path) && manifest.contains("version = \"0.0.0\""), "{manifest}");
    let manifest = manifest.replace(path, &own).replace("\"0.0.0\"", &format!("{version:?}"));
    std::fs::write(copy.join("Cargo.toml"), manifest).unwrap();
    copy
}

/// The test binary of a target; all are built once.
fn binary(target_name: &str) -> PathBuf {
    static BUILT: OnceLock<Vec<(String, PathBuf)>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        // A copy that is gone when the binaries run, so that each run says by a variable where the package lies now, as
        // with tests of an archive; what it finds there is its own policy and baseline.
        let copy = copy_of_package("0.0.1");
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .args(["test", "--no-run", "--message-format", "json", "--manifest-path"])
            .arg(copy.join("Cargo.toml"))
            .arg("--target-dir")
            .arg(fixtures::target());
        let other = words(CARGO);
        if cfg!(panic_agent_fallback) {
            cargo.env("RUSTFLAGS", "--cfg panic_agent_fallback");
        } else if other.is_empty() {
            cargo.env_remove("RUSTFLAGS");
        }
        let output = cargo.args(other).output().expect("cargo runs");
        assert!(
            output.status.success(),
            "the fixture does not build: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        std::fs::remove_dir_all(&copy).unwrap();
        let messages = output.stdout.split(|byte| *byte == b'\n').filter_map(|line| {
            let message: Value = serde_json::from_slice(line).ok()?;
            let exe = message["executable"].as_str()?.to_owned();
            Some((message["target"]["name"].as_str()?.to_owned(), PathBuf::from(exe)))
        });
        messages.collect()
    });
    built.iter().find(|(name, _)| name == target_name).map(|(_, path)| path.clone()).expect(target_name)
}

fn copy_directory(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_directory(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// A directory of one test, with nothing in it but what says that it belongs to no workspace further up.
pub(crate) fn empty(name: &str) -> PathBuf {
    let directory = place().join(format!("{name}-{}", std::process::id()));
    std::fs::remove_dir_all(&directory).ok();
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("Cargo.toml"), "[workspace]\n").unwrap();
    directory
}

/// A run of some tests of a binary.
pub(crate) struct Ran {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(target_name: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut words = words(RUNNER);
        words.push(binary(target_name).into_os_string().into_string().expect("UTF-8"));
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).args(arguments).current_dir(fixture());
        VARIABLES.iter().for_each(|name| _ = command.env_remove(name));
        command.env("CARGO_MANIFEST_DIR", fixture());
        let output = command.envs(variables.iter().copied()).output().expect("it runs");
        Self { status: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// One unit test.
    pub(crate) fn test(name: &str) -> Self {
        Self::of("audited", &[&format!("tests::{name}"), "--exact"], &[])
    }

    #[track_caller]
    pub(crate) fn denied(&self, class: &str, test: &str) -> &Self {
        assert_eq!(self.status, Some(DENIED_STATUS), "{}\n{}", self.stdout, self.stderr);
        self.said(&format!("    deny {class}: ")).said(&format!("  test {test}\n"))
    }

    #[track_caller]
    pub(crate) fn warned(&self, class: &str, test: &str) -> &Self {
        assert_eq!(self.status, Some(0), "{}\n{}", self.stdout, self.stderr);
        self.said(&format!("    warn {class}: ")).said(&format!("  test {test}\n"))
    }

    #[track_caller]
    pub(crate) fn said(&self, text: &str) -> &Self {
        assert!(self.stderr.contains(text), "not said: {text:?}\n{}\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub(crate) fn quiet(&self, status: i32) -> &Self {
        assert_eq!(self.status, Some(status), "{}\n{}", self.stdout, self.stderr);
        assert!(!self.stderr.contains("panic-agent"), "{}", self.stderr);
        self
    }
}
