//! Panics as control flow: a storm at one place, and the first panics at others.
//!
//! Runs on: threads of the programs, and the threads that judge. Must not: count on how fast the writer is.

use std::io;
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex};

use libtest_mimic::Trial;
use panic_agent::record::LineKind;
use panic_agent::sink::EncodedLine;
use panic_agent::{Agent, Sink, stats};

use super::log::Log;
use super::program::{DEADLINE, Program, command, fresh_directory, run};

const THREADS: usize = 8;
/// Panics of each thread in the storm, at least.
const EACH: usize = 2_500;

pub(crate) const PROGRAMS: &[Program] = &[("firsts-storm", storm), ("firsts-gate", gate)];

/// Panics at the place where it is called.
#[track_caller]
fn at(number: usize) {
    panic!("place {number}");
}

/// Fifty places.
#[rustfmt::skip]
const PLACES: [fn(); 50] = [
    || at(0), || at(1), || at(2), || at(3), || at(4),
    || at(5), || at(6), || at(7), || at(8), || at(9),
    || at(10), || at(11), || at(12), || at(13), || at(14),
    || at(15), || at(16), || at(17), || at(18), || at(19),
    || at(20), || at(21), || at(22), || at(23), || at(24),
    || at(25), || at(26), || at(27), || at(28), || at(29),
    || at(30), || at(31), || at(32), || at(33), || at(34),
    || at(35), || at(36), || at(37), || at(38), || at(39),
    || at(40), || at(41), || at(42), || at(43), || at(44),
    || at(45), || at(46), || at(47), || at(48), || at(49),
];

fn storm() {
    let _agent = panic_agent::init();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let mut panics = 0;
                while panics < EACH || !over.load(Ordering::Relaxed) {
                    assert!(catch_unwind(|| panic!("storm")).is_err());
                    panics += 1;
                }
            });
        }
        scope.spawn(|| {
            wait_for_losses();
            PLACES.iter().for_each(|place| assert!(catch_unwind(place).is_err()));
            over.store(true, Ordering::Relaxed);
        });
    });
    assert!(panic_agent::flush(DEADLINE));
}

fn wait_for_losses() {
    let start = std::time::Instant::now();
    while stats().losses.pool_full == 0 {
        assert!(start.elapsed() < DEADLINE, "the slots never sufficed less");
        std::thread::yield_now();
    }
}

static OPEN: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());

/// Takes no `panic` line before it is opened.
struct Gate;

impl Sink for Gate {
    fn write(&mut self, line: &EncodedLine<'_>) -> io::Result<()> {
        let mut open = OPEN.0.lock().expect("no panic");
        while !*open && line.kind() == LineKind::Panic {
            open = OPEN.1.wait(open).expect("no panic");
        }
        Ok(())
    }
}

fn gate() {
    let _agent = Agent::builder().file("panics.jsonl").sink(Gate).install().expect("it starts");
    while stats().losses.pool_full == 0 {
        assert!(catch_unwind(|| panic!("storm")).is_err());
    }
    let lost = stats().losses.pool_full;
    PLACES.iter().for_each(|place| assert!(catch_unwind(place).is_err()));
    assert_eq!(stats().losses.pool_full, lost, "each place is new");
    PLACES.iter().for_each(|place| assert!(catch_unwind(place).is_err()));
    assert_eq!(stats().losses.pool_full, lost + PLACES.len() as u64, "no place is new");
    *OPEN.0.lock().expect("no panic") = true;
    OPEN.1.notify_all();
    assert!(panic_agent::flush(DEADLINE));
}

fn check(program: &str) -> Log {
    let directory = fresh_directory(program);
    let mut command = command(program, &directory);
    command.env("PANIC_AGENT_CONSOLE", "off").env("PANIC_AGENT_SYMBOLS", "off");
    let output = run(&mut command);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let log = Log::read(&directory.join("panics.jsonl"));
    let messages = log.messages();
    let missing: Vec<_> = (0..PLACES.len())
        .map(|number| format!("place {number}"))
        .filter(|place| !messages.contains(&place.as_str()))
        .collect();
    assert_eq!(missing, [""; 0], "of {} lines", messages.len());
    let (written, lost) = log.end();
    assert_eq!(written, messages.len() as u64);
    assert!(lost > 0, "nothing was at stake");
    println!("{written} written, {lost} lost");
    log
}

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("in_a_storm_at_one_place_the_first_panic_of_each_other_is_written", || {
            let log = check("firsts-storm");
            let (written, lost) = log.end();
            assert!(written + lost >= (THREADS * EACH + PLACES.len()) as u64);
            Ok(())
        }),
        Trial::test("while_nothing_is_written_first_panics_have_slots_and_second_ones_have_none", || {
            let log = check("firsts-gate");
            let places = log.messages().iter().filter(|message| message.starts_with("place")).count();
            assert_eq!(places, PLACES.len());
            Ok(())
        }),
    ]
}
