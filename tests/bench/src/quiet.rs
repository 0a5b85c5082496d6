//! Children that show what the agent costs while nothing panics, with the first panic, and in a storm right after the start.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::measure::{busy, resident_kib};
use crate::subject;
use crate::workload::caught_panic;

/// How long to wait for the writer.
const FLUSH: Duration = Duration::from_secs(60);
/// A stretch in which nothing happens.
const STRETCH: Duration = Duration::from_millis(500);
/// Threads of a storm right after the start, the time between two panics of each, and how long it lasts.
const BURST: (usize, Duration, Duration) = (4, Duration::from_millis(2), Duration::from_millis(200));
/// Panics of a long storm of one stack.
const LONG_STORM: u64 = 100_000;

/// What installing takes, and what goes on afterwards: nanoseconds of the call, of the caller's processor, of all processors until
/// everything rests; resident growth in KiB; threads more; context switches of all threads in a stretch of quiet.
pub fn start(name: &str) -> Result<(), String> {
    let (resident, ran, own) = (resident_kib(), ran(), busy("/proc/thread-self".as_ref()));
    let threads = tasks().len();
    let begin = Instant::now();
    let _keep = subject::install(name)?;
    let call = begin.elapsed().as_nanos();
    let caller = busy("/proc/thread-self".as_ref()) - own;
    thread::sleep(STRETCH);
    let (all, grown) = (self::ran() - ran, resident_kib().saturating_sub(resident));
    let before = switches();
    thread::sleep(STRETCH);
    // The two of this thread's own sleep and of whoever interrupted it are not the agent's.
    let switched = switches().saturating_sub(before);
    println!("{call} {caller} {all} {grown} {} {switched}", tasks().len() - threads);
    Ok(())
}

/// A program that panics once: nanoseconds of that panic, and until its line is written with its names; resident growth in
/// KiB.
pub fn line(name: &str, frames: usize) -> Result<(), String> {
    let _keep = subject::install(name)?;
    // The start is over.
    panic_agent::flush(FLUSH);
    thread::sleep(STRETCH);
    let resident = resident_kib();
    let begin = Instant::now();
    caught_panic(frames);
    let panic = begin.elapsed().as_nanos();
    panic_agent::flush(FLUSH);
    let line = begin.elapsed().as_nanos();
    println!("{panic} {line} {}", resident_kib().saturating_sub(resident));
    Ok(())
}

/// A storm right after the start: panics, written, lost.
pub fn burst(name: &str) -> Result<(), String> {
    let (threads, pace, lasts) = BURST;
    let _keep = subject::install(name)?;
    let begin = Instant::now();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while begin.elapsed() < lasts {
                    caught_panic(20);
                    thread::sleep(pace);
                }
            });
        }
    });
    panic_agent::flush(FLUSH);
    let stats = panic_agent::stats();
    println!("{} {} {}", stats.panics, stats.written, stats.losses.total());
    Ok(())
}

/// Processor time of the whole process for each panic of a long storm of one stack, in nanoseconds, and nanoseconds of the
/// clock.
pub fn processors(name: &str, frames: usize) -> Result<(), String> {
    let _keep = subject::install(name)?;
    for _ in 0..1000 {
        caught_panic(frames);
    }
    panic_agent::flush(FLUSH);
    let (before, bytes, begin) = (ran(), subject::written(), Instant::now());
    (0..LONG_STORM).for_each(|_| caught_panic(frames));
    let elapsed = begin.elapsed().as_nanos() as u64;
    panic_agent::flush(FLUSH);
    let (ran, bytes) = (ran() - before, subject::written() - bytes);
    println!("{} {} {}", ran / LONG_STORM, elapsed / LONG_STORM, bytes / LONG_STORM);
    Ok(())
}

/// The threads of this process.
fn tasks() -> Vec<std::path::PathBuf> {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    tasks.map(|task| task.path()).collect()
}

/// Nanoseconds that the threads of this process have run.
fn ran() -> u64 {
    tasks().iter().map(|task| busy(task)).sum()
}

/// Context switches of all threads but this one.
fn switches() -> u64 {
    let own = std::process::id().to_string();
    let others = tasks().into_iter().filter(|task| !task.ends_with(&own));
    others.map(|task| number(&task.join("status"), "voluntary_ctxt_switches")).sum()
}

fn number(path: &Path, name: &str) -> u64 {
    let status = std::fs::read_to_string(path).unwrap_or_default();
    let found = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    found.and_then(|rest| rest.trim().parse().ok()).unwrap_or(0)
}
