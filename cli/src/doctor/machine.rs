//! What is the same for all programs of this machine, and the place of the log.
//!
//! Runs on: the main thread. Must not: create a file to find out whether it could.

use std::path::Path;

use super::{Check, shown};
use crate::system;

pub(super) fn checks(log_dir: Option<&Path>) -> Vec<Check> {
    let mut checks = Vec::new();
    if cfg!(target_os = "linux") && !Path::new("/proc/self/maps").exists() {
        checks.push(Check::less(
            "/proc",
            "not mounted",
            "images are known by their paths alone, names of threads and of the host's processes may be missing, and dead spools are \
             told from living ones by their locks alone",
            "mount it",
        ));
    }
    checks.push(directory(log_dir.unwrap_or(Path::new("."))));
    for name in ["PANIC_AGENT", "PANIC_AGENT_PROBES", "PANIC_AGENT_SYMBOLS", "PANIC_AGENT_SPOOL"] {
        if std::env::var(name).is_ok_and(|value| matches!(value.trim(), "off" | "0" | "false")) {
            let (cost, severity) = match name {
                "PANIC_AGENT" => ("no agent is installed in programs that are started from here", true),
                "PANIC_AGENT_PROBES" => {
                    ("verdicts are predictions; nothing is ever called silent or swallowed", false)
                }
                "PANIC_AGENT_SYMBOLS" => ("addresses in place of names", false),
                _ => ("reports under way die with a process that is killed", false),
            };
            let make = if severity { Check::blind } else { Check::less };
            checks.push(make(
                "variable",
                format!("{name}=off in this environment"),
                cost,
                &format!("unset {name}"),
            ));
        }
    }
    checks
}

/// Whether an agent would write there.
fn directory(path: &Path) -> Check {
    let name = "log directory";
    let blind = |found: String, change: &str| {
        Check::blind(
            name,
            found,
            "no line is written; `init` says so on stderr and the program runs without an agent",
            change,
        )
    };
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let Ok(metadata) = path.metadata() else {
        return blind(
            format!("{} is not there", shown(&path)),
            "make the directory, or set PANIC_AGENT_FILE",
        );
    };
    if !metadata.is_dir() {
        return blind(format!("{} is no directory", shown(&path)), "name the directory of the log");
    }
    if !system::can_write_into(&path) {
        return blind(
            format!("this user cannot write to {}", shown(&path)),
            "give the user the right, or set PANIC_AGENT_FILE to a writable path or `stderr`",
        );
    }
    let trusted = std::env::var("PANIC_AGENT_FILE_TRUST").is_ok_and(|value| value == "any");
    let is_open =
        |path: &Path| path.metadata().is_ok_and(|metadata| system::everybody_can_write_to(&metadata));
    let open = path.ancestors().find(|path| is_open(path));
    match open {
        Some(open) if !trusted => blind(
            format!("everybody can write to {}, so the file could be replaced", shown(open)),
            "choose a directory that only this user can write to, or set PANIC_AGENT_FILE_TRUST=any",
        ),
        _ => Check::fine(name, format!("{} can be written to", shown(&path))),
    }
}
