//! Builds the programs of `tests/zoo`, once per test binary and kind of build, and runs them with and without us.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part")]

#[path = "../../../tests/words/mod.rs"]
pub mod words;

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, OnceLock};

use serde_json::Value;

/// A kind of build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    Debug,
    Release,
    Stripped,
    /// std is a library of its own.
    Dynamic,
    Abort,
    /// Without a loader.
    Static,
}

/// What was built.
#[derive(Debug)]
pub struct Built {
    pub directory: PathBuf,
    profile: PathBuf,
}

impl Built {
    pub fn program(&self, name: &str) -> PathBuf {
        self.profile.join(name)
    }
}

/// Says that a test does not run, past the capture of its output.
pub fn skip(reason: &str) {
    std::io::Write::write_all(&mut std::io::stderr(), format!("SKIPPED: {reason}\n").as_bytes()).ok();
}

/// A directory of the tests inside of cargo's target directory.
pub fn place(name: &str) -> PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&place).expect("a directory of the tests");
    place
}

/// The workspace of the programs.
pub fn zoo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/zoo")
}

pub fn host() -> String {
    let output = Command::new("rustc").arg("-vV").output().expect("rustc runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host").to_owned()
}

/// Builds everything of one kind, once.
pub fn build(kind: Build) -> &'static Built {
    static BUILT: [OnceLock<Built>; 6] = [const { OnceLock::new() }; 6];
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    BUILT[kind as usize].get_or_init(|| {
        let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (name, profile, flags) = match kind {
            Build::Debug => ("zoo", "dev", ""),
            Build::Release => ("zoo", "release", ""),
            Build::Stripped => ("zoo", "stripped", ""),
            Build::Abort => ("zoo", "abort", ""),
            Build::Dynamic => ("zoo-dynamic", "dev", "-Cprefer-dynamic"),
            Build::Static => ("zoo-static", "dev", "-Ctarget-feature=+crt-static"),
        };
        let directory = place(name);
        let mut cargo = cargo();
        cargo.args(["build", "--locked", "--profile", profile, "--package", "program"]).current_dir(zoo());
        cargo.env("CARGO_TARGET_DIR", &directory).env("RUSTFLAGS", flags);
        if kind == Build::Debug {
            cargo.args(["--package", "plugin", "--package", "linked"]);
        }
        let mut inside = directory.clone();
        if kind == Build::Static {
            // The flag is for the programs alone.
            cargo.args(["--target", &host()]);
            inside.push(host());
        }
        let output = cargo.output().expect("cargo runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let profile = if profile == "dev" { "debug" } else { profile };
        Built { profile: inside.join(profile), directory }
    })
}

/// Cargo, without what the test run itself has set.
pub fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    clean(&mut cargo);
    cargo
}

/// The tool, with a cache of the tests.
pub fn tool() -> Command {
    let mut tool = Command::new(env!("CARGO_BIN_EXE_panic-agent"));
    clean(&mut tool);
    tool
}

fn clean(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let of_the_run =
            ["CARGO_PKG_", "CARGO_BIN_", "CARGO_MANIFEST_", "CARGO_TARGET_", "PANIC_AGENT", "NEXTEST"];
        if of_the_run.iter().any(|prefix| text.starts_with(prefix)) || text == "GITHUB_ACTIONS" {
            command.env_remove(&name);
        }
    }
    command.env("PANIC_AGENT_CACHE", place("cache")).env("RUST_BACKTRACE", "0").env_remove("RUSTFLAGS");
}

/// Whether a program is installed.
pub fn has(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// How a program ended, and what it printed, without what differs from run to run.
pub type Ran = (String, String, String);

fn ran(output: &Output) -> Ran {
    let status = match (output.status.code(), output.status.signal()) {
        (Some(code), _) => format!("status {code}"),
        (_, signal) => format!("signal {signal:?}"),
    };
    let text = |bytes: &[u8]| without_numbers(&String::from_utf8_lossy(bytes));
    (status, text(&output.stdout), text(&output.stderr))
}

/// Addresses and ids of threads and processes are others in each run.
fn without_numbers(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let after = &rest[letter.len_utf8()..];
        if letter == '(' && after.starts_with(|digit: char| digit.is_ascii_digit()) {
            plain.push_str("(#");
            rest = after.trim_start_matches(|digit: char| digit.is_ascii_digit());
        } else if let Some(hex) = rest.strip_prefix("0x") {
            plain.push_str("0x#");
            rest = hex.trim_start_matches(|digit: char| digit.is_ascii_hexdigit());
        } else {
            plain.push(letter);
            rest = after;
        }
    }
    plain
}

