//! Programs under a filter of system calls that kills on every call it does not list.
//!
//! Runs on: the main thread of the programs, and the threads that judge. Must not: put a filter on the process that judges.
//!
//! The lists of the agent's calls are those of `docs/panic-context.md`; what the programs themselves need, and std for them, is
//! [`PROGRAM`].

use std::os::unix::process::ExitStatusExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Command, Output};

use libtest_mimic::Trial;

use super::log::Log;
use super::program::{self, DEADLINE, command, fresh_directory, run, skip};
use super::seccomp_filter as filter;

/// Calls of a program with threads, and of std for it: memory, threads, output, sleeping, ending.
const PROGRAM: &[&str] = &[
    "brk",
    "clock_gettime",
    "clock_nanosleep",
    "clone",
    "clone3",
    "exit",
    "exit_group",
    "futex",
    "getpid",
    "getrandom",
    "gettid",
    "madvise",
    "mmap",
    "mprotect",
    "mremap",
    "munmap",
    "prctl",
    "rseq",
    "restart_syscall",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sched_getaffinity",
    "sched_yield",
    "set_robust_list",
    "sigaltstack",
    "tgkill",
    "wait4",
    "write",
];

/// Variable with the calls that the filter allows; without it there is none.
const ALLOWED: &str = "SURROUNDINGS_ALLOWED";

pub(crate) const PROGRAMS: &[program::Program] = &[
    ("seccomp-ways", || filtered(|| (), all_ways)),
    ("seccomp-aborts", || filtered(|| (), aborts)),
    ("seccomp-forks", || filtered(|| (), forks)),
    ("seccomp-moved", || filtered(move_away, many)),
];

/// Starts the agent, lets it come to rest, and then filters.
fn filtered(before: fn(), then: fn()) {
    let off = std::env::var_os("PANIC_AGENT").is_some();
    // std's own hook reads debug information for some of these panics.
    std::panic::set_hook(Box::new(|_| {}));
    let _agent = panic_agent::init();
    assert!(panic_agent::flush(DEADLINE) || off);
    before();
    mark();
    if let Ok(allowed) = std::env::var(ALLOWED) {
        filter::install(allowed.split(' '));
    }
    then();
}

/// Another program puts the log aside.
fn move_away() {
    if std::env::var_os("PANIC_AGENT").is_none() {
        std::fs::rename("panics.jsonl", "panics-moved.jsonl").expect("it is there");
    }
}

/// Enough for a rotation.
fn many() {
    for _ in 0..8 {
        assert!(catch_unwind(|| panic!("one of many")).is_err());
        assert!(panic_agent::flush(DEADLINE) || std::env::var_os("PANIC_AGENT").is_some());
    }
}

/// Is found in a trace.
fn mark() {
    // SAFETY: no descriptor, and no bytes.
    unsafe { libc::write(-1, std::ptr::null(), 0) };
}

/// Messages of [`all_ways`].
const WAYS: [&str; 6] = ["caught", "detached", "in a drop", "joined", "outer", "thrown again"];

fn all_ways() {
    assert!(catch_unwind(|| panic!("caught")).is_err());
    let named = std::thread::Builder::new().name("named".to_owned());
    assert!(named.spawn(|| panic!("joined")).expect("a thread").join().is_err());
    let (done, ended) = std::sync::mpsc::channel::<()>();
    drop(std::thread::spawn(move || {
        let _done = done;
        panic!("detached");
    }));
    ended.recv().expect_err("it ends without a word");
    let payload = catch_unwind(|| panic!("thrown again")).expect_err("it panics");
    assert!(catch_unwind(AssertUnwindSafe(move || std::panic::resume_unwind(payload))).is_err());
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            assert!(catch_unwind(|| panic!("in a drop")).is_err());
        }
    }
    let nested = catch_unwind(|| {
        let _panics = Panics;
        panic!("outer");
    });
    assert!(nested.is_err());
    assert!(panic_agent::flush(DEADLINE) || std::env::var_os("PANIC_AGENT").is_some());
    println!("done");
}

fn aborts() {
    extern "C" fn must_not_unwind() {
        panic!("at a boundary");
    }
    must_not_unwind();
}

