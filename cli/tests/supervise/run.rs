//! One supervised run, from outside.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use crate::support::{self, words};

/// The program that dies; compiled once per strategy.
pub(crate) fn deaths(abort: bool) -> &'static Path {
    static BUILT: [OnceLock<PathBuf>; 2] = [const { OnceLock::new() }; 2];
    BUILT[usize::from(abort)].get_or_init(|| {
        let name = if abort { "deaths-abort" } else { "deaths" };
        let out = support::place("supervise").join(name);
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/supervise/deaths.rs");
        let mut rustc = Command::new("rustc");
        rustc.args(["--edition", "2024", "-g"]).arg("-o").arg(&out).arg(source);
        if abort {
            rustc.args(["-C", "panic=abort"]);
        }
        let output = rustc.output().expect("rustc runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        out
    })
}

/// A directory with a log, and the tool that will write it.
pub(crate) struct Run {
    directory: tempfile::TempDir,
}

/// How the tool ended.
pub(crate) struct Ended {
    pub(crate) output: Output,
    pub(crate) lines: Vec<Value>,
    /// Names of all files in the directory of the log.
    pub(crate) files: Vec<String>,
}

impl Run {
    pub(crate) fn new() -> Self {
        support::library();
        Self { directory: tempfile::tempdir_in(support::place("runs")).expect("a directory") }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The command; without a core file, which would stay in the directory.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, options: &[&str], program: &Path, args: &[S]) -> Command {
        let mut tool = support::tool();
        tool.args(["run", "--supervise", "--backoff", "1ms", "--file"]).arg(self.path("panics.jsonl"));
        tool.args(options).arg("--").arg(program).args(args).current_dir(self.directory.path());
        tool.stdin(Stdio::null());
        tool
    }

    pub(crate) fn end(&self, output: Output) -> Ended {
        let text = fs::read_to_string(self.path("panics.jsonl")).unwrap_or_default();
        let lines: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
        lines.iter().for_each(words::note);
        let entries = fs::read_dir(self.directory.path()).expect("it is there");
        let mut files: Vec<_> = entries
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .filter(|name| !name.starts_with("core"))
            .collect();
        files.sort();
        Ended { output, lines, files }
    }
}

/// Runs it to its end, without a restart.
pub(crate) fn once(options: &[&str], abort: bool, args: &[&str]) -> Ended {
    let run = Run::new();
    let options = [&["--restart", "never"], options].concat();
    let output = run.command(&options, deaths(abort), args).output().expect("the tool runs");
    run.end(output)
}

impl Ended {
    pub(crate) fn of_kind(&self, kind: &str) -> Vec<&Value> {
        self.lines.iter().filter(|line| line["kind"] == kind).collect()
    }

    /// The only death.
    pub(crate) fn death(&self) -> &Value {
        let deaths = self.of_kind("death");
        assert_eq!(deaths.len(), 1, "{:#?}\n{}", self.lines, self.stderr());
        deaths[0]
    }

    /// `status N` or `signal N`.
    pub(crate) fn status(&self) -> String {
        match (self.output.status.code(), self.output.status.signal()) {
            (Some(code), _) => format!("status {code}"),
            (None, signal) => format!("signal {}", signal.unwrap_or_default()),
        }
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    pub(crate) fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }
}
