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
    /// Of what could not be judged: how often.
    #[serde(default)]
    count: u64,
    /// Why that is only counted.
    #[serde(default)]
    folded: serde_json::Value,
    /// Whether nobody could see there what became of errors.
    #[serde(default)]
    blind: bool,
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
    let lines: Vec<Line> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let audits: Vec<&Line> = lines.iter().filter(|line| line.kind == "audit").collect();
    if audits.is_empty() {
        return "no test binary audited itself; add `#[cfg(test)] panic_agent::audit!();` to the crate, and \
                `panic_agent::audit!();` to each file in `tests`, with the feature `audit` of a dev-dependency"
            .to_owned();
    }
    let (findings, denied) = audits
        .iter()
        .fold((0, 0), |(findings, denied), line| (findings + line.findings, denied + line.denied));
    let names = binaries(audits.iter().copied());
    let mut text =
        format!("audited themselves: {}; findings: {findings}, denied: {denied}", names.join(", "));
    let blind = binaries(audits.iter().copied().filter(|line| line.blind)).len();
    if blind > 0 {
        let (all, some) = (names.len(), if blind == 1 { "binary" } else { "binaries" });
        text.push_str(&format!("; {blind} {some} of {all} could not see what became of errors"));
    }
    let open = lines.iter().filter(|line| line.kind == "audit_unjudged" && line.folded.is_null());
    match open.map(|line| line.count).sum::<u64>() {
        0 => {}
        1 => text.push_str("; 1 panic or exit could not be judged"),
        open => text.push_str(&format!("; {open} panics or exits could not be judged")),
    }
    text
}

/// The binaries that these lines are of, each once.
fn binaries<'a>(lines: impl Iterator<Item = &'a Line>) -> Vec<&'a str> {
    let mut names: Vec<&str> = lines.map(|line| line.binary.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names
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

    #[test]
    fn what_the_binaries_could_not_see_is_said_at_last() {
        let audit = |binary: &str, blind: bool| {
            format!(
                "{{\"kind\":\"audit\",\"binary\":\"{binary}\",\"findings\":0,\"denied\":0,\"blind\":{blind}}}\n"
            )
        };
        let open = |count: u64, folded: &str| {
            format!(
                "{{\"kind\":\"audit_unjudged\",\"binary\":\"a\",\"count\":{count},\"folded\":{folded}}}\n"
            )
        };
        let said = |lines: &[String]| told(&lines.concat());
        assert_eq!(
            said(&[
                open(2, "null"),
                open(1, "null"),
                open(5, "\"message\""),
                audit("a", true),
                audit("b", true)
            ]),
            "audited themselves: a, b; findings: 0, denied: 0; 2 binaries of 2 could not see what became of errors; 3 panics \
             or exits could not be judged"
        );
        // The processes of one binary, and one that sees.
        assert_eq!(
            said(&[open(1, "null"), audit("a", true), audit("a", true), audit("b", false)]),
            "audited themselves: a, b; findings: 0, denied: 0; 1 binary of 2 could not see what became of errors; 1 panic or \
             exit could not be judged"
        );
        assert_eq!(said(&[audit("a", false)]), "audited themselves: a; findings: 0, denied: 0");
    }
}
