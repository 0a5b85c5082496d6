//! Programs in which nothing panics, or nothing has yet: what the agent takes then. Nothing here is measured by the clock:
//! pages, page faults, threads and context switches are counted.

use std::path::Path;
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use panic_agent::{Agent, Symbols, flush, init};

use crate::Case;
use crate::tools::{LONG, caught};

/// Most that the agent takes until something panics, of memory that is nobody else's. What a debug build touches of its own
/// large code is not counted.
const MOST_KIB: u64 = 1024;
/// A stretch in which nothing happens. That is what is looked at, so its length is no guess.
const STRETCH: Duration = Duration::from_millis(400);

/// A number in the text of a file of `/proc` that looks like `status`.
fn number(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("a field");
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().expect("a number")
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("the own status");
    let of = |kind| number(&status, kind);
    of("RssAnon") + of("RssShmem")
}

/// What is resident of each mapping, largest first.
fn mappings() -> String {
    let smaps = std::fs::read_to_string("/proc/self/smaps").expect("the mappings");
    let (mut all, mut current) = (Vec::new(), "");
    for line in smaps.lines() {
        match line.strip_prefix("Rss:") {
            Some(rest) => {
                let kib: u64 = rest.trim().trim_end_matches(" kB").parse().expect("a number");
                all.push((kib, current));
            }
            None if line.contains('-') && line.contains(' ') && !line.starts_with("VmFlags") => {
                current = line
            }
            None => {}
        }
    }
    all.sort_by_key(|(kib, _)| core::cmp::Reverse(*kib));
    all.iter().take(12).map(|(kib, mapping)| format!("{kib} KiB of {mapping}\n")).collect()
}

/// What a thread has done: context switches of both kinds, and page faults of both kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Done([u64; 4]);

impl Done {
    /// `None` once the thread has ended.
    fn of(task: &Path) -> Option<Self> {
        let status = std::fs::read_to_string(task.join("status")).ok()?;
        let stat = std::fs::read_to_string(task.join("stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit(") ").next().expect("fields").split(' ').collect();
        let field = |number: usize| fields[number - 3].parse().expect("a number");
        Some(Self([
            number(&status, "voluntary_ctxt_switches"),
            number(&status, "nonvoluntary_ctxt_switches"),
            field(10),
            field(12),
        ]))
    }
}

/// The threads of this process by name, with what they did. One that ends while they are listed is left out.
fn threads() -> Vec<(String, Done)> {
    let tasks = std::fs::read_dir("/proc/self/task").expect("a list of threads").flatten();
    let mut threads: Vec<_> = tasks
        .filter_map(|task| {
            let name = std::fs::read_to_string(task.path().join("comm")).ok()?;
            Some((name.trim_end().to_owned(), Done::of(&task.path())?))
        })
        .collect();
    threads.sort_by(|one, other| one.0.cmp(&other.0));
    threads
}

/// Waits without doing anything.
fn pause(stretch: Duration) {
    let nothing = Mutex::new(());
    let guard = nothing.lock().expect("nobody else has it");
    let (_guard, waited) = Condvar::new().wait_timeout(guard, stretch).expect("nobody else has it");
    assert!(waited.timed_out());
}

/// What the agent's thread does in a stretch of quiet; once it does the same in two of them it is at rest.
fn at_rest() -> Done {
    let deadline = Instant::now() + LONG;
    // It has its name a moment after `init` has returned.
    let writer = || threads().into_iter().find(|(name, _)| name == "panic-agent").map(|(_, done)| done);
    let mut before = writer();
    loop {
        pause(STRETCH);
        let now = writer();
        if let Some(now) = now.filter(|_| now == before) {
            return now;
        }
        assert!(Instant::now() < deadline, "it never rests: {before:?}, {now:?}");
        before = now;
    }
}

/// Whether the whole executable is mapped besides the parts that are loaded.
fn is_read() -> bool {
    let own = std::env::current_exe().expect("this file");
    let len = own.metadata().expect("this file").len();
    let maps = std::fs::read_to_string("/proc/self/maps").expect("the mappings");
    maps.lines().filter(|line| line.ends_with(&*own.to_string_lossy())).any(|line| {
        let (start, end) = line.split(' ').next().and_then(|range| range.split_once('-')).expect("a range");
        let number = |text| u64::from_str_radix(text, 16).expect("an address");
        number(end) - number(start) >= len
    })
}

fn has_thread(name: &str) -> bool {
    threads().iter().any(|(thread, _)| thread == name)
}

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "until_something_panics_there_is_one_thread_that_rests_and_little_memory",
        environment: &[],
        program: || {
            let (before, mappings_before) = (resident_kib(), mappings());
            let _agent = init();
            at_rest();
            let grown = resident_kib().saturating_sub(before);
            let names: Vec<String> = threads().into_iter().map(|(name, _)| name).collect();
            assert_eq!(names.len(), 2, "{names:?}");
            assert!(!is_read(), "debug information is read");
            assert!(grown <= MOST_KIB, "{grown} KiB:\n{mappings_before}\n{}", mappings());
            println!("{grown} KiB");
            // And everything is there when it is needed.
            caught("the first");
            assert!(flush(LONG));
            assert!(is_read(), "the control: it is seen");
        },
        check: |run| {
            run.ended_with(0);
            let lines = run.lines();
            assert_eq!(lines.messages(), ["the first"]);
            let frames = lines.only("panic")["frames"].as_array().expect("frames");
            let named = |frame: &&serde_json::Value| frame["function"].as_str().is_some();
            let program =
                frames.iter().find(|frame| frame["in_app"] == true).expect("a frame of the program");
            assert!(program["file"].as_str().is_some_and(|file| file.ends_with("tools.rs")), "{program}");
            assert!(frames.iter().filter(named).count() > 5);
        },
    },
    Case {
        name: "eager_symbols_are_read_before_anything_panics",
        environment: &[],
        program: || {
            let agent = Agent::builder().symbols(Symbols::Eager).install().expect("it starts");
            assert!(agent.warm_up(LONG));
            assert!(is_read());
            at_rest();
            assert!(is_read(), "and kept");
        },
        check: |run| run.ended_with(0),
    },
    Case {
        name: "a_program_can_have_its_debug_information_read_when_it_likes",
        environment: &[],
        program: || {
            let agent = init();
            assert!(!is_read());
            assert!(agent.warm_up(LONG) && agent.warm_up(Duration::ZERO));
            assert!(is_read());
            let deadline = Instant::now() + LONG;
            while has_thread("panic-agent-sym") {
                assert!(Instant::now() < deadline, "the thread that reads does not end");
                std::thread::yield_now();
            }
        },
        check: |run| run.ended_with(0),
    },
    Case {
        name: "without_symbols_there_is_nothing_to_warm_up",
        environment: &[("PANIC_AGENT_SYMBOLS", "off")],
        program: || {
            let agent = init();
            assert!(agent.warm_up(LONG));
            caught("no names");
            assert!(flush(LONG));
            assert!(!is_read());
        },
        check: |run| {
            run.ended_with(0);
            assert_eq!(run.lines().messages(), ["no names"]);
        },
    },
];
