//! Every crate that cargo has unpacked here: whatever is in it, the scan ends in time, and by no fault of its own.
//!
//! Runs on: a thread of libtest-mimic. Must not: pass where no crate is.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::Failed;

use crate::published::registries;
use crate::tool::say;

/// Longest time of one crate; a debug build reads some 20 000 lines a second.
const PATIENCE: Duration = Duration::from_secs(300);

pub(crate) fn all() -> Result<(), Failed> {
    let crates =
        registries().into_iter().filter_map(|registry| fs::read_dir(registry).ok()).flatten().flatten();
    let mut crates: Vec<PathBuf> =
        crates.map(|entry| entry.path()).filter(|path| path.join("Cargo.toml").is_file()).collect();
    crates.sort();
    assert!(crates.len() > 50, "{} crates are unpacked here", crates.len());
    let scratch = tempfile::tempdir()?;
    let (mut lines, mut unread, mut faults) = (0, Vec::new(), Vec::new());
    let begin = Instant::now();
    for path in &crates {
        match scan(path, scratch.path()) {
            Ok((more, named)) => {
                lines += more;
                unread.extend(named);
            }
            Err(why) => faults.push(why),
        }
    }
    say(&format!(
        "{} crates, {lines} lines, {:.0?}: {} files not read, each named:\n{}",
        crates.len(),
        begin.elapsed(),
        unread.len(),
        unread.join("\n")
    ));
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n").into()) }
}

/// Lines of a crate, and what was not read of it.
fn scan(path: &Path, scratch: &Path) -> Result<(u64, Vec<String>), String> {
    let (out, err) = (scratch.join("scan.json"), scratch.join("err"));
    let said = fs::File::create(&err).map_err(|error| error.to_string())?;
    let mut tool = Command::new(env!("CARGO_BIN_EXE_panic-agent"));
    tool.arg("scan").arg(path).args(["--format", "json", "-o"]).arg(&out).stdout(Stdio::null()).stderr(said);
    let mut child = tool.spawn().map_err(|error| error.to_string())?;
    let begin = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            break status;
        }
        if begin.elapsed() > PATIENCE {
            drop(child.kill());
            drop(child.wait());
            return Err(format!("{}: no end after {PATIENCE:?}", path.display()));
        }
        std::thread::park_timeout(Duration::from_millis(5));
    };
    let said = fs::read_to_string(&err).unwrap_or_default();
    let none = said.contains("has no Rust files");
    if !(status.success() || none && status.code() == Some(2)) || said.contains("fault of this tool") {
        return Err(format!("{}: {status}: {said}", path.display()));
    }
    if none {
        return Ok((0, Vec::new()));
    }
    let text = fs::read_to_string(&out).map_err(|error| error.to_string())?;
    let report: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    let files = report["files"].as_array().into_iter().flatten();
    let lines = files.filter_map(|file| file["lines"].as_u64()).sum();
    let unread = report["unread"].as_array().into_iter().flatten();
    let name = |file: &serde_json::Value| {
        format!("{} {}:{}: {}", path.display(), file["file"], file["line"], file["reason"])
    };
    Ok((lines, unread.map(name).collect()))
}
