//! Programs whose lines go elsewhere, or cannot go where they should.

use panic_agent::{Agent, Console, init};

use crate::Case;
use crate::outcome::Lines;
use crate::tools::{Failing, LONG, Panicking, caught};

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "a_new_file_belongs_to_its_owner_alone",
        environment: &[],
        program: || {
            let _agent = init();
        },
        check: |run| {
            use std::os::unix::fs::PermissionsExt as _;
            run.ended_with(0);
            let metadata = std::fs::metadata(run.directory.join("panics.jsonl")).unwrap();
            assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        },
    },
    Case {
        name: "lines_can_go_to_stdout",
        environment: &[("PANIC_AGENT_FILE", "stdout")],
        program: || {
            let _agent = init();
            caught("to stdout");
        },
        check: |run| {
            run.ended_with(0);
            assert!(!run.has("panics.jsonl") && !run.has("stdout"));
            let lines = Lines::parse(&run.stdout);
            assert_eq!(lines.messages(), ["to stdout"]);
            assert_eq!(lines.totals(), (1, 1, 0));
        },
    },
    Case {
        name: "lines_can_go_to_stderr",
        environment: &[("PANIC_AGENT_FILE", "stderr"), ("PANIC_AGENT_CONSOLE", "off")],
        program: || {
            let _agent = init();
            caught("to stderr");
        },
        check: |run| {
            run.ended_with(0);
            assert_eq!(Lines::parse(&run.stderr).messages(), ["to stderr"]);
        },
    },
    Case {
        name: "a_sink_that_fails_costs_the_others_nothing_and_is_counted",
        environment: &[],
        program: || {
            let _agent = Agent::builder().file("panics.jsonl").sink(Failing).install().expect("it starts");
            caught("refused by one of two");
            assert!(panic_agent::flush(LONG));
            assert_eq!(panic_agent::stats().losses.sink_failed, 1);
        },
        check: |run| {
            run.ended_with(0);
            assert_eq!(run.lines().messages(), ["refused by one of two"]);
            assert_eq!(run.lines().totals(), (1, 0, 1));
            assert_eq!(run.lines().of("losses").len(), 1);
        },
    },
    Case {
        name: "a_sink_that_panics_costs_the_others_nothing_and_is_used_again",
        environment: &[],
        program: || {
            let _agent = Agent::builder()
                .file("panics.jsonl")
                .sink(Panicking)
                .console(Console::Off)
                .install()
                .expect("it starts");
            caught("one");
            caught("two");
        },
        check: |run| {
            run.ended_with(0);
            let lines = run.lines();
            assert_eq!(lines.messages(), ["one", "two"]);
            // Two of the program, and two of the sink on the writer thread.
            assert_eq!(lines.totals(), (4, 0, 4));
            let losses = &lines.only("end")["losses"];
            assert_eq!((&losses["sink_panicked"], &losses["writer_thread"]), (&2.into(), &2.into()));
        },
    },
    Case {
        name: "a_file_that_is_removed_is_made_again",
        environment: &[],
        program: || {
            let _agent = init();
            caught("in the removed file");
            assert!(panic_agent::flush(LONG));
            std::fs::remove_file("panics.jsonl").expect("it was there");
            caught("in the new file");
        },
        check: |run| {
            run.ended_with(0);
            assert_eq!(run.lines().messages(), ["in the new file"]);
            assert_eq!(run.lines().totals(), (2, 2, 0));
        },
    },
    Case {
        name: "a_change_of_the_working_directory_does_not_move_the_file",
        environment: &[],
        program: || {
            let _agent = init();
            std::fs::create_dir("elsewhere").expect("the directory is fresh");
            std::env::set_current_dir("elsewhere").expect("it was just made");
            caught("from elsewhere");
        },
        check: |run| {
            run.ended_with(0);
            assert!(!run.has("elsewhere/panics.jsonl"));
            assert_eq!(run.lines().messages(), ["from elsewhere"]);
        },
    },
    Case {
        name: "lines_of_earlier_runs_are_kept",
        environment: &[],
        program: || {
            std::fs::write("panics.jsonl", "{\"kind\":\"older\"}\n").expect("a file");
            let _agent = init();
        },
        check: |run| {
            run.ended_with(0);
            let lines = run.lines();
            assert_eq!(lines.all()[0]["kind"], "older");
            assert_eq!(lines.only("end")["panics"], 0);
        },
    },
];
