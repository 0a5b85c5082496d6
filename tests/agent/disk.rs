//! Programs whose disk is full, slow to come back, or makes calls fail.

use std::path::Path;

use panic_agent::internals::faults;
use panic_agent::sink::Rotation;
use panic_agent::{Agent, Console, Symbols, init, stats};
use serde_json::Value;

use crate::Case;
use crate::outcome::Outcome;
use crate::system::{limit_file_size, small_disk};
use crate::tools::{LONG, caught};

/// Panics of a program whose file system calls fail.
const PANICS: u64 = 12;

/// What the environment asks to fail, as `call:nth:errno:half:for_ever`.
const PLAN: &str = "AGENT_TEST_FAULT";

/// Writes the counts of the process where the check finds them.
fn tell_counts() {
    assert!(panic_agent::flush(LONG));
    let stats = stats();
    assert_eq!(stats.panics, stats.written + stats.losses.total(), "{stats:?}");
    println!("{} {} {} {}", stats.panics, stats.written, stats.losses.total(), faults::fired());
}

/// Panics, `panic` lines that were written, and those that were counted as lost, as the program told them.
fn told(run: &Outcome) -> [u64; 4] {
    let numbers: Vec<u64> = run.stdout.split_whitespace().map(|number| number.parse().unwrap()).collect();
    numbers.try_into().expect("four numbers")
}

/// Lines that are whole, of every file of the directory whose name begins with `panics.jsonl`; the others must
/// be beginnings of lines.
fn whole_lines(directory: &Path) -> Vec<Value> {
    let mut whole = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        // A spool whose name could not be taken away is there, and has nothing to say.
        if !name.starts_with("panics.jsonl") || name.contains(".spool-") {
            continue;
        }
        for line in std::fs::read_to_string(path).unwrap().lines() {
            match serde_json::from_str(line) {
                Ok(value) => whole.push(value),
                Err(_) => assert!(line.is_empty() || line.starts_with("{\"schema\""), "{line}"),
            }
        }
    }
    whole
}

fn panic_lines(directory: &Path) -> u64 {
    whole_lines(directory).iter().filter(|line| line["kind"] == "panic").count() as u64
}

