//! `--clippy`: the compiler's own word on what is called and what is dropped.
//!
//! Reading order: this file (clippy is run), `facts` (what it said, by place), `listed` (what it is asked for, and types as it
//! prints them), `confirm` (what was found, held against it).
//!
//! Runs on: the main thread, `confirm` on those that read files. Must not: touch the user's build, or believe silence about code
//! that was not compiled.

mod confirm;
mod facts;
mod listed;

pub(super) use confirm::confirm;
pub(crate) use facts::{Facts, FileFacts};
pub(super) use listed::{is_future_catch, receiver};

use std::ffi::OsString;
use std::fs;
use std::io::{IsTerminal as _, Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::args::ScanArgs;
use super::workspace::Workspace;
use crate::failure::Failure;
use crate::story::words::count;

/// Lints that are asked for. `--force-warn`, because an `#[allow]` is about the user's style, and nothing of that is shown.
const LINTS: [&str; 4] = [
    // The type of each value that a statement drops; in two lints, because some types must be used.
    "unused_results",
    "unused_must_use",
    // Which function a name means.
    "clippy::disallowed_methods",
    // With the threshold 0 it names every function that is compiled: only there silence says something.
    "clippy::cognitive_complexity",
];

/// Places that do not compile and are named one by one.
const MAX_NAMED: usize = 3;

/// Directory in cargo's target directory.
const DIRECTORY: &str = "panic-agent-clippy";

/// Runs clippy on what is scanned.
pub(super) fn run(workspace: &Workspace, args: &ScanArgs) -> Result<Facts, Failure> {
    let Some(target) = &workspace.target else {
        return Err(Failure::new(format!(
            "`--clippy` compiles what it scans, and `{}` is in no package: without `--clippy` source is enough",
            args.path.as_deref().unwrap_or(Path::new(".")).display()
        )));
    };
    is_there(&workspace.root)?;
    let own = target.join(DIRECTORY);
    let settings = settings(target, &own)?;
    let mut said = tempfile::tempfile()
        .map_err(|error| Failure::new(format!("a file for what clippy says: {error}")))?;
    let mut clippy = command(workspace, args, &own);
    clippy.env("CLIPPY_CONF_DIR", settings).stdin(Stdio::null()).stdout(Stdio::piped());
    if std::io::stderr().is_terminal() {
        // How far it is.
        clippy.stderr(Stdio::inherit());
    } else {
        let file = said.try_clone().map_err(|error| Failure::new(error.to_string()))?;
        clippy.arg("--quiet").stderr(file);
    }
    clippy.arg("--").args(["-A", "warnings", "-A", "clippy::all", "--cap-lints", "warn"]);
    LINTS.iter().for_each(|lint| {
        clippy.args(["--force-warn", lint]);
    });
    let mut child = clippy.spawn().map_err(|error| Failure::cannot_start(Path::new(&cargo()), &error))?;
    let facts = match child.stdout.take() {
        Some(out) => Facts::read(out, &workspace.root),
        None => Facts::default(),
    };
    let status = child.wait().map_err(|error| Failure::new(format!("clippy: {error}")))?;
    if !status.success() {
        let mut text = String::new();
        let _nothing_to_show = said.rewind().and_then(|()| said.read_to_string(&mut text));
        failed(&facts, &text)?;
    }
    Ok(facts)
}

/// Tells what does not compile; it is an error if nothing does.
fn failed(facts: &Facts, said: &str) -> Result<(), Failure> {
    let Some(first) = facts.errors.first() else {
        let line = said.lines().find(|line| line.starts_with("error")).or(said.lines().last());
        return Err(Failure::new(format!("cargo clippy failed: {}", line.unwrap_or("it said nothing"))));
    };
    if facts.is_empty() {
        return Err(Failure::new(format!(
            "{first}: nothing here compiles, and without types `--clippy` has nothing to say"
        )));
    }
    for error in facts.errors.iter().take(MAX_NAMED) {
        eprintln!("panic-agent: {error}: this part does not compile, and is read as without `--clippy`");
    }
    if let more @ 1.. = facts.errors.len().saturating_sub(MAX_NAMED) {
        eprintln!("panic-agent: and {} more", count(more as u64, "error"));
    }
    Ok(())
}

fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Says how to get clippy where it is not.
fn is_there(root: &Path) -> Result<(), Failure> {
    let mut ask = Command::new(cargo());
    ask.args(["clippy", "--version"]).current_dir(root).stdin(Stdio::null());
    let output = ask.output().map_err(|error| Failure::cannot_start(Path::new(&cargo()), &error))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let first = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    Err(Failure::new(format!(
        "`--clippy` needs clippy, and `cargo clippy --version` fails: {first} (`rustup component add clippy` installs it)"
    )))
}

fn command(workspace: &Workspace, args: &ScanArgs, own: &Path) -> Command {
    let mut clippy = Command::new(cargo());
    clippy
        .args(["clippy", "--all-targets", "--keep-going", "--message-format=json", "--target-dir"])
        .arg(own);
    for package in &workspace.packages {
        clippy.args(["--package", &format!("{}@{}", package.name, package.version)]);
    }
    for features in &args.features {
        clippy.args(["--features", features]);
    }
    if args.all_features {
        clippy.arg("--all-features");
    }
    clippy.current_dir(&workspace.root).env_remove("CLIPPY_ARGS");
    clippy
}

/// Puts clippy's settings beside what it builds, so that a second run finds the first one's work.
fn settings(target: &Path, own: &Path) -> Result<PathBuf, Failure> {
    let place = own.join("settings");
    for directory in [target, own, &place] {
        if !directory.exists() {
            fs::create_dir_all(directory).map_err(|error| Failure::io("make", directory, &error))?;
            // As cargo marks what it makes: no backup wants it, and no scan reads it.
            let tag = directory.join("CACHEDIR.TAG");
            let text = "Signature: 8a477f597d28d172789f06886806bc55\n# Made by panic-agent scan --clippy\n";
            fs::write(&tag, text).map_err(|error| Failure::io("write", &tag, &error))?;
        }
    }
    let file = place.join("clippy.toml");
    let text = listed::settings();
    if fs::read_to_string(&file).ok().as_ref() != Some(&text) {
        fs::write(&file, text).map_err(|error| Failure::io("write", &file, &error))?;
    }
    Ok(place)
}
