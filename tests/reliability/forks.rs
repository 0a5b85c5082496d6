//! Forked children that panic, that start an agent of their own, or that become another program.
//!
//! Runs on: the main thread of the programs, and the threads that judge. Must not: leave a child behind.

use std::collections::HashSet;
use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::panic::catch_unwind;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{process, thread};

use libtest_mimic::{Failed, Trial};
use panic_agent::{Agent, Console, Overflow};

use super::log::{Log, spools};
use super::program::{acknowledge, command, fresh_directory};

/// Children of the test command, and of the long campaign.
const FORKS: u64 = 300;
/// The parent panics itself before every so many children.
const PARENT_EVERY: u64 = 10;

pub(crate) const PROGRAMS: &[(&str, fn())] = &[
    ("fork-many", many),
    ("fork-own-agent", own_agent),
    ("fork-exec", becomes_another_program),
    ("fork-redacted", redacted),
    ("fork-orphan", orphan),
    ("fork-two-threads", two_threads),
];

fn agent() -> panic_agent::AgentGuard {
    let wait = Overflow::Block(Duration::from_secs(60));
    Agent::builder().console(Console::Off).overflow(wait).install().expect("it starts")
}

fn caught(text: &str) {
    assert!(catch_unwind(|| panic!("{text}")).is_err());
}

/// Runs `child` in a forked child, which then ends without any ado, and waits for it.
fn in_child(child: impl FnOnce()) {
    // SAFETY: the child goes on with this thread alone; what it does then is what is tested.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork: {}", std::io::Error::last_os_error());
    if pid == 0 {
        child();
        // SAFETY: ends the process at once.
        unsafe { libc::_exit(0) };
    }
    let mut status = 0;
    // SAFETY: `status` is valid for writes of one number; the child was made above.
    let waited = unsafe { libc::waitpid(pid, &raw mut status, 0) };
    assert_eq!((waited, status), (pid, 0), "the child ends in order");
}

/// Children one after the other, while two threads of the parent panic too.
fn many() {
    let _agent = agent();
    static DONE: AtomicBool = AtomicBool::new(false);
    let noise: Vec<_> = (0..2)
        .map(|thread| {
            thread::spawn(move || {
                let mut panics = 0_u64;
                while !DONE.load(Ordering::Relaxed) {
                    caught(&format!("noise {thread} {panics}"));
                    panics += 1;
                    // A breath, so that the queue does not fill up.
                    thread::sleep(Duration::from_millis(1));
                }
            })
        })
        .collect();
    for child in 0..super::number("RELIABILITY_FORKS", FORKS) {
        if child % PARENT_EVERY == 0 {
            caught(&format!("parent {child}"));
        }
        in_child(|| caught(&format!("child {child}")));
    }
    DONE.store(true, Ordering::Relaxed);
    noise.into_iter().for_each(|thread| thread.join().expect("no panic"));
}

/// A forked child installs an agent again.
fn own_agent() {
    let _agent = agent();
    caught("parent before");
    // The debug information is read by then; a child that is forked in the middle of that gets no names.
    assert!(panic_agent::flush(Duration::from_secs(60)));
    panic_agent::labels::set_process_label("from", "the parent");
    in_child(|| {
        caught("child before");
        drop(agent());
        caught("child after");
        in_child(|| caught("grandchild"));
        process::exit(0);
    });
    caught("parent after");
}

fn becomes_another_program() {
    let _agent = agent();
    caught("parent");
    let mut command = Command::new("/bin/true");
    // SAFETY: the closure does nothing. With it std forks rather than spawns.
    unsafe { command.pre_exec(|| Ok(())) };
    assert!(command.status().expect("it starts").success());
    assert_eq!(spools(Path::new(".")).len(), 1, "the parent's own");
}

fn redacted() {
    let builder = Agent::builder().console(Console::Off).redactor(|_, _| Some("[hidden]".to_owned()));
    let _agent = builder.install().expect("it starts");
    in_child(|| caught("secret"));
}

/// Panics, and leaves a child that outlives it.
fn orphan() {
    std::mem::forget(agent());
    // SAFETY: the child only waits for the end of its standard input.
    if unsafe { libc::fork() } == 0 {
        let _end = std::io::stdin().read(&mut [0]);
        // SAFETY: ends the process at once.
        unsafe { libc::_exit(0) };
    }
    caught("of the parent");
    acknowledge("panicked");
    // SAFETY: sends a signal to this process alone.
    unsafe { libc::kill(process::id().cast_signed(), libc::SIGKILL) };
}

