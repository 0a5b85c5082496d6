//! Recoveries whose system calls fail: whatever fails, the next one that works completes the log, once.
//!
//! Runs on: the main thread of the programs, and the threads that judge. Must not: let a plan fail in the process
//! that judges.

use std::path::Path;

use libtest_mimic::Trial;
use panic_agent::internals::faults;

use super::end_programs::PANICS;
use super::log::{Log, spools};
use super::program::{command, fresh_directory};

/// What fails, as `call:nth:errno:for_ever`.
const PLAN: &str = "RELIABILITY_FAULT";

pub(crate) const PROGRAMS: &[(&str, fn())] = &[("recover-with-faults", || {
    let plan = std::env::var(PLAN).expect("the parent sets it");
    let [call, nth, errno, for_ever] = plan.split(':').collect::<Vec<_>>()[..] else { panic!("{plan}") };
    let nth = nth.parse().expect("a number");
    let half = call == "write" && errno == "28";
    assert!(faults::fail(call, nth, errno.parse().expect("a number"), half, for_ever == "1"));
    // An error, or the reason in `left`; what it did is in the directory.
    let recovered = panic_agent::recovery::recover(".");
    let panics = recovered.map_or(0, |recovered| recovered.panics);
    println!("{} {panics}", faults::fired());
})];

pub(crate) fn trials() -> Vec<Trial> {
    let name = "whatever_call_of_a_recovery_fails_the_next_one_completes_the_log_without_duplicates";
    vec![
        Trial::test(name, || {
            println!("{} trials", every_call());
            Ok(())
        }),
        Trial::test("a_recovery_that_was_cut_short_and_whose_log_is_gone_writes_no_line_twice", || {
            cut_short();
            Ok(())
        }),
    ]
}

fn every_call() -> u32 {
    let mut trials = 0;
    for call in faults::kinds() {
        let errnos: &[i32] = if call == "write" { &[libc::EIO, libc::ENOSPC] } else { &[libc::EIO] };
        for errno in errnos {
            for for_ever in [0, 1] {
                for nth in 1.. {
                    trials += 1;
                    if !one(call, &format!("{call}:{nth}:{errno}:{for_ever}")) {
                        break;
                    }
                }
            }
        }
    }
    trials
}

/// One process that was killed, one recovery that fails somewhere, and one that does not; whether anything failed.
fn one(call: &str, plan: &str) -> bool {
    let directory = fresh_directory(&format!("faults-{call}"));
    let words = killed(&directory);
    let panic_lines = || Log::read(&directory).of("panic").len() as u64;
    // The writer was stuck in its first report, whose line the log has.
    let before = panic_lines();
    let (fired, panics) = recover_with(plan, &directory);
    let said = panic_lines();
    if fired == 0 {
        assert_eq!((before + panics, said), (PANICS as u64, PANICS as u64), "nothing failed: {plan}");
    }
    let second = panic_agent::recovery::recover(&directory).expect("the directory is there");
    assert_eq!(second.left, [], "{plan}");
    let log = Log::read(&directory);
    for word in &words {
        assert_eq!(log.messages().get(word.as_str()), Some(&1), "{plan}: {word}");
    }
    assert_eq!((log.torn.len(), log.duplicates()), (0, 0), "{plan}");
    assert_eq!(spools(&directory), [""; 0], "{plan}");
    assert_eq!(said + second.panics, PANICS as u64, "{plan}: each says what it wrote");
    fired > 0
}

fn killed(directory: &Path) -> Vec<String> {
    let run =
        command("end-sigkill", directory).env("PANIC_AGENT_SYMBOLS", "off").output().expect("it starts");
    let words: Vec<String> = String::from_utf8_lossy(&run.stdout).lines().map(str::to_owned).collect();
    assert_eq!((words.len(), spools(directory).len()), (PANICS, 1));
    words
}

/// Calls that failed, and panics that the recovery says it wrote.
fn recover_with(plan: &str, directory: &Path) -> (u64, u64) {
    let run = command("recover-with-faults", directory).env(PLAN, plan).output().expect("it starts");
    assert!(run.status.success(), "{plan}: {}", String::from_utf8_lossy(&run.stderr));
    let text = String::from_utf8_lossy(&run.stdout).into_owned();
    let numbers: Vec<u64> = text.split_whitespace().map(|word| word.parse().expect("a number")).collect();
    (numbers[0], numbers[1])
}

/// The lines of the first recovery are moved away before the second one begins, as a log shipper does.
fn cut_short() {
    let directory = fresh_directory("faults-cut-short");
    let words = killed(&directory);
    // All lines are written; the spool cannot be removed.
    let (fired, _) = recover_with(&format!("unlink:1:{}:1", libc::EIO), &directory);
    assert_eq!((fired > 0, spools(&directory).len()), (true, 1));
    let first = Log::read(&directory);
    assert_eq!(first.of("panic").len(), PANICS);
    std::fs::remove_file(directory.join("panics.jsonl")).expect("it is there");
    let recovered = panic_agent::recovery::recover(&directory).expect("the directory is there");
    let again = Log::read(&directory).of("panic").len() as u64;
    assert_eq!((recovered.panics, again), (0, 0), "{words:?}");
    assert_eq!((recovered.known as usize, spools(&directory).len()), (PANICS, 0));
}
