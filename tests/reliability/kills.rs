//! A program that panics on four threads is killed at a random instant; every panic that it acknowledged must be in
//! its log afterwards, once.
//!
//! Runs on: the thread that judges. Must not: depend on the clock for anything but the instant.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::ExitStatusExt as _;
use std::panic::catch_unwind;
use std::path::Path;
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use panic_agent::{Agent, Console, Overflow};

use super::instants::{Random, busy};
use super::log::{Log, spools};
use super::program::{acknowledge, command, finished, fresh_directory};

/// Kills of the test command, and of the long campaign.
const KILLS: u64 = 100;
const THREADS: usize = 4;
/// Longest life after the first acknowledgement.
const LONGEST: Duration = Duration::from_millis(60);
/// One run in this many reads debug information first, and holds its reports until then.
const WITH_SYMBOLS: u64 = 25;

/// Between two panics of a thread of a service that has the agent's defaults, in milliseconds.
pub(crate) const PACES: [u64; 2] = [2, 20];
/// The pace of such a program.
const PACE: &str = "STORM_PACE_MS";
/// Its longest life after the first acknowledgement.
const LONGEST_PACED: Duration = Duration::from_millis(300);
/// Kills of it in the test command; the long campaign has as many as the first.
const KILLS_PACED: u64 = 10;

/// Begins the messages of a program, where several write to one log.
const NAME: &str = "STORM_NAME";
/// Programs that write to one log.
const BESIDE: usize = 3;
/// Kills among these in the test command; the long campaign has a fifth of its kills more.
const KILLS_BESIDE: u64 = 10;
/// Between two panics of a thread of theirs.
const PAUSE: Duration = Duration::from_millis(4);

/// One recovery in this many is that of the library call.
const BY_CALL: u64 = 8;

pub(crate) const PROGRAMS: &[(&str, fn())] = &[("storm", storm), ("nothing", nothing)];

/// Panics and acknowledges until it is killed.
fn storm() {
    let wait = Overflow::Block(Duration::from_secs(60));
    let agent = Agent::builder().console(Console::Off);
    let agent = if pace().is_some() { agent } else { agent.overflow(wait).slots(64) };
    let _agent = agent.install().expect("it starts");
    let threads: Vec<_> = (0..THREADS).map(|thread| thread::spawn(move || panic_for_ever(thread))).collect();
    threads.into_iter().for_each(|thread| thread.join().expect("never ends"));
}

fn pace() -> Option<Duration> {
    std::env::var(PACE).ok().map(|pace| Duration::from_millis(pace.parse().expect("a number")))
}

fn panic_for_ever(thread: usize) {
    let name = std::env::var(NAME).unwrap_or_default();
    // Others are recovered meanwhile, and the log shall stay small.
    let pause = pace().or((!name.is_empty()).then_some(PAUSE));
    for number in 0_u64.. {
        let text = format!("{name}{thread}-{number}");
        assert!(catch_unwind(|| panic!("{text}")).is_err());
        acknowledge(&text);
        if let Some(pause) = pause {
            thread::sleep(pause);
        }
    }
}

/// The next start in the same place.
fn nothing() {
    let _agent = panic_agent::init();
}

/// Totals of a campaign.
#[derive(Debug, Default)]
struct Totals {
    kills: u64,
    acknowledged: usize,
    lines: usize,
    recovered: usize,
    /// Lines that a kill cut inside `write(2)`; the recovery replaces them.
    torn_by_kill: usize,
    lost: usize,
    duplicated: usize,
    torn: usize,
}

/// Kills the program again and again.
pub(crate) fn campaign() {
    let kills = super::number("RELIABILITY_KILLS", KILLS);
    let seed = super::number("RELIABILITY_SEED", 0x5eed);
    let mut random = Random(seed.max(1));
    let (mut totals, start) = (Totals::default(), Instant::now());
    for run in 0..kills {
        let symbols = if run % WITH_SYMBOLS == WITH_SYMBOLS - 1 { "on" } else { "off" };
        let life = Duration::from_nanos(random.below(LONGEST.as_nanos() as u64));
        one("kill", run, &[("PANIC_AGENT_SYMBOLS", symbols)], life, &mut totals);
    }
    println!("seed {seed:#x}, {:.1} s: {totals:?}", start.elapsed().as_secs_f64());
    assert_shows(&totals, kills);
}

/// The same with a service that panics now and then and has the agent's defaults: no report may find the slots full.
pub(crate) fn campaign_paced(pace: u64) {
    let kills = KILLS_PACED + super::number("RELIABILITY_KILLS", KILLS).saturating_sub(KILLS);
    let mut random = Random(super::number("RELIABILITY_SEED", 0x5eed).max(1));
    let (mut totals, start) = (Totals::default(), Instant::now());
    let text = pace.to_string();
    for run in 0..kills {
        let life = Duration::from_nanos(random.below(LONGEST_PACED.as_nanos() as u64));
        one(&format!("kill-every-{pace}"), run, &[(PACE, &text)], life, &mut totals);
    }
    println!("every {pace} ms, {:.1} s: {totals:?}", start.elapsed().as_secs_f64());
    assert_shows(&totals, kills);
}

fn assert_shows(totals: &Totals, kills: u64) {
    assert_eq!((totals.lost, totals.duplicated, totals.torn), (0, 0, 0), "{totals:?}");
    assert!(
        totals.acknowledged as u64 > kills && totals.recovered > 0,
        "the campaign shows nothing: {totals:?}"
    );
}

