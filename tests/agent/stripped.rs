//! A program that becomes a stripped copy of itself, and its twin that keeps its names.
//!
//! Runs on: the main thread of the programs. Must not: change the program that the other cases run.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use panic_agent::init;

use crate::Case;
use crate::tools::caught;

/// Set for the copy.
const COPIED: &str = "AGENT_TEST_COPIED";

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "a_stripped_program_names_no_frame_and_says_why",
        environment: &[],
        program: || copied("--strip-all"),
        check: |run| {
            run.ended_with(0);
            let lines = run.lines();
            let panic = lines.only("panic");
            assert_eq!(panic["message"], "in a copy");
            assert_eq!(codes(panic), ["no_symbols"]);
            // Whoever reads it knows which file to look for.
            let detail = panic["soft_errors"][0]["detail"].as_str().unwrap();
            assert!(detail.contains("copy (build-id "), "{detail}");
        },
    },
    Case {
        name: "a_copy_that_keeps_its_symbols_names_its_frames",
        environment: &[],
        program: || copied("--preserve-dates"),
        check: |run| {
            run.ended_with(0);
            let lines = run.lines();
            let panic = lines.only("panic");
            assert_eq!(panic["message"], "in a copy");
            assert!(!codes(panic).contains(&"no_symbols"), "{panic}");
        },
    },
];

/// Becomes a copy that `objcopy` made, which panics.
fn copied(how: &str) {
    if std::env::var_os(COPIED).is_some() {
        let _agent = init();
        return caught("in a copy");
    }
    let copy = Path::new("copy");
    let this = std::env::current_exe().expect("its name");
    let made = Command::new("objcopy").arg(how).arg(this).arg(copy).output().expect("objcopy is there");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let error = Command::new("./copy").env(COPIED, "1").exec();
    panic!("the copy does not start: {error}");
}

fn codes(panic: &serde_json::Value) -> Vec<&str> {
    let errors = panic["soft_errors"].as_array().expect("a list");
    errors.iter().map(|error| error["code"].as_str().unwrap()).collect()
}
