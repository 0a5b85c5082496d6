//! Programs that panic more often than reports can be written.

use std::time::Duration;

use panic_agent::{Agent, Console, Folding, Overflow, init, stats};

use crate::Case;
use crate::tools::{Gated, LONG, caught, on_a_thread};

const THREADS: u64 = 4;
const EACH: u64 = 3000;
/// What the agent may take: slots that are made while names are read, the debug information itself, names, stacks, buffers of
/// one line.
const MOST_KIB: u64 = 96 * 1024;

/// Panics on several threads as fast as they can; prints what came of it.
fn storm() {
    caught("everything that is needed once");
    assert!(panic_agent::flush(LONG));
    let before = resident_kib();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| (0..EACH).for_each(|_| caught("one of many")));
        }
    });
    assert!(panic_agent::flush(LONG));
    let stats = stats();
    assert_eq!(stats.panics, THREADS * EACH + 1);
    assert_eq!(stats.panics, stats.written + stats.losses.total(), "{stats:?}");
    let growth = resident_kib().saturating_sub(before);
    println!("{} written, {} lost, {growth} KiB more resident", stats.written, stats.losses.total());
    assert!(growth < MOST_KIB, "{growth} KiB");
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a system with /proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Threads of a burst, and panics of each: more than there are slots at the start.
const BURST: [usize; 2] = [4, 150];

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "a_burst_right_after_the_start_loses_nothing_and_has_its_names_and_verdicts",
        environment: &[("PANIC_AGENT_CONSOLE", "off")],
        program: || {
            let _agent = init();
            let [threads, panics] = BURST;
            std::thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(|| {
                        for _ in 0..panics {
                            caught("in the burst");
                            std::thread::yield_now();
                        }
                    });
                }
            });
        },
        check: |run| {
            run.ended_with(0);
            let lines = run.lines();
            let all = BURST.iter().product::<usize>();
            assert_eq!(lines.totals(), (all as u64, all as u64, 0));
            for line in lines.of("panic") {
                assert_eq!(line["fate"], "caught", "{line}");
                let errors = line["soft_errors"].as_array().expect("a list");
                assert!(errors.iter().all(|error| error["code"] != "symbols_not_ready"), "{line}");
            }
        },
    },
    Case {
        name: "in_a_storm_every_panic_is_written_or_counted_and_memory_stays_bounded",
        environment: &[
            ("PANIC_AGENT_SLOTS", "64"),
            ("PANIC_AGENT_CONSOLE", "off"),
            ("PANIC_AGENT_SYMBOLS", "off"),
        ],
        program: || {
            let _agent = panic_agent::init();
            storm();
            assert_eq!(stats().losses.total(), stats().losses.pool_full);
        },
        check: |run| {
            run.ended_with(0);
            print!("{}", run.stdout);
            let lines = run.lines();
            let (panics, written, lost) = lines.totals();
            assert_eq!((panics, written + lost), (THREADS * EACH + 1, panics));
            assert_eq!(lines.of("panic").len() as u64, written);
            if lost > 0 {
                let last = lines.of("losses").pop().expect("what was lost is said");
                assert_eq!(last["losses"]["pool_full"], lost);
                assert!(last["sites"][0]["location"].as_str().unwrap().contains("tools.rs"), "{last}");
            }
        },
    },
    Case {
        name: "in_a_storm_nothing_is_lost_when_panics_wait_for_a_slot",
        environment: &[
            ("PANIC_AGENT_SLOTS", "16"),
            ("PANIC_AGENT_OVERFLOW", "block:60000"),
            ("PANIC_AGENT_CONSOLE", "off"),
            ("PANIC_AGENT_SYMBOLS", "off"),
        ],
        program: || {
            let _agent = panic_agent::init();
            storm();
        },
        check: |run| {
            run.ended_with(0);
            assert_eq!(run.lines().totals(), (THREADS * EACH + 1, THREADS * EACH + 1, 0));
        },
    },
    Case {
        name: "a_panic_waits_for_a_slot_no_longer_than_the_deadline",
        // Reports that wait for names would have more slots.
        environment: &[
            ("PANIC_AGENT_SLOTS", "1"),
            ("PANIC_AGENT_CONSOLE", "off"),
            ("PANIC_AGENT_SYMBOLS", "off"),
        ],
        program: || {
            let (gate, closed) = std::sync::mpsc::channel();
            let wait = Duration::from_millis(30);
            let _agent = Agent::builder()
                .file("panics.jsonl")
                .sink(Gated(closed))
                .overflow(Overflow::Block(wait))
                .install()
                .expect("it starts");
            // The writer hangs in the sink with the only slot, or is about to.
            caught("holds the slot");
            let start = std::time::Instant::now();
            caught("waits and gives up");
            assert!(start.elapsed() >= wait, "{:?}", start.elapsed());
            assert_eq!(stats().losses.pool_full, 1);
            drop(gate);
        },
        check: |run| {
            run.ended_with(0);
            assert_eq!(run.lines().messages(), ["holds the slot"]);
            assert_eq!(run.lines().totals(), (2, 1, 1));
        },
    },
    Case {
        name: "repeats_are_folded_by_fingerprint_and_every_one_is_counted",
        environment: &[("PANIC_AGENT_FOLD", "3/1"), ("PANIC_AGENT_OVERFLOW", "block:60000")],
        program: || {
            let _agent = Agent::builder()
                .console(Console::Off)
                .fold(Folding::after(100))
                .install()
                .expect("it starts");
            storm();
            on_a_thread("worker", "another one");
        },
        check: |run| {
            run.ended_with(0);
            let lines = run.lines();
            let (panics, written, lost) = lines.totals();
            let end = lines.only("end");
            assert_eq!(
                (panics, written + lost, &end["losses"]["folded"]),
                (THREADS * EACH + 2, panics, &lost.into())
            );
            let repeats = lines.of("repeats");
            let folded: u64 = repeats.iter().map(|line| line["count"].as_u64().unwrap()).sum();
            assert_eq!(folded, lost);
            // A series ends only when it is quiet for a second, which a busy machine may bring about.
            assert!((5..200).contains(&written), "{written}");
            assert_eq!(lines.messages().iter().filter(|message| **message == "another one").count(), 1);
            assert_eq!(lines.of("losses").len(), 0, "nothing is lost");
            let (first, line) = (lines.of("panic")[0], repeats[0]);
            assert_eq!(line["message"], "one of many");
            assert_eq!(line["location"], lines.of("panic")[1]["location"]);
            assert_ne!(line["fingerprint"], first["fingerprint"]);
            assert_eq!(
                line["fates"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum::<u64>(),
                line["count"]
            );
            let whole: Vec<_> = lines.of("panic").iter().map(|line| &line["id"]).collect();
            assert!(
                repeats.iter().all(|line| whole.contains(&&line["first"]) && !whole.contains(&&line["last"]))
            );
        },
    },
    Case {
        name: "a_panic_that_ends_the_process_is_not_folded",
        environment: &[("PANIC_AGENT_FOLD", "1")],
        program: || {
            fn fail(by: u32) {
                assert!(by == 0, "the same each time");
            }
            let _agent = Agent::builder().console(Console::Off).install().expect("it starts");
            for _ in 0..4 {
                assert!(std::panic::catch_unwind(|| fail(1)).is_err());
            }
            fail(1);
        },
        check: |run| {
            run.ended_with(101);
            let lines = run.lines();
            if cfg!(all(target_os = "linux", target_env = "gnu")) {
                assert_eq!(lines.of("panic").last().expect("a line")["fate"], "main_died");
                assert_eq!(lines.totals(), (5, 2, 3));
            }
            assert_eq!(lines.of("repeats").iter().filter_map(|line| line["count"].as_u64()).sum::<u64>(), 3);
        },
    },
];