/// The file holds exactly the reports that were counted as written.
fn adds_up(run: &Outcome) -> [u64; 4] {
    run.ended_with(0);
    let [panics, written, lost, fired] = told(run);
    assert_eq!(panics, written + lost);
    assert_eq!(panic_lines(&run.directory), written, "{}", run.directory.display());
    [panics, written, lost, fired]
}

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "a_disk_without_room_costs_lines_which_are_counted_and_the_first_one_that_fits_is_whole",
        environment: &[("PANIC_AGENT_CONSOLE", "off"), ("PANIC_AGENT_SYMBOLS", "off")],
        program: || {
            std::fs::create_dir("disk").expect("the directory is fresh");
            if let Err(error) = small_disk("disk", 64 * 1024) {
                println!("SKIPPED: no file system of 64 KiB can be mounted: {error}");
                return;
            }
            let _agent = Agent::builder().file("disk/panics.jsonl").install().expect("it starts");
            // The file is full in the middle of a line, unless 64 KiB are a multiple of all lines.
            while stats().losses.sink_failed < 3 {
                caught("until the disk is full");
                assert!(panic_agent::flush(LONG));
            }
            let full = stats();
            // Somebody makes room.
            std::fs::copy("disk/panics.jsonl", "panics.jsonl").expect("there is room elsewhere");
            std::fs::File::options()
                .write(true)
                .open("disk/panics.jsonl")
                .and_then(|file| file.set_len(0))
                .expect("its own file");
            caught("there is room again");
            tell_counts();
            assert_eq!(stats().written, full.written + 1);
            let rest = std::fs::read_to_string("disk/panics.jsonl").expect("it is there");
            std::fs::write("panics.jsonl.rest", rest).expect("there is room elsewhere");
        },
        check: |run| {
            if run.stdout.starts_with("SKIPPED") {
                print!("{}", run.stdout);
                return run.ended_with(0);
            }
            let [_, written, lost, _] = adds_up(run);
            assert!(written > 2 && lost >= 3, "{written} {lost}");
            let rest = run.lines_in("panics.jsonl.rest");
            assert_eq!(rest.messages(), ["there is room again"]);
        },
    },
    Case {
        name: "a_file_at_its_size_limit_costs_lines_and_not_the_process",
        environment: &[("PANIC_AGENT_CONSOLE", "off"), ("PANIC_AGENT_SYMBOLS", "off")],
        program: || {
            let _agent = init();
            caught("before");
            assert!(panic_agent::flush(LONG));
            // In the middle of the next line. The signal SIGXFSZ that comes with it would end the process.
            let len = std::fs::metadata("panics.jsonl").expect("a file").len();
            limit_file_size(Some(len + 100));
            caught("too much");
            caught("too much");
            assert!(panic_agent::flush(LONG));
            assert_eq!(stats().losses.sink_failed, 2);
            limit_file_size(None);
            caught("after");
            tell_counts();
        },
        check: |run| {
            let [panics, written, lost, _] = adds_up(run);
            assert_eq!((panics, written, lost), (4, 2, 2));
            let lines = whole_lines(&run.directory);
            let messages: Vec<_> =
                lines.iter().filter(|line| line["kind"] == "panic").map(|line| &line["message"]).collect();
            assert_eq!(messages, ["before", "after"]);
            let text = std::fs::read_to_string(run.directory.join("panics.jsonl")).unwrap();
            assert_eq!(
                text.lines().filter(|line| line.len() == 100).count(),
                1,
                "the torn one has a line of its own"
            );
        },
    },
    Case {
        name: "a_device_that_is_always_full_costs_every_line_and_nothing_else",
        environment: &[("PANIC_AGENT_FILE", "/dev/full"), ("PANIC_AGENT_SYMBOLS", "off")],
        program: || {
            let _agent = init();
            (0..5).for_each(|_| caught("nowhere"));
            tell_counts();
        },
        check: |run| {
            run.ended_with(0);
            assert_eq!(told(run), [5, 0, 5, 0]);
        },
    },
    Case {
        name: "a_torn_last_line_of_a_process_that_was_killed_is_closed",
        environment: &[("PANIC_AGENT_SYMBOLS", "off")],
        program: || {
            std::fs::write("panics.jsonl", "{\"schema\":1,\"kind\":\"pan").expect("a file");
            let _agent = init();
            caught("whole");
            tell_counts();
        },
        check: |run| {
            assert_eq!(adds_up(run)[..3], [1, 1, 0]);
            let text = std::fs::read_to_string(run.directory.join("panics.jsonl")).unwrap();
            assert!(
                text.starts_with("{\"schema\":1,\"kind\":\"pan\n{\"schema\":1,\"kind\":\"process\""),
                "{text}"
            );
        },
    },
    Case {
        name: "whatever_call_on_files_fails_the_counts_are_those_of_the_file",
        environment: &[
            ("PANIC_AGENT_CONSOLE", "off"),
            ("PANIC_AGENT_SYMBOLS", "off"),
            ("PANIC_AGENT_PROBES", "off"),
        ],
        program: || {
            let Ok(plan) = std::env::var(PLAN) else { return every_fault() };
            let [call, nth, errno, half, for_ever] = plan.split(':').collect::<Vec<_>>()[..] else {
                panic!("{plan}")
            };
            let number = |text: &str| text.parse().expect("a number");
            let nth: u32 = number(nth);
            assert!(faults::fail(call, nth, number(errno) as i32, half == "1", for_ever == "1"));
            let rotation = Rotation::never().at_bytes(8192).keep(100);
            let agent =
                Agent::builder().console(Console::Off).symbols(Symbols::Off).rotation(rotation).install();
            let Ok(_agent) = agent else {
                // Nothing is installed, and the program goes on.
                caught("without an agent");
                println!("0 0 0 {}", faults::fired());
                return;
            };
            for number in 0..PANICS {
                caught("one of some");
                if number % 3 == 0 {
                    assert!(panic_agent::flush(LONG));
                }
            }
            tell_counts();
        },
        check: |run| {
            run.ended_with(0);
            print!("{}", run.stdout);
            assert!(run.stdout.contains("trials"), "{}", run.stdout);
        },
    },
];

/// Starts this program again for every call that can fail, and every way in which it can.
fn every_fault() {
    let errnos = [(libc::EIO, 0), (libc::ENOSPC, 0), (libc::ENOSPC, 1), (libc::EINTR, 0)];
    let mut trials = 0;
    for call in faults::kinds() {
        for (errno, half) in errnos {
            // What matters elsewhere is that it fails; only a write can be full, halved or interrupted.
            let alike = call != "write" && errno != libc::EIO;
            for for_ever in [0, 1] {
                // A system does not interrupt for ever.
                if alike || (for_ever == 1 && errno == libc::EINTR) {
                    continue;
                }
                trials += every_number(&format!("{call}:"), &format!(":{errno}:{half}:{for_ever}"));
            }
        }
    }
    println!("{trials} trials");
}

/// Lets the first call fail, then the second, until there is none to fail.
fn every_number(call: &str, how: &str) -> u32 {
    for nth in 1.. {
        let directory = std::env::current_dir().expect("a directory").join(format!("{call}{nth}{how}"));
        std::fs::create_dir(&directory).expect("the directory is fresh");
        let output = std::process::Command::new(std::env::current_exe().expect("this program"))
            .current_dir(&directory)
            .env(PLAN, format!("{call}{nth}{how}"))
            .output()
            .expect("it starts");
        let run = Outcome::new(&output, directory);
        let [panics, written, lost, fired] = adds_up(&run);
        if fired == 0 {
            assert_eq!((panics, written, lost), (PANICS, PANICS, 0), "nothing failed: {call}{nth}{how}");
            std::fs::remove_dir_all(&run.directory).expect("its own directory");
            return nth;
        }
        assert!(panics == PANICS || panics == 0);
        std::fs::remove_dir_all(&run.directory).expect("its own directory");
    }
    0
}
