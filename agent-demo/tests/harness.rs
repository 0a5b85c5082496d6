//! The catch around a test is libtest's. Each test here runs this very program again, with one inner test.
//!
//! Runs on: libtest's threads. Must not: install the agent in the outer process.

use std::path::Path;

use agent_demo::{Lines, Outcome, child};
use panic_agent::record::HandlerKind;

/// Set in the inner process only.
const INNER: &str = "AGENT_DEMO_INNER_TEST";

/// Runs one test of the module `inner` in a process of its own and returns the lines of the agent.
fn run_inner(test: &str) -> (i32, Lines) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("agent.jsonl");
    let exe = std::env::current_exe().unwrap();
    let mut command = child::command(Path::new(&exe), directory.path());
    command.args(["--exact", &format!("inner::{test}")]).env("PANIC_AGENT_FILE", &file).env(INNER, "1");
    let output = child::finish(command).unwrap();
    (output.status.code().unwrap_or(-1), Lines::read(&file).unwrap())
}

#[test]
fn the_harness_catches_a_test_that_panics() {
    let (status, lines) = run_inner("fails");
    assert_eq!(status, 101);
    let [report] = lines.panics.as_slice() else { panic!("{lines:?}") };
    assert_eq!(
        agent_demo::check::outcome_of(report),
        Outcome::caught_by(HandlerKind::TestHarness),
        "{report:?}"
    );
    assert_eq!(report.thread.as_deref(), Some("inner::fails"));
}

#[test]
fn a_test_passes_although_its_thread_died_and_only_the_lines_tell() {
    let (status, lines) = run_inner("passes_while_its_thread_dies");
    assert_eq!(status, 0);
    let [report] = lines.panics.as_slice() else { panic!("{lines:?}") };
    assert_eq!(agent_demo::check::outcome_of(report), Outcome::caught_by(HandlerKind::ThreadRoot));
}

mod inner {
    use std::time::Duration;

    fn is_inner() -> bool {
        std::env::var_os(super::INNER).is_some()
    }

    #[test]
    fn fails() {
        if is_inner() {
            // Lives as long as the process: libtest's report comes after this thread has ended.
            std::mem::forget(panic_agent::init());
            panic!("the test itself");
        }
    }

    #[test]
    fn passes_while_its_thread_dies() {
        if is_inner() {
            let _agent = panic_agent::init();
            let _ = std::thread::spawn(|| panic!("behind the test's back")).join();
            assert!(panic_agent::flush(Duration::from_secs(30)));
        }
    }
}
