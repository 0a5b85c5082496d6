//! What a running process tells: its file, and whether an agent is in it.
//!
//! Runs on: the main thread. Must not: stop or trace the process.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Check, binary};
use crate::failure::Failure;

pub(super) fn checks(pid: u32) -> Result<Vec<Check>, Failure> {
    let place = PathBuf::from(format!("/proc/{pid}"));
    if !place.exists() {
        let why = if Path::new("/proc/self").exists() {
            "there is no process"
        } else {
            "without `/proc` nothing is known of process"
        };
        return Err(Failure::new(format!("{why} {pid}")));
    }
    let exe = place.join("exe");
    let mut checks = Vec::new();
    match fs::read_link(&exe) {
        Ok(path) if path.to_string_lossy().ends_with(" (deleted)") => checks.push(Check::less(
            "file",
            format!("`{}`", path.display()),
            "the program was replaced while it runs: the agent itself can still read it, a recovery after its death cannot",
            "start it anew",
        )),
        Ok(path) => checks.push(Check::fine("file", format!("`{}`", path.display()))),
        Err(error) => return Err(Failure::io("read", &exe, &error)),
    }
    // The link leads to the file that runs, also when another lies at its path now.
    checks.extend(binary::checks(&exe, false)?);
    checks.push(running(&place));
    checks.extend(variable(&place));
    Ok(checks)
}

/// The agent's thread, and its files.
fn running(place: &Path) -> Check {
    let tasks = fs::read_dir(place.join("task")).into_iter().flatten().flatten();
    let is_ours = |name: std::io::Result<String>| name.is_ok_and(|name| name.trim_end() == "panic-agent");
    let thread = tasks.map(|task| fs::read_to_string(task.path().join("comm"))).any(is_ours);
    if !thread {
        return Check::blind(
            "agent",
            "no thread `panic-agent` in the process",
            "its panics leave no line",
            "`let _agent = panic_agent::init!();` in `main`, or start it with `panic-agent run`",
        );
    }
    let files = fs::read_dir(place.join("fd")).into_iter().flatten().flatten();
    let mut files: Vec<String> = files
        .filter(|file| {
            file.file_name()
                .to_str()
                .and_then(|number| number.parse::<u32>().ok())
                .is_some_and(|number| number >= 512)
        })
        .filter_map(|file| Some(fs::read_link(file.path()).ok()?.display().to_string()))
        .filter(|path| path.starts_with('/'))
        .collect();
    files.sort();
    files.dedup();
    let files = if files.is_empty() { "its files cannot be listed".to_owned() } else { files.join(", ") };
    Check::fine("agent", format!("runs; open files with high numbers: {files}"))
}

/// What its environment said when it was started.
fn variable(place: &Path) -> Vec<Check> {
    let text = fs::read(place.join("environ")).unwrap_or_default();
    let pairs = text.split(|byte| *byte == 0).filter_map(|pair| std::str::from_utf8(pair).ok());
    let pairs = pairs.filter(|pair| pair.starts_with("PANIC_AGENT"));
    let check = |pair: &str| match pair {
        "PANIC_AGENT=off" | "PANIC_AGENT_PROBES=off" | "PANIC_AGENT_SYMBOLS=off" => Check::less(
            "variable",
            format!("`{pair}` at its start"),
            "the operator switched a part of the agent off",
            "start it without that variable",
        ),
        _ => Check::fine("variable", format!("`{pair}` at its start")),
    };
    pairs.map(check).collect()
}
