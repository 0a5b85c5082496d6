//! Child processes: each measures one thing and prints numbers separated by blanks.

use std::panic;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::quiet;
use crate::subject::{self, checked_reports};
use crate::workload::{caught_panic, sample};

/// Caught panics of one child.
const PANICS: usize = 20_000;
/// What an expensive hook gets instead of [`PANICS`].
const LIMIT: Duration = Duration::from_millis(600);
/// Panics per thread of the storm.
const STORM: u64 = 500_000;
/// Reports that the writer is given at once.
const REPORTS: u64 = 200_000;
/// How long to wait for the writer.
const FLUSH: Duration = Duration::from_secs(60);

/// Runs one measurement in this process: `cost SUBJECT FRAMES`, `idle SUBJECT FRAMES`, `first SUBJECT
/// FRAMES`, `threads SUBJECT COUNT`, `hook FRAMES`, `init`, `writer null|file FRAMES`, `writes BYTES`, `storm SUBJECT THREADS`,
/// `start SUBJECT`, `nothing SUBJECT`, `line SUBJECT FRAMES`, `burst SUBJECT`, `processors SUBJECT FRAMES`.
pub fn child(arguments: &[&str]) -> Result<(), String> {
    let number = |text: &str| text.parse::<usize>().map_err(|_| format!("`{text}` is not a number"));
    match *arguments {
        ["cost", name, frames] => {
            let _keep = subject::install(name)?;
            cost(number(frames)?)?;
        }
        ["idle", name, frames] => {
            let _keep = subject::install(name)?;
            idle(number(frames)?);
        }
        ["first", name, frames] => {
            let _keep = subject::install(name)?;
            first(number(frames)?);
        }
        ["threads", name, count] => {
            let _keep = subject::install(name)?;
            threads(number(count)?);
        }
        ["hook", frames] => {
            let _agent = subject::install_agent()?;
            hook(number(frames)?)?;
        }
        ["init"] => {
            let start = Instant::now();
            let _agent = subject::install_agent()?;
            println!("{}", start.elapsed().as_nanos());
        }
        ["writer", "null", frames] => {
            let _agent = subject::install_agent()?;
            writer(number(frames)?)?;
        }
        ["writer", "file", frames] => {
            let path = std::env::temp_dir().join(format!("panic-bench-{}.jsonl", std::process::id()));
            let agent = subject::install_agent_with_file(&path)?;
            let result = writer(number(frames)?);
            drop(agent);
            std::fs::remove_file(&path).map_err(|error| error.to_string())?;
            result?;
        }
        ["writes", bytes] => {
            let path = std::env::temp_dir().join(format!("panic-bench-{}.bare", std::process::id()));
            let rate = writes(&path, number(bytes)?);
            std::fs::remove_file(&path).map_err(|error| error.to_string())?;
            println!("{:.0}", rate.map_err(|error| error.to_string())?);
        }
        ["storm", name, threads] => {
            let _keep = subject::install(name)?;
            storm(number(threads)?)?;
        }
        ["start", name] => quiet::start(name)?,
        ["nothing", name] => drop(subject::install(name)?),
        ["line", name, frames] => quiet::line(name, number(frames)?)?,
        ["burst", name] => quiet::burst(name)?,
        ["processors", name, frames] => quiet::processors(name, number(frames)?)?,
        _ => return Err(format!("unknown measurement `{}`", arguments.join(" "))),
    }
    Ok(())
}

/// Until the agent has read its debug information and names every frame: the state that a program is in for
/// all but the first fraction of a second of its life. Without this a fast loop would find the pool full
/// and measure losses.
fn settle(frames: usize) {
    let begin = Instant::now();
    loop {
        subject::forget_reports();
        (0..50).for_each(|_| caught_panic(frames));
        panic_agent::flush(FLUSH);
        // Names are read on a thread of their own. If they never come, the reports of the measurement are
        // incomplete and it fails.
        if subject::forget_reports() == 0 || begin.elapsed() > FLUSH {
            return;
        }
    }
}

/// Panics that follow each other: median, p99, and the share of them with a whole report.
fn cost(frames: usize) -> Result<(), String> {
    settle(frames);
    let before = panic_agent::stats();
    let mut samples = sample(frames, PANICS, LIMIT);
    panic_agent::flush(FLUSH);
    let after = panic_agent::stats();
    checked_reports()?;
    let written = (after.written - before.written) as f64 / (after.panics - before.panics).max(1) as f64;
    print_quantiles(&mut samples, written);
    Ok(())
}

/// Panics after a pause that is long enough for the writer to fall asleep.
fn idle(frames: usize) {
    settle(frames);
    let one = || {
        thread::sleep(Duration::from_millis(25));
        timed(frames)
    };
    let mut samples: Vec<u64> = (0..100).map(|_| one()).collect();
    print_quantiles(&mut samples, 1.0);
}

/// The first panic of each of many threads.
fn first(frames: usize) {
    settle(frames);
    let one = || thread::spawn(move || timed(frames)).join().unwrap_or_default();
    let mut samples: Vec<u64> = (0..2000).map(|_| one()).collect();
    print_quantiles(&mut samples, 1.0);
}