/// Runs a program without us.
pub fn plain(kind: Build, program: &Path, args: &[&str]) -> Ran {
    let mut command = Command::new(program);
    clean(&mut command);
    ran(&environment(kind, command.args(args)).output().expect("it runs"))
}

fn environment(kind: Build, command: &mut Command) -> &mut Command {
    if kind == Build::Dynamic {
        let output = Command::new("rustc").args(["--print", "target-libdir"]).output().expect("rustc runs");
        command.env("LD_LIBRARY_PATH", String::from_utf8_lossy(&output.stdout).trim());
    }
    command
}

/// Runs a program observed.
pub fn observe(kind: Build, program: &Path, args: &[&str]) -> Observed {
    let args = args.iter().map(OsString::from).collect();
    Observed::command(kind, |_| (vec![], program.into(), args))
}

/// A program that ran observed.
#[derive(Debug)]
pub struct Observed {
    pub ran: Ran,
    pub lines: Vec<Value>,
}

/// What was told of a panic in the end.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    pub message: String,
    pub thread: Option<String>,
    /// `file:line:column`.
    pub place: Option<String>,
    pub hook: Option<bool>,
    pub predicted: String,
    pub fate: String,
    pub receipt: String,
}

impl Observed {
    pub fn run(options: &[&str], program: &Path, args: &[&str]) -> Self {
        let (options, args) = (options.iter().map(OsString::from), args.iter().map(OsString::from));
        Self::command(Build::Debug, |_| (options.collect(), program.into(), args.collect()))
    }

    /// With a command that knows the file of the lines.
    pub fn with_log(say: impl FnOnce(&Path) -> (Vec<OsString>, OsString, Vec<OsString>)) -> Self {
        Self::command(Build::Debug, say)
    }

    fn command(kind: Build, say: impl FnOnce(&Path) -> (Vec<OsString>, OsString, Vec<OsString>)) -> Self {
        let directory = tempfile::tempdir_in(place("runs")).expect("a directory");
        let log = directory.path().join("panics.jsonl");
        let (options, program, args) = say(&log);
        let mut tool = tool();
        tool.arg("run").arg("--file").arg(&log).args(options).arg("--").arg(program).args(args);
        // Before the program, so that its building is not told on the program's stderr.
        library();
        let output = environment(kind, &mut tool).output().expect("the tool runs");
        let text = fs::read_to_string(&log).unwrap_or_default();
        let lines: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
        lines.iter().for_each(words::note);
        Self { ran: ran(&output), lines }
    }

    /// The last word on each panic, in order.
    pub fn told(&self) -> Vec<Told> {
        let of_kind = |kind: &'static str| self.lines.iter().filter(move |line| line["kind"] == kind);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        // The last of an id stays.
        let verdicts: HashMap<&str, &Value> =
            of_kind("verdict").filter_map(|verdict| Some((verdict["id"].as_str()?, verdict))).collect();
        let told = of_kind("panic").map(|panic| {
            let last = panic["id"].as_str().and_then(|id| verdicts.get(id).copied()).unwrap_or(panic);
            let location = &panic["location"];
            let predicted = if panic["prediction"]["stop"] == "abort" {
                "aborted".to_owned()
            } else {
                text(&panic["fate"])
            };
            Told {
                message: text(&panic["message"]),
                thread: panic["thread"].as_str().map(str::to_owned),
                place: location["file"]
                    .as_str()
                    .map(|file| format!("{file}:{}:{}", location["line"], location["column"])),
                hook: panic["hook"].as_bool(),
                predicted,
                fate: text(&last["fate"]),
                receipt: text(&last["receipt"]),
            }
        });
        told.collect()
    }

    /// Every panic that the program announced has the place that it announced.
    pub fn assert_places(&self, case: &str) {
        let told = self.told();
        for announced in self.ran.1.lines().filter_map(|line| line.strip_prefix("expect ")) {
            let (message, place) = announced.rsplit_once(' ').expect("a message and a place");
            let places: Vec<_> =
                told.iter().filter(|told| told.message == message).map(|told| &told.place).collect();
            assert_eq!(places, [&Some(place.to_owned())], "{case}: {message}");
        }
    }
}

/// Builds the library, once per test run.
pub fn library() {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let output = tool().args(["preload", "--build"]).output().expect("the tool runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    });
}
