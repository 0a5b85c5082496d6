//! What is promised on every system, also where nothing outlives a kill: ends in order write everything, a panic that aborts has
//! its line before, and a kill leaves whole lines and all that was written before.
//!
//! Where there is a spool it is switched off.
//!
//! Runs on: the threads of the programs, and the threads that judge. Must not: ask for anything of one system alone.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::panic::catch_unwind;
use std::path::Path;
use std::process::{self, Command};
use std::thread;
use std::time::Duration;

use libtest_mimic::Trial;
use panic_agent::{Agent, Console, Overflow};

use super::instants::{Random, busy};
use super::log::{Log, balances, none_is_pending, spools};
use super::program::{acknowledge, command, finished, fresh_directory};

/// Panics before an end.
const PANICS: usize = 5;
/// Threads that panic until the end.
const THREADS: usize = 4;
/// Kills of the test command, and ends under panicking threads; `RELIABILITY_ANYWHERE` has more.
const ROUNDS: u64 = 10;
/// Longest life after the first acknowledgement.
const LONGEST: Duration = Duration::from_millis(60);
const LONG: Duration = Duration::from_secs(60);

pub(crate) const PROGRAMS: &[(&str, fn())] = &[
    ("any-return", || {
        let _agent = after_panics();
    }),
    ("any-exit", || {
        std::mem::forget(after_panics());
        process::exit(3);
    }),
    ("any-panic-in-main", || {
        let _agent = after_panics();
        panic!("main gives up");
    }),
    ("any-nounwind", || {
        let _agent = after_panics();
        must_not_unwind();
    }),
    ("any-double-panic", || {
        let _agent = after_panics();
        let _panics = PanicsWhenDropped;
        panic!("the first of two");
    }),
    ("any-abort", || {
        let _agent = after_panics();
        assert!(panic_agent::flush(LONG));
        process::abort();
    }),
    ("any-storm", || {
        let _agent = agent();
        storm(|text| {
            assert!(panic_agent::flush(LONG));
            acknowledge(text);
        });
        thread::park();
    }),
    ("any-exit-in-a-storm", || {
        let _agent = agent();
        storm(|_| {});
        while panic_agent::stats().panics < 20 {
            thread::yield_now();
        }
        process::exit(3);
    }),
    ("any-nothing", || drop(panic_agent::init())),
];

fn agent() -> panic_agent::AgentGuard {
    let wait = Overflow::Block(LONG);
    Agent::builder().console(Console::Off).overflow(wait).install().expect("it starts")
}

fn after_panics() -> panic_agent::AgentGuard {
    let agent = agent();
    for number in 0..PANICS {
        let text = format!("panic {number}");
        assert!(catch_unwind(|| panic!("{text}")).is_err());
        acknowledge(&text);
    }
    agent
}

/// Panics on several threads until the process ends.
fn storm(after: fn(&str)) {
    for thread in 0..THREADS {
        thread::spawn(move || {
            for number in 0_u64.. {
                let text = format!("{thread}-{number}");
                assert!(catch_unwind(|| panic!("{text}")).is_err());
                after(&text);
            }
        });
    }
}

extern "C" fn must_not_unwind() {
    panic!("not across this border");
}

struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("in the destructor");
    }
}

/// How a program ends.
struct End {
    program: &'static str,
    /// Of an end in order; `None` when the process aborts.
    status: Option<i32>,
    /// The panic that it ends by, and the fate of it in the last word.
    by: Option<(&'static str, &'static str)>,
}

const ENDS: [End; 6] = [
    End { program: "any-return", status: Some(0), by: None },
    End { program: "any-exit", status: Some(3), by: None },
    End { program: "any-panic-in-main", status: Some(101), by: Some(("main gives up", "main_died")) },
    End { program: "any-nounwind", status: None, by: Some(("not across this border", "aborted")) },
    End { program: "any-double-panic", status: None, by: Some(("in the destructor", "aborted")) },
    End { program: "any-abort", status: None, by: None },
];

fn without_a_spool(program: &str, directory: &Path) -> Command {
    let mut command = command(program, directory);
    command.env("PANIC_AGENT_SPOOL", "off");
    command
}