fn forks() {
    // SAFETY: the child panics, catches and ends; it uses nothing that another thread of the parent may hold.
    let child = unsafe { libc::fork() };
    assert!(child >= 0);
    if child == 0 {
        let caught = catch_unwind(|| panic!("in a child")).is_err();
        // SAFETY: ends the child at once.
        unsafe { libc::_exit(if caught { 7 } else { 8 }) };
    }
    let mut status = 0;
    // SAFETY: the child was forked above, and `status` is writable.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    println!("{status}");
}

/// Calls of the agent that the documentation lists for these kinds of threads.
fn documented(kinds: &[&str]) -> Vec<&'static str> {
    let text = include_str!("../../docs/panic-context.md");
    let mut rows = text
        .lines()
        .skip_while(|line| !line.starts_with("| call |"))
        .take_while(|line| line.starts_with('|'));
    let cells = |line: &'static str| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>();
    let head = cells(rows.next().expect("a table of calls"));
    let columns: Vec<_> = kinds
        .iter()
        .map(|kind| head.iter().position(|cell| cell == kind).unwrap_or_else(|| panic!("no column `{kind}`")))
        .collect();
    let listed = rows.skip(1).map(cells).filter(|row| columns.iter().any(|column| row[*column] == "x"));
    let calls: Vec<_> = listed.map(|row| row[0].trim_matches('`')).collect();
    assert!(calls.len() > 3, "{calls:?}");
    calls
}

const RUNNING: &[&str] = &["panic", "writer", "end"];
const WITH_NAMES: &[&str] = &["panic", "writer", "end", "names"];
const WITH_MOVES: &[&str] = &["panic", "writer", "end", "moved"];
const WITH_CHILD: &[&str] = &["panic", "writer", "end", "child"];

/// One run under a filter.
fn under(name: &str, program: &str, allowed: &[&str], agent: bool, symbols: bool) -> (Output, Log) {
    let directory = fresh_directory(name);
    let mut command = command(program, &directory);
    command.env(ALLOWED, [PROGRAM, allowed].concat().join(" "));
    configure(&mut command, agent, symbols);
    let output = run(&mut command);
    (output, Log::read(&directory.join("panics.jsonl")))
}

fn configure(command: &mut Command, agent: bool, symbols: bool) {
    command.env("PANIC_AGENT_SYMBOLS", if symbols { "on" } else { "off" });
    if !agent {
        command.env("PANIC_AGENT", "off");
    }
}

/// With the documented calls every program ends as it does without the agent, and every line is there.
fn suffices(program: &str, messages: &[&str], kinds: &[&str], symbols: bool) {
    let allowed = documented(kinds);
    let name = format!("{program}-{}", if symbols { "names" } else { "plain" });
    let (on, log) = under(&format!("{name}-on"), program, &allowed, true, symbols);
    let (off, _) = under(&format!("{name}-off"), program, &[], false, symbols);
    assert_eq!((on.status, &on.stdout), (off.status, &off.stdout), "{}", String::from_utf8_lossy(&on.stderr));
    assert_ne!(off.status.signal(), Some(libc::SIGSYS), "the program's own list does not suffice");
    assert_eq!(log.messages(), messages, "{:#?}", log.0);
}

/// The log is moved away, made again and rotated.
fn moved() {
    let name = "seccomp-moved";
    let directory = fresh_directory(name);
    let mut command = command(name, &directory);
    command.env(ALLOWED, [PROGRAM, &documented(WITH_MOVES)].concat().join(" "));
    // A verdict that is late may be the only line of an archive: there may be more of them than panics.
    command.env("PANIC_AGENT_ROTATE_BYTES", "4096").env("PANIC_AGENT_ROTATE_KEEP", "100");
    configure(&mut command, true, false);
    let output = run(&mut command);
    assert!(output.status.success(), "{} {}", output.status, String::from_utf8_lossy(&output.stderr));
    let entries =
        std::fs::read_dir(&directory).expect("a directory").map(|entry| entry.expect("an entry").path());
    let logs: Vec<_> = entries.map(|path| Log::read(&path).messages().len()).collect();
    assert!(logs.len() > 3 && logs.iter().sum::<usize>() == 8, "{logs:?}");
}

