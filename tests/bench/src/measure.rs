//! Child processes: each measures one thing and prints numbers separated by blanks.

use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::{subject, workload};

/// Caught panics of one child.
const PANICS: usize = 20_000;
/// What an expensive hook gets instead of [`PANICS`].
const LIMIT: Duration = Duration::from_millis(600);
/// Panics per thread of the storm.
const STORM: u64 = 500_000;

/// Runs one measurement in this process: `cost SUBJECT FRAMES`, `idle SUBJECT FRAMES`, `init`, `storm SUBJECT THREADS`.
pub fn child(arguments: &[String]) -> Result<(), String> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse::<usize>().map_err(|_| format!("`{text}` is not a number"));
    match arguments[..] {
        ["cost", name, frames] => {
            let _keep = subject::install(name)?;
            let mut samples = workload::sample(number(frames)?, PANICS, LIMIT);
            samples.sort_unstable();
            println!("{} {}", quantile(&samples, 50), quantile(&samples, 99));
        }
        ["idle", name, frames] => {
            let _keep = subject::install(name)?;
            let frames = number(frames)?;
            workload::sample(frames, 100, LIMIT);
            let mut samples: Vec<u64> = (0..30)
                .map(|_| {
                    // Long enough for the writer thread to fall asleep.
                    thread::sleep(Duration::from_millis(25));
                    let start = Instant::now();
                    workload::caught_panic(frames);
                    start.elapsed().as_nanos() as u64
                })
                .collect();
            samples.sort_unstable();
            println!("{} {}", quantile(&samples, 50), quantile(&samples, 99));
        }
        ["init"] => {
            let start = Instant::now();
            let _agent = subject::install_agent()?;
            println!("{}", start.elapsed().as_nanos());
        }
        ["storm", name, threads] => {
            let _keep = subject::install(name)?;
            let threads = number(threads)?;
            workload::sample(20, 1000, LIMIT);
            let before = panic_agent::stats();
            let resident = resident_kib();
            let start = Instant::now();
            thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(|| (0..STORM).for_each(|_| workload::caught_panic(20)));
                }
            });
            let elapsed = start.elapsed();
            let flushed = panic_agent::flush(Duration::from_secs(30));
            let after = panic_agent::stats();
            let panics = after.panics - before.panics;
            let accounted = after.written + after.losses.total() - before.written - before.losses.total();
            let rate = STORM as f64 * threads as f64 / elapsed.as_secs_f64();
            let growth = resident_kib().saturating_sub(resident);
            println!("{rate:.0} {panics} {accounted} {growth} {}", u8::from(flushed));
        }
        _ => return Err(format!("unknown measurement `{}`", arguments.join(" "))),
    }
    Ok(())
}

/// Runs `arguments` in a child and reads its numbers.
pub fn run(arguments: &[&str]) -> Result<Vec<f64>, String> {
    let me = std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
    let output = Command::new(me)
        .arg("child")
        .args(arguments)
        .env("RUST_BACKTRACE", "1")
        .env("RUST_LIB_BACKTRACE", "1")
        .env_remove("PANIC_AGENT")
        .stderr(Stdio::null())
        .output()
        .map_err(|error| format!("cannot start `{}`: {error}", arguments.join(" ")))?;
    if !output.status.success() {
        return Err(format!("`{}` ended with {}", arguments.join(" "), output.status));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers: Result<Vec<f64>, _> = text.split_whitespace().map(str::parse).collect();
    numbers.map_err(|_| format!("`{}` printed `{}`", arguments.join(" "), text.trim()))
}

fn quantile(sorted: &[u64], percent: usize) -> u64 {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0)
}
