//! Processes that end while other threads panic: the `end` line balances, nothing follows it, no line is torn, and the
//! next start finds nothing to do.
//!
//! Runs on: the main thread of the programs, and the threads that judge. Must not: wait without a deadline.

use std::panic::catch_unwind;
use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use std::{panic, process, thread};

use libtest_mimic::{Failed, Trial};
use panic_agent::{Agent, Console};

use super::log::{Log, balances, none_is_pending, spools};
use super::program::{command, finished, fresh_directory};

/// Ends of the test command, and of the long campaign (`RELIABILITY_ENDS=2000`).
const ENDS: u64 = 40;
const THREADS: usize = 4;
const AT_ONCE: usize = 8;

pub(crate) const PROGRAMS: &[(&str, fn())] = &[
    ("last-return", || {
        let _agent = among_panics();
    }),
    ("last-exit", || {
        let _agent = among_panics();
        process::exit(3);
    }),
    ("last-hook-exits", hook_exits),
    ("last-sigterm", || {
        let _agent = among_panics();
        // SAFETY: sends a signal to this process alone.
        unsafe { libc::kill(process::id().cast_signed(), libc::SIGTERM) };
        loop {
            thread::park();
        }
    }),
    ("last-handler-panics", handler_panics),
    ("last-lives-on", lives_on),
];

fn agent() -> panic_agent::AgentGuard {
    Agent::builder().console(Console::Off).install().expect("it starts")
}

/// Panics on four threads that go on while the process ends.
fn among_panics() -> panic_agent::AgentGuard {
    static PANICS: AtomicU64 = AtomicU64::new(0);
    let agent = agent();
    for thread in 0..THREADS {
        thread::spawn(move || {
            for number in 0_u64.. {
                let text = format!("{thread}-{number}");
                assert!(catch_unwind(|| panic!("{text}")).is_err());
                PANICS.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    while PANICS.load(Ordering::Relaxed) < 20 {
        thread::yield_now();
    }
    agent
}

/// Eight threads panic at once under a hook that ends the process.
fn hook_exits() {
    panic::set_hook(Box::new(|_| process::exit(3)));
    let builder = Agent::builder().console(Console::Previous);
    let _agent = builder.install().expect("it starts");
    let together = Barrier::new(AT_ONCE);
    thread::scope(|scope| {
        for number in 0..AT_ONCE {
            let together = &together;
            scope.spawn(move || {
                together.wait();
                panic!("number {number}");
            });
        }
    });
}

/// A handler that runs after the agent's own panics, and catches it.
fn handler_panics() {
    extern "C" fn handler() {
        assert!(catch_unwind(|| panic!("after the end")).is_err());
    }
    // SAFETY: the function has the signature that `atexit` asks for.
    unsafe { libc::atexit(handler) };
    std::mem::forget(agent());
    assert!(catch_unwind(|| panic!("before the end")).is_err());
}

/// A handler that runs after the agent's own waits for a thread that panics.
fn lives_on() {
    extern "C" fn handler() {
        let other = thread::spawn(|| drop(catch_unwind(|| panic!("while it lives on"))));
        other.join().expect("it catches its panic");
    }
    // SAFETY: the function has the signature that `atexit` asks for.
    unsafe { libc::atexit(handler) };
    std::mem::forget(agent());
    assert!(catch_unwind(|| panic!("before the end")).is_err());
}

/// One way to end, and whether the process says that it ends.
const WAYS: [(&str, Option<i32>, bool); 4] = [
    ("last-return", Some(0), true),
    ("last-exit", Some(3), true),
    ("last-hook-exits", Some(3), true),
    ("last-sigterm", None, false),
];

fn one(directory: &Path, (program, status, says_so): (&str, Option<i32>, bool)) -> u64 {
    let run = finished(command(program, directory).env("PANIC_AGENT_SYMBOLS", "off"));
    assert_eq!(run.status.code(), status, "{program}: {}", String::from_utf8_lossy(&run.stderr));
    let before = Log::read(directory);
    let mut panics = before.of("panic").len() as u64;
    if says_so {
        assert_eq!((before.torn.len(), spools(directory).len()), (0, 0), "{program}: {:?}", before.torn);
        panics = balances(&before);
        none_is_pending(&before);
    }
    let next = finished(command("nothing", directory).env("PANIC_AGENT_SYMBOLS", "off"));
    assert!(next.status.success(), "{}", String::from_utf8_lossy(&next.stderr));
    let log = Log::read(directory);
    assert_eq!((log.torn.len(), log.duplicates(), spools(directory).len()), (0, 0, 0), "{program}");
    let died = log.of("finding").iter().filter(|line| line["code"] == "process_died").count();
    assert_eq!(died, usize::from(!says_so), "{program}");
    if says_so {
        let added: Vec<_> = log.lines[before.lines.len()..].iter().map(|line| &line["kind"]).collect();
        assert_eq!(added, ["process", "end"], "{program}");
    }
    panics
}

/// Ends again and again, in each way.
pub(crate) fn campaign() {
    let (ends, start) = (super::number("RELIABILITY_ENDS", ENDS), Instant::now());
    let mut panics = [0; WAYS.len()];
    for run in 0..ends {
        let way = (run % WAYS.len() as u64) as usize;
        panics[way] += one(&fresh_directory("last"), WAYS[way]);
    }
    println!("{ends} ends in {:.1} s, panics by way: {panics:?}", start.elapsed().as_secs_f64());
    assert!(panics.iter().all(|panics| *panics > 0), "the campaign shows nothing");
}

fn run(program: &str) -> Log {
    let directory = fresh_directory(program);
    let run = finished(&mut command(program, &directory));
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let log = Log::read(&directory);
    assert_eq!((log.torn.len(), log.duplicates(), spools(&directory).len()), (0, 0, 0));
    log
}

pub(crate) fn trials() -> Vec<Trial> {
    let checks: [(&str, fn()); 2] = [
        ("a_panic_of_an_exit_handler_after_the_end_is_written_and_counted_anew", || {
            let log = run("last-handler-panics");
            assert_eq!((balances(&log), log.of("end").len()), (2, 2));
            let kinds: Vec<_> = log.lines.iter().map(|line| line["kind"].as_str().expect("a word")).collect();
            assert_eq!(kinds[kinds.len() - 3..], ["end", "panic", "end"]);
        }),
        ("a_process_that_lives_on_after_the_end_has_the_panics_of_its_threads", || {
            let log = run("last-lives-on");
            assert_eq!((balances(&log), log.of("end").len()), (2, 2));
            assert_eq!(log.messages().get("while it lives on"), Some(&1));
        }),
    ];
    let trial = |(name, check): (&str, fn())| {
        Trial::test(name, move || -> Result<(), Failed> {
            check();
            Ok(())
        })
    };
    checks.map(trial).into()
}
