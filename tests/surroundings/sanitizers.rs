//! A program under a sanitizer, which has functions of its own in the place of those of the C library.
//!
//! Runs on: the threads that judge. Must not: pass without having said that there is no compiler for it.
//!
//! The address sanitizer is tried by default; `SURROUNDINGS_SANITIZERS=address,leak,thread` names others, too. Each is a
//! build of its own, which is kept from run to run.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use libtest_mimic::Trial;

use super::log::Log;
use super::program::{fresh_directory, run, skip};

const VARIABLE: &str = "SURROUNDINGS_SANITIZERS";
const DEFAULT: &str = "address";

pub(crate) fn trials() -> Vec<Trial> {
    let wanted = std::env::var(VARIABLE).unwrap_or_else(|_| DEFAULT.to_owned());
    let trial = |sanitizer: &'static str| {
        let wanted = wanted.split(',').any(|one| one == sanitizer);
        Trial::test(format!("threads_panic_under_the_{sanitizer}_sanitizer"), move || {
            if wanted {
                check(sanitizer);
            } else {
                skip(sanitizer, &format!("not among {VARIABLE}"));
            }
            Ok(())
        })
    };
    ["address", "leak", "thread"].into_iter().map(trial).collect()
}

fn check(sanitizer: &str) {
    let program = match build(sanitizer) {
        Ok(program) => program,
        Err(why) => return skip(sanitizer, &why),
    };
    let (on, off) = (one(&program, sanitizer, true), one(&program, sanitizer, false));
    assert_eq!(on.0, off.0, "with the agent, and without");
    assert!(on.0.contains("detached: done"), "{}", on.0);
    assert_eq!(on.1.messages(), ["caught", "detached", "joined"], "{:#?}", on.1.0);
    assert_eq!(on.1.end(), (3, 0));
    assert_eq!(off.1.0.len(), 0);
    let detached = |message: &str| {
        let line =
            on.1.kind("panic").into_iter().find(|line| line["message"] == message).expect("checked above");
        line["thread_facts"]["detached"].clone()
    };
    // Asked of the C library past the sanitizer.
    assert_eq!(
        (detached("joined"), detached("detached")),
        ("joinable".into(), "detached".into()),
        "{:#?}",
        on.1.0
    );
}

/// Status and output, and the log.
fn one(program: &Path, sanitizer: &str, agent: bool) -> (String, Log) {
    let directory = fresh_directory(&format!("sanitizer-{sanitizer}-{agent}"));
    let mut command = Command::new(program);
    command
        .current_dir(&directory)
        .env_remove("RUST_BACKTRACE")
        .env("PANIC_AGENT_FLUSH_MS", "60000")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    if !agent {
        command.env("PANIC_AGENT", "off");
    }
    let output = run(&mut command);
    let stderr = String::from_utf8_lossy(&output.stderr);
    let said = |line: &&str| line.contains("Sanitizer") || line.contains("panicked at");
    let said: Vec<_> =
        stderr.lines().filter(said).map(|line| line.split(" (").next().unwrap_or(line)).collect();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let seen = format!("{}\n{stdout}\n{}", output.status, said.join("\n"));
    (seen, Log::read(&directory.join("panics.jsonl")))
}

/// `Err`: why it cannot be built here.
fn build(sanitizer: &str) -> Result<PathBuf, String> {
    let version =
        Command::new("rustc").args(["+nightly", "-vV"]).output().map_err(|error| error.to_string())?;
    if !version.status.success() {
        return Err("no nightly compiler (rustup toolchain install nightly)".to_owned());
    }
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc says its host");
    let mixed = if sanitizer == "thread" { " -Cunsafe-allow-abi-mismatch=sanitizer" } else { "" };
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sanitized").join(sanitizer);
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sanitized/Cargo.toml");
    let built = Command::new("cargo")
        .args(["+nightly", "build", "--quiet", "--target", host, "--manifest-path"])
        .arg(manifest)
        .arg("--target-dir")
        .arg(&target)
        // Without its sources std stays as it is, which only the thread sanitizer minds.
        .env("RUSTFLAGS", format!("-Zsanitizer={sanitizer}{mixed}"))
        .env_remove("RUSTC")
        .env_remove("CARGO")
        .env_remove("RUSTUP_TOOLCHAIN")
        .output()
        .map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&built.stderr);
    if said.contains("sanitizer is not supported") || said.contains("can't find crate for `core`") {
        return Err(format!("not on {host}"));
    }
    assert!(built.status.success(), "{said}");
    Ok(target.join(host).join("debug/sanitized"))
}