/// With one documented call less the program is killed: the filter filters, and the list has nothing to spare.
fn is_needed(call: &str) {
    let allowed: Vec<_> = documented(RUNNING).into_iter().filter(|listed| *listed != call).collect();
    let (output, _) = under(&format!("seccomp-without-{call}"), "seccomp-ways", &allowed, true, false);
    assert_eq!(
        output.status.signal(),
        Some(libc::SIGSYS),
        "without {call}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// What a trace sees of the agent's own threads is documented.
fn traced(symbols: bool) {
    let directory = fresh_directory(&format!("seccomp-traced-{symbols}"));
    let known = Command::new("strace").args(["-Y", "-f", "-qq", "-o", "/dev/null", "true"]).output();
    if !known.is_ok_and(|output| output.status.success()) {
        return skip("a trace of system calls", "no strace that says the names of threads");
    }
    let program = command("seccomp-ways", &directory);
    let mut strace = Command::new("strace");
    strace.args(["-f", "-Y", "-qq", "-o", "trace.txt"]).arg(program.get_program()).args(program.get_args());
    strace.current_dir(&directory).env("PANIC_AGENT_FLUSH_MS", "60000");
    configure(&mut strace, true, symbols);
    let output = run(strace
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let trace = read_trace(&directory.join("trace.txt"));
    let writer = calls_of(&trace, "panic-agent");
    let names = calls_of(&trace, "panic-agent-sym");
    assert!(writer.contains(&"write") && (names.is_empty() != symbols), "{writer:?} {names:?}");
    let documented = |kinds: &[&str]| [documented(kinds), PROGRAM.to_vec()].concat();
    for call in &writer {
        let kinds: &[&str] = if symbols { &["writer", "names"] } else { &["writer"] };
        assert!(documented(kinds).contains(call), "the writer calls {call}");
    }
    for call in &names {
        assert!(documented(&["names"]).contains(call), "the reader of names calls {call}");
    }
}

/// Lines behind the mark: name of the thread, and call.
fn read_trace(path: &Path) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(path).expect("a trace");
    let lines = text.lines().skip_while(|line| !line.contains("write(-1,"));
    let parsed = lines.filter_map(|line| {
        let (thread, rest) = line.split_once('<')?.1.split_once('>')?;
        let call = rest.trim_start().split('(').next()?;
        let is_call =
            !call.is_empty() && call.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        is_call.then(|| (thread.to_owned(), call.to_owned()))
    });
    parsed.collect()
}

fn calls_of<'t>(trace: &'t [(String, String)], thread: &str) -> Vec<&'t str> {
    let mut calls: Vec<_> =
        trace.iter().filter(|(name, _)| name == thread).map(|(_, call)| call.as_str()).collect();
    calls.sort_unstable();
    calls.dedup();
    calls
}

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &str, check: fn()| {
        Trial::test(name, move || {
            if filter::AVAILABLE {
                check();
            } else {
                skip("a filter of system calls", "only on x86_64");
            }
            Ok(())
        })
    };
    vec![
        trial("under_a_filter_every_way_to_panic_is_survived_and_written", || {
            suffices("seccomp-ways", &WAYS, RUNNING, false);
        }),
        trial("under_a_filter_debug_information_is_read", || {
            suffices("seccomp-ways", &WAYS, WITH_NAMES, true)
        }),
        trial("under_a_filter_a_panic_that_aborts_is_written", || {
            suffices(
                "seccomp-aborts",
                &["at a boundary", "panic in a function that cannot unwind"],
                RUNNING,
                false,
            );
        }),
        trial("under_a_filter_a_forked_child_is_written", || {
            suffices("seccomp-forks", &["in a child"], WITH_CHILD, false);
        }),
        trial("under_a_filter_a_log_that_was_moved_is_made_again_and_rotated", moved),
        trial("under_a_filter_that_lacks_a_documented_call_the_program_is_killed", || {
            ["statx", "flock", "unlink"].into_iter().for_each(is_needed);
        }),
        trial("a_trace_sees_no_call_that_is_not_documented", || {
            traced(false);
            traced(true);
        }),
    ]
}