/// Everything acknowledged has one line, and an end in order says that it ends.
fn ends(end: &End) {
    let directory = fresh_directory(end.program);
    let run = finished(&mut without_a_spool(end.program, &directory));
    let said = String::from_utf8_lossy(&run.stderr);
    match end.status {
        Some(status) => assert_eq!(run.status.code(), Some(status), "{said}"),
        None => assert!(!run.status.success() && run.status.code() != Some(101), "{}: {said}", run.status),
    }
    let words = String::from_utf8_lossy(&run.stdout).into_owned();
    let words: Vec<&str> = words.lines().collect();
    assert_eq!(words.len(), PANICS, "{words:?}");
    let log = Log::read(&directory);
    for word in &words {
        assert_eq!(log.messages().get(word), Some(&1), "{word}: {:?}", log.messages());
    }
    assert_eq!((log.torn.len(), log.duplicates(), spools(&directory).len()), (0, 0, 0));
    assert_eq!(log.of("end").len(), usize::from(end.status.is_some()), "an end in order says so");
    if end.status.is_some() {
        let panics = PANICS + usize::from(end.by.is_some());
        assert_eq!(balances(&log), panics as u64);
        none_is_pending(&log);
    }
    if let Some((message, fate)) = end.by {
        assert_eq!(log.last_word(message)["fate"], fate, "{}", log.last_word(message));
    }
}

/// A process that is killed leaves whole lines but for the last one, and everything that it had flushed; the next start ends a
/// torn line, so that it spoils no other.
fn kills() {
    let mut random = Random(super::number("RELIABILITY_SEED", 0x5eed).max(1));
    let (mut acknowledged, mut torn) = (0, 0);
    for _ in 0..super::number("RELIABILITY_ANYWHERE", ROUNDS) {
        let directory = fresh_directory("any-kill");
        let mut storm = without_a_spool("any-storm", &directory);
        let mut child = storm.env("PANIC_AGENT_SYMBOLS", "off").spawn().expect("it starts");
        let mut pipe = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut text = String::new();
        pipe.read_line(&mut text).expect("a pipe");
        let rest = thread::spawn(move || {
            let mut rest = String::new();
            pipe.read_to_string(&mut rest).map(|_| rest)
        });
        busy(Duration::from_nanos(random.below(LONGEST.as_nanos() as u64)));
        child.kill().expect("it runs");
        assert!(!child.wait().expect("it was started here").success(), "it does not end by itself");
        text += &rest.join().expect("no panic").expect("a pipe");
        // The last acknowledgement may have been cut.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let before = Log::read(&directory);
        assert!(before.torn.len() <= 1, "{:?}", before.torn);
        let next = finished(&mut without_a_spool("any-nothing", &directory));
        assert!(next.status.success(), "{}", String::from_utf8_lossy(&next.stderr));
        let log = Log::read(&directory);
        assert_eq!((log.torn.len(), log.duplicates()), (before.torn.len(), 0), "{:?}", log.torn);
        assert_eq!(log.of("end").len(), 1, "only the next one ended in order");
        let messages = log.messages();
        for word in whole.lines() {
            assert_eq!(messages.get(word), Some(&1), "{word} was written before it was acknowledged");
        }
        acknowledged += whole.lines().collect::<HashSet<_>>().len();
        torn += log.torn.len();
    }
    println!("{acknowledged} panics acknowledged, none lost, {torn} lines torn by the kill");
    assert!(acknowledged as u64 >= ROUNDS, "the kills show nothing");
}

/// The `end` line balances while other threads go on to panic.
fn exits_in_a_storm() {
    let mut panics = 0;
    for _ in 0..super::number("RELIABILITY_ANYWHERE", ROUNDS) {
        let directory = fresh_directory("any-exit-in-a-storm");
        let mut program = without_a_spool("any-exit-in-a-storm", &directory);
        let run = finished(program.env("PANIC_AGENT_SYMBOLS", "off"));
        assert_eq!(run.status.code(), Some(3), "{}", String::from_utf8_lossy(&run.stderr));
        let log = Log::read(&directory);
        assert_eq!((log.torn.len(), log.duplicates()), (0, 0), "{:?}", log.torn);
        panics += balances(&log);
        none_is_pending(&log);
    }
    assert!(panics >= 20 * ROUNDS, "the ends show nothing: {panics}");
}

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials: Vec<Trial> = ENDS
        .into_iter()
        .map(|end| {
            let name = format!("{}_without_a_spool_has_every_panic", end.program.replace('-', "_"));
            Trial::test(name, move || {
                ends(&end);
                Ok(())
            })
        })
        .collect();
    let checks: [(&str, fn()); 2] = [
        ("a_kill_without_a_spool_leaves_whole_lines_and_what_was_flushed", kills),
        ("an_exit_without_a_spool_balances_while_other_threads_panic", exits_in_a_storm),
    ];
    trials.extend(checks.map(super::trial));
    trials
}