/// A thread that does nothing, spawned and joined.
fn threads(count: usize) {
    settle(20);
    let one = || {
        let start = Instant::now();
        thread::spawn(|| ()).join().ok();
        start.elapsed().as_nanos() as u64
    };
    (0..count / 10).for_each(|_| _ = one());
    let mut samples: Vec<u64> = (0..count).map(|_| one()).collect();
    print_quantiles(&mut samples, 1.0);
}

/// The agent's hook alone, without raising and unwinding: one panic, for which its hook is called again and
/// again, a burst of half the pool at a time.
fn hook(frames: usize) -> Result<(), String> {
    static SAMPLES: std::sync::Mutex<Vec<u64>> = std::sync::Mutex::new(Vec::new());
    settle(frames);
    let agent = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let mut samples = Vec::new();
        for _ in 0..200 {
            panic_agent::flush(FLUSH);
            let start = Instant::now();
            (0..100).for_each(|_| agent(info));
            samples.push(start.elapsed().as_nanos() as u64 / 100);
        }
        SAMPLES.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).append(&mut samples);
    }));
    caught_panic(frames);
    panic_agent::flush(FLUSH);
    let [physical, _] = checked_reports()?;
    let mut samples = SAMPLES.lock().map_err(|error| error.to_string())?;
    print_quantiles(&mut samples, physical as f64);
    Ok(())
}

/// Reports per second that the writer thread makes of one stack, when the agent's hook is called as fast as
/// the writer empties the pool.
fn writer(frames: usize) -> Result<(), String> {
    static NANOSECONDS: AtomicU64 = AtomicU64::new(0);
    settle(frames);
    let before = panic_agent::stats();
    let busy_before = writer_busy();
    let agent = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let start = Instant::now();
        for _ in 0..REPORTS {
            while panic_agent::stats().pending > 200 {
                thread::yield_now();
            }
            agent(info);
        }
        panic_agent::flush(FLUSH);
        NANOSECONDS.store(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
    }));
    caught_panic(frames);
    let written = panic_agent::stats().written - before.written;
    if written != REPORTS {
        return Err(format!("{written} of {REPORTS} reports were written"));
    }
    let [physical, bytes] = checked_reports()?;
    let rate = REPORTS as f64 * 1e9 / NANOSECONDS.load(Ordering::Relaxed) as f64;
    let rate_of_thread = REPORTS as f64 * 1e9 / (writer_busy() - busy_before).max(1) as f64;
    println!("{rate:.0} {rate_of_thread:.0} {physical} {bytes}");
    Ok(())
}

/// Lines of this length that a loop of `write(2)` and nothing else appends per second: what the kernel and the machine
/// allow at this moment.
fn writes(path: &Path, bytes: usize) -> std::io::Result<f64> {
    let mut file = std::fs::OpenOptions::new().append(true).create_new(true).open(path)?;
    let line = vec![b'x'; bytes];
    let start = Instant::now();
    for _ in 0..REPORTS {
        std::io::Write::write_all(&mut file, &line)?;
    }
    Ok(REPORTS as f64 / start.elapsed().as_secs_f64())
}

/// Nanoseconds that the writer thread has run so far: what it did does not depend on who else used the
/// processor meanwhile.
fn writer_busy() -> u64 {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let named =
        |path: &Path| std::fs::read_to_string(path.join("comm")).is_ok_and(|name| name == "panic-agent\n");
    threads.map(|thread| thread.path()).filter(|path| named(path)).map(|path| busy(&path)).sum()
}

/// Nanoseconds that a thread has run, as the scheduler counts them.
pub fn busy(thread: &Path) -> u64 {
    let times = std::fs::read_to_string(thread.join("schedstat")).unwrap_or_default();
    times.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(0)
}

/// Panics as fast as the threads can: rate, panics, accounted reports, written reports, resident growth in
/// KiB, and whether the writer caught up.
fn storm(threads: usize) -> Result<(), String> {
    settle(20);
    let before = panic_agent::stats();
    let resident = resident_kib();
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| (0..STORM).for_each(|_| caught_panic(20)));
        }
    });
    let elapsed = start.elapsed();
    let flushed = panic_agent::flush(FLUSH);
    let after = panic_agent::stats();
    checked_reports()?;
    let panics = after.panics - before.panics;
    let written = after.written - before.written;
    let accounted = written + after.losses.total() - before.losses.total();
    let rate = STORM as f64 * threads as f64 / elapsed.as_secs_f64();
    let growth = resident_kib().saturating_sub(resident);
    println!("{rate:.0} {panics} {accounted} {written} {growth} {}", u8::from(flushed));
    Ok(())
}

fn timed(frames: usize) -> u64 {
    let start = Instant::now();
    caught_panic(frames);
    start.elapsed().as_nanos() as u64
}

/// Runs `arguments` in a child and reads its numbers.
pub fn run(arguments: &[&str]) -> Result<Vec<f64>, String> {
    let me = std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
    run_by(&me, arguments)
}

/// The same by another build of this program.
pub fn run_by(program: &Path, arguments: &[&str]) -> Result<Vec<f64>, String> {
    let output = Command::new(program)
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

/// Prints median and p99, and a third number.
fn print_quantiles(samples: &mut [u64], third: f64) {
    samples.sort_unstable();
    let quantile = |percent: usize| samples[(samples.len() * percent / 100).min(samples.len() - 1)];
    println!("{} {} {third}", quantile(50), quantile(99));
}

/// What is resident of this process.
pub fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0)
}
