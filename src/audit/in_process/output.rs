//! Where the audit of a test binary goes: standard error, files, the baseline.
//!
//! Runs on: the audit's thread at the end of the process. Must not: take locks of std's streams, or fail the binary for a
//! file that cannot be written.

use std::fmt::Display;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use super::turn;
use crate::audit::{Audit, Baseline, Detail, Run};
use crate::config::AuditEnv;
use crate::sink::StandardSink;

/// Says what was found, past libtest's capture, in one write.
pub(super) fn say(env: &AuditEnv, audit: &Audit, root: Option<&Path>) {
    let mut text = audit.table(Detail::default().stacks(env.stacks).verbose(env.verbose));
    if env.github {
        text.push_str(&audit.github(env.github_workspace.as_deref(), root));
    }
    put(&text);
}

fn put(text: &str) {
    if !text.is_empty() {
        // libtest's last line may not have ended.
        let text = format!("\n{text}");
        // Nothing can be done when stderr is closed.
        let _written = StandardSink::stderr().put(text.as_bytes());
    }
}

/// One line on stderr.
pub(super) fn complain(problem: &dyn Display) {
    put(&format!("panic-agent: {problem}\n"));
}

/// Appends JSON lines and writes JUnit XML where the variables say.
pub(super) fn write_files(env: &AuditEnv, audit: &Audit) {
    if let Some(path) = &env.json {
        let file = OpenOptions::new().create(true).append(true).open(path);
        // One write: several processes may append to the same file.
        let written = file.and_then(|mut file| file.write_all(audit.json().as_bytes()));
        or_complain("PANIC_AGENT_AUDIT_JSON", path, written);
    }
    if let Some(directory) = &env.junit {
        let path = directory.join(junit_name(&audit.binary, env.process_per_test.then(std::process::id)));
        let written = fs::create_dir_all(directory).and_then(|()| fs::write(&path, audit.junit()));
        or_complain("PANIC_AGENT_AUDIT_JUNIT", &path, written);
    }
}

fn or_complain(variable: &str, path: &Path, written: io::Result<()>) {
    if let Err(error) = written {
        complain(&format_args!("cannot write `{}` ({variable}): {error}", path.display()));
    }
}

/// A file name that differs for different binaries, and for the processes of one when each test has its own.
fn junit_name(binary: &str, process: Option<u32>) -> String {
    let plain = |letter: char| if letter.is_alphanumeric() || "-_.".contains(letter) { letter } else { '.' };
    let binary: String = binary.chars().map(plain).collect();
    match process {
        Some(process) => format!("TEST-{binary}-{process}.xml"),
        None => format!("TEST-{binary}.xml"),
    }
}

/// Makes what was found the baseline, beside what other binaries have in it; `false` when it cannot be written.
pub(super) fn write_baseline(path: &Path, audit: &Audit) -> bool {
    match renew(path, audit) {
        Ok(entries) => {
            put(&format!("panic-agent: {entries} entries in the baseline `{}`\n", path.display()));
            true
        }
        Err(error) => {
            complain(&format_args!("cannot write the baseline `{}`: {error}", path.display()));
            false
        }
    }
}

fn renew(path: &Path, audit: &Audit) -> io::Result<usize> {
    let directory = path.parent().ok_or(io::ErrorKind::NotADirectory)?;
    fs::create_dir_all(directory)?;
    let _turn = turn::wait(directory)?;
    // As it is now: another binary may have added its own since this one read it.
    let now = match fs::read_to_string(path) {
        Ok(text) => Baseline::parse(&text, path).map_err(io::Error::other)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Baseline::default(),
        Err(error) => return Err(error),
    };
    let renewed = Run { audits: vec![audit.clone()] }.baseline(&now);
    let new = directory.join(format!(".{}.{}", crate::audit::BASELINE_FILE, std::process::id()));
    fs::write(&new, renewed.to_json())?;
    fs::rename(&new, path).inspect_err(|_| _ = fs::remove_file(&new))?;
    Ok(renewed.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_plain() {
        assert_eq!(junit_name("my-app", None), "TEST-my-app.xml");
        assert_eq!(junit_name("my-app::end_to_end", Some(7)), "TEST-my-app..end_to_end-7.xml");
        assert_eq!(junit_name("../../etc/x", None), "TEST-.......etc.x.xml".replace(".......", "......"));
    }
}
