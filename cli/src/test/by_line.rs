//! `cargo panic-agent test` where no library can be loaded before programs: test crates with the line
//! `panic_agent::audit!();` audit themselves, as this command was asked to, and it says which of them did.
//!
//! Runs on: the main thread. Must not: say nothing when nothing was audited.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde::Deserialize;

use crate::args::AuditArgs;
use crate::failure::Failure;
use crate::{Outcome, child};

/// What a test binary writes of its audit, as far as it is counted here.
#[derive(Deserialize)]
struct Line {
    kind: String,
    #[serde(default)]
    binary: String,
    #[serde(default)]
    findings: u64,
    #[serde(default)]
    denied: u64,
}

/// Runs cargo, and says what the test binaries said; `why`: no library can be loaded before them.
pub(super) fn run(args: &AuditArgs, why: &str, fill: impl FnOnce(&mut Command)) -> Outcome {
    if args.junit.is_some() {
        return Err(Failure::new(format!(
            "{why}, and test crates that audit themselves write a JUnit file each; leave out `--junit`, and set \
             PANIC_AGENT_AUDIT_JUNIT to a directory"
        )));
    }
    if args.lines.is_some() {
        return Err(Failure::new(format!("{why}, so there are no lines to keep; leave out `--lines`")));
    }
    eprintln!(
        "panic-agent: {why}. Test crates with the line `panic_agent::audit!();` audit themselves, and the others run without \
         an audit: docs/auditing.md"
    );
    if [&args.deny, &args.warn, &args.allow].iter().any(|classes| !classes.is_empty()) {
        eprintln!(
            "panic-agent: `--deny`, `--warn` and `--allow` do not reach them: write the levels into `panic-audit.toml`"
        );
    }
    let (_kept, json) = file(args)?;
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.env("PANIC_AGENT_AUDIT_JSON", &json);
    let switches = [
        (args.stacks, "PANIC_AGENT_AUDIT_STACKS"),
        (args.show_folded, "PANIC_AGENT_AUDIT_VERBOSE"),
        (args.write_baseline, "PANIC_AGENT_AUDIT_WRITE_BASELINE"),
    ];
    for (_, name) in switches.into_iter().filter(|(asked, _)| *asked) {
        cargo.env(name, "on");
    }
    fill(&mut cargo);
    let status = child::start(&mut cargo)?
        .wait()
        .map_err(|error| Failure::new(format!("cannot wait for cargo: {error}")))?;
    eprintln!("panic-agent: {}", told(&fs::read_to_string(&json).unwrap_or_default()));
    Ok(child::status_of(status))
}

/// The file that the test binaries append to: that which was asked for, emptied, or one that is gone in the end.
fn file(args: &AuditArgs) -> Result<(Option<tempfile::TempDir>, PathBuf), Failure> {
    if let Some(path) = &args.json {
        let failed = |error: std::io::Error| Failure::io("write", path, &error);
        let path = std::path::absolute(path).map_err(failed)?;
        fs::write(&path, "").map_err(failed)?;
        return Ok((None, path));
    }
    let base = std::env::temp_dir();
    let directory = tempfile::Builder::new()
        .prefix("panic-agent-run-")
        .tempdir_in(&base)
        .map_err(|error| Failure::io("create a directory in", &base, &error))?;
    let path = directory.path().join("audits.jsonl");
    Ok((Some(directory), path))
}

/// What is to be said in the end of these lines.
fn told(text: &str) -> String {
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
    let audits: Vec<Line> = lines.filter(|line| line.kind == "audit").collect();
    if audits.is_empty() {
        return "no test binary audited itself; add `#[cfg(test)] panic_agent::audit!();` to the crate, and \
                `panic_agent::audit!();` to each file in `tests`, with the feature `audit` of a dev-dependency"
            .to_owned();
    }
    let (findings, denied) = audits
        .iter()
        .fold((0, 0), |(findings, denied), line| (findings + line.findings, denied + line.denied));
    let mut names: Vec<&str> = audits.iter().map(|line| line.binary.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    format!("audited themselves: {}; findings: {findings}, denied: {denied}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binaries_that_audited_themselves_are_named_and_their_findings_counted() {
        let text = "{\"schema\":1,\"kind\":\"audit_finding\",\"class\":\"late\"}\n\
                    {\"schema\":1,\"kind\":\"audit\",\"binary\":\"b\",\"findings\":2,\"denied\":1}\n\
                    {\"schema\":1,\"kind\":\"audit\",\"binary\":\"a\",\"findings\":0,\"denied\":0}\nno JSON\n";
        assert_eq!(told(text), "audited themselves: a, b; findings: 2, denied: 1");
        assert!(told("").starts_with("no test binary audited itself"));
    }
}
