//! Programs that become daemons: they fork, the parent is gone at once, and the child starts an agent of its own. None
//! of them may hang on a lock that a thread of the parent held at the fork.
//!
//! Runs on: the main thread of the programs, and the threads that judge. Must not: leave a daemon behind.

use std::panic::catch_unwind;
use std::path::Path;
use std::process::{self, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};
use panic_agent::{Agent, Console};

use super::log::{Log, spools};
use super::program::{command, fresh_directory};

/// Daemons of each kind in the test command; `RELIABILITY_DAEMONS` has more.
const DAEMONS: u64 = 12;
/// Longest life of one.
const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) const PROGRAMS: &[(&str, fn())] = &[
    ("daemon-fork", || daemon(&|| forks_away())),
    ("daemon-twice", || {
        daemon(&|| {
            forks_away();
            // SAFETY: this process leads no group; it was forked.
            assert!(unsafe { libc::setsid() } > 0);
            forks_away();
        });
    }),
    ("daemon-libc", || {
        // SAFETY: no preconditions. Keeps the directory and the streams.
        daemon(&|| assert_eq!(unsafe { libc::daemon(1, 1) }, 0));
    }),
];

fn agent() -> panic_agent::AgentGuard {
    Agent::builder().console(Console::Off).label("kind", "daemon").install().expect("it starts")
}

fn caught(text: &str) {
    assert!(catch_unwind(|| panic!("{text}")).is_err());
}

/// The parent is gone at once; the child goes on.
fn forks_away() {
    // SAFETY: the child goes on with this thread alone; what it does then is what is tested.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork: {}", std::io::Error::last_os_error());
    if pid > 0 {
        // SAFETY: ends the process at once.
        unsafe { libc::_exit(0) };
    }
}

/// Starts, becomes a daemon after so many microseconds, starts again, and ends in order.
fn daemon(away: &dyn Fn()) {
    std::mem::forget(agent());
    let wait = Duration::from_micros(super::number("DAEMON_AFTER", 0));
    let start = Instant::now();
    while start.elapsed() < wait {
        std::hint::spin_loop();
    }
    away();
    let again = agent();
    assert!(again.is_active());
    let text = format!("of the daemon {}", process::id());
    caught(&text);
}

/// Lines of the daemon that said it ends.
fn until_end(directory: &Path) -> Log {
    let start = Instant::now();
    loop {
        let log = Log::read(directory);
        if !log.of("end").is_empty() {
            return log;
        }
        if start.elapsed() > DEADLINE {
            let left = left(directory);
            for pid in &left {
                // SAFETY: sends a signal to a daemon of this test.
                unsafe { libc::kill(*pid, libc::SIGKILL) };
            }
            panic!("no `end` line after {DEADLINE:?}; daemons left: {left:?}, {:?}", log.lines);
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// Processes that work in this directory.
fn left(directory: &Path) -> Vec<i32> {
    let directory = std::fs::canonicalize(directory).expect("it is there");
    let ids = std::fs::read_dir("/proc").expect("it is mounted").flatten();
    let ids = ids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    ids.filter(|pid| std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|at| at == directory)).collect()
}

fn one(program: &str, after: u64) {
    let directory = fresh_directory(program);
    let mut command = command(program, &directory);
    // A daemon that keeps a pipe would be waited for in vain.
    command.stdout(Stdio::null()).stderr(Stdio::null()).env("DAEMON_AFTER", after.to_string());
    let status = command.env("PANIC_AGENT_FLUSH_MS", "5000").status().expect("it starts");
    assert!(status.success(), "the parent ends at once");
    let log = until_end(&directory);
    let end = log.of("end")[0];
    assert_eq!((&end["panics"], &end["written"]), (&1.into(), &1.into()), "{end}");
    let panics = log.of("panic");
    assert_eq!((panics.len(), &panics[0]["pid"]), (1, &end["pid"]));
    assert_eq!(panics[0]["labels"]["kind"], "daemon", "{}", panics[0]);
    let start = Instant::now();
    while !left(&directory).is_empty() {
        assert!(start.elapsed() < DEADLINE, "it has said that it ends");
        thread::sleep(Duration::from_millis(1));
    }
    // The parent was gone without a word, so its spool is there, unless the daemon has emptied it.
    let own = format!("-{}", end["pid"]);
    let spools = spools(&directory);
    assert!(spools.len() <= 2 && spools.iter().all(|name| !name.contains(&own)), "{spools:?}");
}

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &'static str, program: &'static str| {
        Trial::test(name, move || -> Result<(), Failed> {
            for run in 0..super::number("RELIABILITY_DAEMONS", DAEMONS) {
                // From the first instant of the parent's threads to where they have come to rest.
                one(program, run * run * 97 % 20_000);
            }
            Ok(())
        })
    };
    vec![
        trial("a_daemon_that_forks_right_after_the_start_has_an_agent_of_its_own", "daemon-fork"),
        trial("a_daemon_that_forks_twice_has_an_agent_of_its_own", "daemon-twice"),
        trial("a_daemon_of_the_c_library_has_an_agent_of_its_own", "daemon-libc"),
    ]
}