/// Two threads of one child panic at once.
fn two_threads() {
    let _agent = agent();
    in_child(|| {
        let threads: Vec<_> = (0..2)
            .map(|thread| {
                thread::spawn(move || (0..50).for_each(|number| caught(&format!("{thread}-{number}"))))
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
    });
}

/// Many children, and what their parent's log says.
pub(crate) fn campaign() {
    let forks = super::number("RELIABILITY_FORKS", FORKS);
    let (directory, start) = (fresh_directory("forks"), Instant::now());
    let run = command("fork-many", &directory)
        .env("RELIABILITY_FORKS", forks.to_string())
        .env("PANIC_AGENT_SYMBOLS", "off")
        .output()
        .expect("it starts");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let log = Log::read(&directory);
    assert_eq!((log.torn.len(), log.duplicates(), spools(&directory).len()), (0, 0, 0));
    let messages = log.messages();
    for child in 0..forks {
        assert_eq!(messages.get(format!("child {child}").as_str()), Some(&1), "child {child}");
    }
    let instance = |line: &serde_json::Value| line["id"].as_str().expect("an id")[..16].to_owned();
    let (mut instances, mut of_parent) = (HashSet::new(), 0);
    let end = *log.of("end").first().expect("the parent ends in order");
    assert_eq!(log.of("end").len(), 1, "children end without ado");
    for line in log.of("panic") {
        if instance(line) == instance(end) {
            of_parent += 1;
            assert_eq!(line["pid"], end["pid"]);
        } else {
            assert!(line["message"].as_str().expect("a text").starts_with("child "), "{line}");
            assert!(instances.insert(instance(line)), "each child has a name of its own");
        }
    }
    assert_eq!(instances.len() as u64, forks);
    assert_eq!(
        (&end["panics"], &end["written"]),
        (&of_parent.into(), &of_parent.into()),
        "the parent lost nothing"
    );
    println!(
        "{forks} children in {:.1} s, {of_parent} panics of the parent meanwhile: nothing lost or written twice",
        start.elapsed().as_secs_f64()
    );
}

fn run(name: &str) -> (std::path::PathBuf, Log) {
    let directory = fresh_directory(name);
    let run = command(name, &directory).output().expect("it starts");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let log = Log::read(&directory);
    assert_eq!((log.torn.len(), log.duplicates()), (0, 0));
    (directory, log)
}

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &str, check: fn()| {
        Trial::test(name, move || -> Result<(), Failed> {
            check();
            Ok(())
        })
    };
    vec![
        trial("a_child_with_an_agent_of_its_own_has_names_and_an_end_line", || {
            let (directory, log) = run("fork-own-agent");
            let mut messages: Vec<_> = log.messages().into_iter().collect();
            messages.sort_unstable();
            let each = ["child after", "child before", "grandchild", "parent after", "parent before"];
            assert_eq!(messages, each.map(|message| (message, 1)));
            let line = |message: &str| {
                *log.of("panic").iter().find(|line| line["message"] == message).expect("a line")
            };
            let instance = |message: &str| line(message)["id"].as_str().expect("an id")[..16].to_owned();
            let instances: HashSet<_> = each.into_iter().map(instance).collect();
            assert_eq!(instances.len(), 4, "the parent has one, the child two, the grandchild one");
            let has_names = |message: &str| line(message)["frames"][0]["function"].is_string();
            assert!(has_names("child after") && !has_names("child before") && has_names("parent after"));
            for of_child in ["child before", "child after", "grandchild"] {
                assert_eq!(line(of_child)["labels"]["from"], "the parent", "{of_child}");
            }
            assert_eq!(line("parent before")["labels"].get("from"), None);
            assert_eq!(log.of("end").len(), 2);
            assert_eq!(spools(&directory), [""; 0]);
        }),
        trial("fork_and_exec_leave_nothing_behind", || {
            let (directory, log) = run("fork-exec");
            assert_eq!(log.messages().len(), 1);
            assert_eq!(log.of("process").len(), 1, "another program has no line");
            assert_eq!(spools(&directory), [""; 0]);
        }),
        trial("a_child_without_its_parents_redactor_writes_no_text", || {
            let (directory, log) = run("fork-redacted");
            let text = std::fs::read_to_string(directory.join("panics.jsonl")).expect("a log");
            assert!(!text.contains("secret"), "{text}");
            assert_eq!(
                log.messages().into_iter().collect::<Vec<_>>(),
                [("[no redactor in a forked child]", 1)]
            );
        }),
        trial("a_child_that_outlives_its_parent_does_not_keep_the_parents_spool", || {
            let directory = fresh_directory("fork-orphan");
            let mut parent =
                command("fork-orphan", &directory).stdin(process::Stdio::piped()).spawn().expect("it starts");
            let keeps_the_child = parent.stdin.take().expect("a pipe");
            parent.wait().expect("it was started here");
            assert_eq!(spools(&directory).len(), 1);
            let recovered = panic_agent::recovery::recover(&directory).expect("the directory is there");
            assert_eq!(recovered.processes, 1, "{recovered:?}");
            assert_eq!(spools(&directory), [""; 0]);
            assert_eq!(
                Log::read(&directory).messages().into_iter().collect::<Vec<_>>(),
                [("of the parent", 1)]
            );
            drop(keeps_the_child);
        }),
        trial("threads_of_a_child_write_one_after_the_other", || {
            let (_, log) = run("fork-two-threads");
            assert_eq!(log.messages().len(), 100);
        }),
    ]
}
