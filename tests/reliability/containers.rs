//! Programs that are process 1 of a container each, and share one log: each has a spool of its own, and every report
//! comes back.
//!
//! Runs on: the main thread of the programs, and the threads that judge. Must not: pass where there are no containers
//! without saying that it was skipped.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::MetadataExt as _;
use std::panic::catch_unwind;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};
use panic_agent::record::LineKind;
use panic_agent::sink::EncodedLine;
use panic_agent::{Agent, Console, Sink};

use super::log::{Log, spools};
use super::program::{acknowledge, command, finished, fresh_directory};

/// Rounds of the test command; `RELIABILITY_CONTAINERS` has more.
const ROUNDS: u64 = 4;
/// Containers that start together.
const TOGETHER: usize = 4;
const PANICS: usize = 3;
const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) const PROGRAMS: &[(&str, fn())] = &[("container", contained)];

/// Panics with a writer that is stuck, says so, and waits until its standard input ends.
fn contained() {
    struct Gated(mpsc::Receiver<()>);
    impl Sink for Gated {
        fn write(&mut self, line: &EncodedLine<'_>) -> std::io::Result<()> {
            if line.kind() == LineKind::Panic {
                let _never = self.0.recv();
            }
            Ok(())
        }
    }
    assert_eq!(std::process::id(), 1, "alone in its container");
    let (sender, receiver) = mpsc::channel();
    let builder = Agent::builder().console(Console::Off).sink(Gated(receiver)).file("panics.jsonl");
    std::mem::forget((sender, builder.install().expect("it starts")));
    let name = std::env::var("CONTAINER").expect("the parent names it");
    for number in 0..PANICS {
        let text = format!("{name}: {number}");
        assert!(catch_unwind(|| panic!("{text}")).is_err());
    }
    acknowledge("panicked");
    let _end = std::io::Read::read(&mut std::io::stdin(), &mut [0]);
}

/// The same command as the first process of a new pid namespace; with the host's `/proc`, or its own.
fn within(command: &Command, own_proc: bool) -> Command {
    let mut outer = Command::new("unshare");
    outer.args(["--pid", "--fork", "--kill-child"]);
    if own_proc {
        outer.arg("--mount-proc");
    }
    outer.arg(command.get_program()).args(command.get_args());
    for (key, value) in command.get_envs() {
        match value {
            Some(value) => outer.env(key, value),
            None => outer.env_remove(key),
        };
    }
    outer.current_dir(command.get_current_dir().expect("a directory"));
    outer.env("PANIC_AGENT_SYMBOLS", "off");
    outer.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    outer
}

/// Whether this system lets us make containers.
fn are_there() -> bool {
    let mut tried = Command::new("unshare");
    tried.args(["--pid", "--fork", "--kill-child", "--mount-proc", "true"]);
    tried.output().is_ok_and(|output| output.status.success())
}

fn one(directory: &Path, own_proc: bool) {
    let start = |name: usize| {
        let mut program = command("container", directory);
        program.env("CONTAINER", name.to_string());
        within(&program, own_proc).spawn().expect("it starts")
    };
    let mut running: Vec<Child> = (0..TOGETHER).map(start).collect();
    for child in &mut running {
        let mut word = String::new();
        BufReader::new(child.stdout.as_mut().expect("a pipe")).read_line(&mut word).expect("a pipe");
        assert_eq!(word.trim(), "panicked");
    }
    let names = spools(directory);
    let inode = |name: &String| std::fs::metadata(directory.join(name)).expect("it lives").ino();
    let files: HashSet<u64> = names.iter().map(inode).collect();
    assert_eq!((names.len(), files.len()), (TOGETHER, TOGETHER), "{names:?}");
    for process in Log::read(directory).of("process") {
        let can = process["can"].as_array().expect("a list");
        assert!(can.iter().any(|ability| ability == "spool"), "{process}");
    }
    // The control: nobody takes them for dead, neither outside nor in another container.
    let mut outside = command("nothing", directory);
    assert!(finished(outside.env("PANIC_AGENT_SYMBOLS", "off")).status.success());
    for own_proc in [false, true] {
        let mut inside = within(&command("nothing", directory), own_proc);
        assert!(finished(inside.stdin(Stdio::null())).status.success());
    }
    let log = Log::read(directory);
    assert_eq!((log.of("finding").len(), spools(directory)), (0, names), "all of them live");
    for child in &mut running {
        child.kill().expect("it runs");
        child.wait().expect("it was started here");
    }
    // `unshare` is gone; its child, which dies with it, is not ours to wait for. It has the log open until then.
    let start = Instant::now();
    while is_open(&directory.join("panics.jsonl")) {
        assert!(start.elapsed() < DEADLINE, "killed programs are gone soon");
        thread::sleep(Duration::from_millis(1));
    }
    let mut next =
        if own_proc { within(&command("nothing", directory), true) } else { command("nothing", directory) };
    assert!(finished(next.env("PANIC_AGENT_SYMBOLS", "off").stdin(Stdio::null())).status.success());
    let log = Log::read(directory);
    let messages = log.messages();
    for name in 0..TOGETHER {
        for number in 0..PANICS {
            let text = format!("{name}: {number}");
            assert_eq!(messages.get(text.as_str()), Some(&1), "{text}: {messages:?}");
        }
    }
    let died = log.of("finding").iter().filter(|line| line["code"] == "process_died").count();
    assert_eq!((died, log.torn.len(), log.duplicates(), spools(directory).len()), (TOGETHER, 0, 0, 0));
}

/// Whether any process has this file open.
fn is_open(path: &Path) -> bool {
    let path = std::fs::canonicalize(path).expect("it is there");
    let processes = std::fs::read_dir("/proc").expect("it is mounted").flatten();
    let files = processes.filter_map(|process| std::fs::read_dir(process.path().join("fd")).ok());
    files.flatten().flatten().any(|file| std::fs::read_link(file.path()).is_ok_and(|target| target == path))
}

pub(crate) fn trials() -> Vec<Trial> {
    let name = "containers_with_one_process_id_each_have_a_spool_of_their_own";
    vec![Trial::test(name, || -> Result<(), Failed> {
        if !are_there() {
            println!("SKIPPED: no pid namespace can be made here");
            return Ok(());
        }
        for round in 0..super::number("RELIABILITY_CONTAINERS", ROUNDS) {
            one(&fresh_directory("containers"), round % 2 == 1);
        }
        Ok(())
    })]
}
