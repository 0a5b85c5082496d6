//! Names that are no text: of the log, of directories, of arguments and variables.
//!
//! Runs on: the main thread of the programs, and the threads that judge. Must not: take a name for text.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::Command;

use libtest_mimic::Trial;

use super::log::Log;
use super::program::{DEADLINE, Program, TWO, command, fresh_directory, run, two_panics};
use super::same::{Case, all_written};

const LOG: &[u8] = b"panics-\xff\xfe.jsonl";
const DIRECTORY: &[u8] = b"panics-\xc3\x28";

pub(crate) const PROGRAMS: &[Program] = &[
    ("names", || {
        let _agent = panic_agent::init();
        two_panics();
    }),
    ("names-killed", || {
        let _agent = panic_agent::Agent::builder().slots(64).install().expect("it starts");
        two_panics();
        // SAFETY: a number only.
        unsafe { libc::raise(libc::SIGKILL) };
    }),
    ("names-rotated", || {
        let _agent = panic_agent::init();
        for _ in 0..4 {
            two_panics();
            assert!(panic_agent::flush(DEADLINE) || std::env::var_os("PANIC_AGENT").is_some());
        }
    }),
];

fn named(command: &mut Command, _: &Path) -> Result<(), String> {
    command.env("PANIC_AGENT_FILE", OsStr::from_bytes(LOG));
    Ok(())
}

fn elsewhere(command: &mut Command, directory: &Path) -> Result<(), String> {
    let inner = directory.join(OsStr::from_bytes(DIRECTORY));
    std::fs::create_dir(&inner).map_err(|error| error.to_string())?;
    command.env("PANIC_AGENT_SPOOL", &inner).env("PANIC_AGENT_FILE", inner.join(OsStr::from_bytes(LOG)));
    command.current_dir(inner).arg(OsStr::from_bytes(b"\xff")).env("OTHER", OsStr::from_bytes(b"\xff"));
    command.env(OsStr::from_bytes(b"OTHER\xff"), "x").env("PANIC_AGENT_SERVICE", OsStr::from_bytes(b"a\xff"));
    Ok(())
}

const CASES: &[Case] = &[
    Case::new("a_log_whose_name_is_no_text_is_written", "names", |run| all_written(run, &TWO))
        .around(named)
        .log(LOG),
    Case::new("a_log_whose_name_is_no_text_is_rotated", "names-rotated", |run| {
        assert_eq!(run.log.end(), (8, 0));
        assert!(run.log.kind("finding").is_empty(), "{:#?}", run.log.0);
        assert!(run.log.kind("panic").len() < 8, "it was put aside");
    })
    .around(|command, directory| {
        command.env("PANIC_AGENT_ROTATE_BYTES", "4096");
        named(command, directory)
    })
    .log(LOG),
    Case::new("directories_arguments_and_variables_that_are_no_text_change_nothing", "names", |_| {})
        .around(elsewhere),
];

/// In another directory than the rest of the files.
fn in_a_directory() {
    let directory = fresh_directory("names-directory");
    let mut command = command("names", &directory);
    elsewhere(&mut command, &directory).expect("a directory");
    let output = run(&mut command);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let log = directory.join(OsStr::from_bytes(DIRECTORY)).join(OsStr::from_bytes(LOG));
    assert_eq!(Log::read(&log).messages(), TWO);
}

/// What a killed process left is written by the next start, and by the call.
fn recovered(by_call: bool) {
    let directory = fresh_directory(if by_call { "names-by-call" } else { "names-by-start" });
    let mut killed = command("names-killed", &directory);
    named(&mut killed, &directory).expect("a name");
    let status = run(&mut killed).status;
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(libc::SIGKILL));
    if by_call {
        let recovered = panic_agent::recovery::recover(&directory).expect("the directory is there");
        assert_eq!((recovered.processes, recovered.left.len()), (1, 0), "{recovered:?}");
    } else {
        let mut next = command("names", &directory);
        named(&mut next, &directory).expect("a name");
        assert!(run(&mut next).status.success());
    }
    let log = Log::read(&directory.join(OsStr::from_bytes(LOG)));
    let mut expected = TWO.to_vec();
    if !by_call {
        expected.extend(TWO);
        expected.sort_unstable();
    }
    assert_eq!(log.messages(), expected, "{:#?}", log.0);
}

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials: Vec<_> = CASES.iter().map(Case::trial).collect();
    for (name, by_call) in [
        ("a_spool_of_a_log_whose_name_is_no_text_is_recovered_by_the_call", true),
        ("a_spool_of_a_log_whose_name_is_no_text_is_recovered_by_the_next_start", false),
    ] {
        trials.push(Trial::test(name, move || {
            recovered(by_call);
            Ok(())
        }));
    }
    trials.push(Trial::test("a_log_in_a_directory_whose_name_is_no_text_is_written", || {
        in_a_directory();
        Ok(())
    }));
    trials
}