fn one(name: &str, run: u64, environment: &[(&str, &str)], life: Duration, totals: &mut Totals) {
    let directory = fresh_directory(name);
    let child = command("storm", &directory).envs(environment.iter().copied()).spawn();
    let acknowledged = kill_after(child.expect("the program starts"), life);
    let in_file = spools(&directory);
    assert_eq!(in_file.len(), 1, "{in_file:?}");
    totals.torn_by_kill += Log::read(&directory).torn.len();
    // Through the library call, which reads debug information, and more often through the next start of an agent.
    if run.is_multiple_of(BY_CALL) {
        let recovered = panic_agent::recovery::recover(&directory).expect("the directory is there");
        assert_eq!((recovered.processes, recovered.left.len()), (1, 0), "{recovered:?}");
    } else {
        let next =
            command("nothing", &directory).env("PANIC_AGENT_SYMBOLS", "off").output().expect("it starts");
        assert!(next.status.success(), "{}", String::from_utf8_lossy(&next.stderr));
    }
    assert_eq!(spools(&directory), [""; 0], "run {run}");
    judge(&directory, &acknowledged, totals, run);
}

/// A program that has acknowledged its first panic.
struct Storm {
    child: Child,
    first: String,
    rest: thread::JoinHandle<std::io::Result<Vec<u8>>>,
}

impl Storm {
    fn of(mut child: Child) -> Self {
        let mut pipe = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut first = String::new();
        pipe.read_line(&mut first).expect("a pipe");
        let rest = thread::spawn(move || {
            let mut rest = Vec::new();
            pipe.read_to_end(&mut rest).map(|_| rest)
        });
        Self { child, first, rest }
    }

    /// What it acknowledged.
    fn killed(mut self) -> Vec<String> {
        self.child.kill().expect("it runs");
        let status = self.child.wait().expect("it was started here");
        assert_eq!(status.signal(), Some(libc::SIGKILL), "it ended by itself");
        let rest = self.rest.join().expect("no panic").expect("a pipe");
        let text = self.first + std::str::from_utf8(&rest).expect("text");
        // The last acknowledgement may have been cut.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(str::to_owned).collect()
    }
}

/// Lets the program live so long after its first word; gives what it acknowledged.
fn kill_after(child: Child, life: Duration) -> Vec<String> {
    let storm = Storm::of(child);
    busy(life);
    storm.killed()
}

/// Several programs write to one log. One of them is killed again and again, and recovered while the others go on.
pub(crate) fn campaign_beside() {
    let kills = KILLS_BESIDE + super::number("RELIABILITY_KILLS", KILLS).saturating_sub(KILLS) / 5;
    let mut random = Random(super::number("RELIABILITY_SEED", 0x5eed).max(1));
    let directory = fresh_directory("kills-beside");
    let (start, mut number) = (Instant::now(), 0);
    let mut storm = || {
        number += 1;
        let mut program = command("storm", &directory);
        program.env("PANIC_AGENT_SYMBOLS", "off").env(NAME, format!("{number}: "));
        Storm::of(program.spawn().expect("it starts"))
    };
    let mut running: Vec<Storm> = (0..BESIDE).map(|_| storm()).collect();
    let mut acknowledged = Vec::new();
    let recover = || {
        let mut next = command("nothing", &directory);
        assert!(finished(next.env("PANIC_AGENT_SYMBOLS", "off")).status.success());
    };
    for _ in 0..kills {
        busy(Duration::from_nanos(random.below(LONGEST.as_nanos() as u64)));
        let victim = running.swap_remove(random.below(BESIDE as u64) as usize);
        acknowledged.extend(victim.killed());
        recover();
        running.push(storm());
    }
    for storm in running {
        acknowledged.extend(storm.killed());
    }
    recover();
    assert_eq!(spools(&directory), [""; 0]);
    let mut totals = Totals::default();
    judge(&directory, &acknowledged, &mut totals, kills);
    println!("{kills} kills beside others, {:.1} s: {totals:?}", start.elapsed().as_secs_f64());
    assert_eq!((totals.lost, totals.duplicated, totals.torn), (0, 0, 0), "{totals:?}");
    assert!(totals.recovered > 0, "the campaign shows nothing: {totals:?}");
}

fn judge(directory: &Path, acknowledged: &[String], totals: &mut Totals, run: u64) {
    let log = Log::read(directory);
    let messages = log.messages();
    let lost: Vec<_> =
        acknowledged.iter().filter(|message| !messages.contains_key(message.as_str())).collect();
    let unique: HashSet<_> = acknowledged.iter().collect();
    assert_eq!(unique.len(), acknowledged.len(), "the program acknowledges once");
    let duplicated = log.duplicates() + messages.values().filter(|count| **count > 1).count();
    let recovered = log.of("panic").iter().filter(|line| line["recovered"] == true).count();
    if !lost.is_empty() || duplicated > 0 || !log.torn.is_empty() {
        eprintln!("run {run}: lost {lost:?}, duplicated {duplicated}, torn {:?}", log.torn);
        let kept = directory.with_extension(run.to_string());
        let _old = std::fs::remove_dir_all(&kept);
        std::fs::rename(directory, kept).expect("a directory");
    }
    assert!(log.of("losses").is_empty(), "the program counted losses: {:?}", log.of("losses"));
    totals.kills += 1;
    totals.acknowledged += acknowledged.len();
    totals.lines += messages.len();
    totals.recovered += recovered;
    totals.lost += lost.len();
    totals.duplicated += duplicated;
    totals.torn += log.torn.len();
}
