//! A program whose executable takes long to open, as on a slow disk: its end does not wait for debug information longer
//! than for the flush deadline.
//!
//! Runs on: the main thread of the program, and the threads that judge. Must not: pass without a C compiler without
//! saying that it was skipped.

use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};
use panic_agent::{Agent, Console};

use super::log::Log;
use super::program::{command, finished, fresh_directory};

pub(crate) const PROGRAMS: &[(&str, fn())] = &[("slow-disk", || {
    let _agent = Agent::builder().console(Console::Off).install().expect("it starts");
    assert!(catch_unwind(|| panic!("with a slow disk")).is_err());
})];

/// The preloaded library, or why there is none.
fn library(directory: &Path) -> Result<PathBuf, String> {
    if cfg!(not(target_env = "gnu")) {
        return Err("the library that makes the disk slow stands before calls of glibc".to_owned());
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reliability/slow_disk.c");
    let library = directory.join("slow_disk.so");
    let mut cc = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
    cc.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).arg("-ldl");
    let compiled = cc.output().map_err(|error| format!("no C compiler: {error}"))?;
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    Ok(library)
}

/// How long the program took, and the function of the panic's first frame.
fn run(name: &str, slow: Duration, flush: Duration) -> Result<(Duration, Option<String>), String> {
    let directory = fresh_directory(name);
    let library = library(&directory)?;
    let start = Instant::now();
    let run = finished(
        command("slow-disk", &directory)
            .env("LD_PRELOAD", library)
            .env("SLOW_MS", slow.as_millis().to_string())
            .env("PANIC_AGENT_FLUSH_MS", flush.as_millis().to_string()),
    );
    let took = start.elapsed();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let log = Log::read(&directory);
    let end = log.of("end")[0];
    assert_eq!((&end["panics"], &end["written"]), (&1.into(), &1.into()), "{end}");
    let frames = log.of("panic")[0]["frames"].as_array().expect("a list").clone();
    let function = frames.iter().find_map(|frame| frame["function"].as_str()).map(str::to_owned);
    Ok((took, function))
}

fn slow_disk() -> Result<(), String> {
    let slow = Duration::from_secs(20);
    let (took, function) = run("slow-disk", slow, Duration::from_millis(100))?;
    assert!(took < slow / 2, "it ended after {took:?}");
    assert_eq!(function, None, "debug information was not read in time");
    // The twin: a disk that is a little slow, and who has time gets names.
    let slow = Duration::from_secs(1);
    let (took, function) = run("slow-disk-in-time", slow, Duration::from_secs(50))?;
    assert!(took >= slow, "the library was not loaded: {took:?}");
    assert!(function.is_some_and(|function| function.contains("slow_disk")), "no name");
    Ok(())
}

pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::test(
        "the_end_waits_for_debug_information_no_longer_than_for_its_deadline",
        || -> Result<(), Failed> {
            if let Err(why) = slow_disk() {
                println!("SKIPPED: {why}");
            }
            Ok(())
        },
    )]
}
