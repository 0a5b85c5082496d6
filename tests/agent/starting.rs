//! Programs in which the agent starts, or says why it does not.

use std::time::Duration;

use panic_agent::sink::Rotation;
use panic_agent::{Agent, ErrorKind, Folding, init, try_init};

use crate::Case;
use crate::tools::{caught, on_a_thread};

/// Tries to install the agent when it is dropped.
struct InstallsWhenDropped;

impl Drop for InstallsWhenDropped {
    fn drop(&mut self) {
        let error = try_init().expect_err("this thread is panicking");
        assert_eq!(error.kind(), ErrorKind::Panicking);
        assert!(!init().is_active());
    }
}

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "a_second_init_is_named_on_stderr_and_harms_nobody",
        environment: &[],
        program: || {
            let agent = init();
            let second = init();
            assert!(agent.is_active() && !second.is_active());
            assert_eq!(try_init().expect_err("installed").kind(), ErrorKind::AlreadyInstalled);
            drop(second);
            caught("after the second init");
        },
        check: |run| {
            run.ended_with(0);
            assert_eq!(
                run.complaints(),
                ["an agent is installed in this process already; call `init` once, and keep its guard"]
            );
            assert_eq!(run.lines().of("process").len(), 1);
            assert_eq!(run.lines().messages(), ["after the second init"]);
        },
    },
    Case {
        name: "a_hook_of_another_crate_is_named_and_what_is_there_twice",
        environment: &[],
        program: || {
            log_panics::init();
            let _agent = init();
            caught("told to both");
        },
        check: |run| {
            run.ended_with(0);
            let lines = run.lines();
            let process = lines.only("process");
            assert_eq!(process["previous_hook"], "log_panics");
            let message = process["message"].as_str().unwrap();
            assert!(message.ends_with("; log-panics logs each panic, too: leave it out"), "{message}");
        },
    },
    Case {
        name: "a_hook_of_another_crate_that_is_not_called_makes_nothing_twice",
        environment: &[("PANIC_AGENT_CONSOLE", "off")],
        program: || {
            log_panics::init();
            let _agent = init();
            caught("told to one");
        },
        check: |run| {
            run.ended_with(0);
            let lines = run.lines();
            let process = lines.only("process");
            assert_eq!(process["previous_hook"], "log_panics");
            assert!(!process["message"].as_str().unwrap().contains("; "), "{process}");
        },
    },
    Case {
        name: "a_hook_of_the_program_is_another_one",
        environment: &[],
        program: || {
            let hook = |_: &std::panic::PanicHookInfo<'_>| println!("the program's own");
            std::panic::set_hook(Box::new(hook));
            let _agent = init();
            caught("printed by the program");
        },
        check: |run| {
            run.ended_with(0);
            assert_eq!(run.stdout, "the program's own\n");
            let lines = run.lines();
            let process = lines.only("process");
            assert_eq!(process["previous_hook"], "other");
            assert!(!process["message"].as_str().unwrap().contains("; "), "{process}");
        },
    },
    Case {
        name: "a_file_that_cannot_be_opened_is_one_clear_line_and_the_program_runs",
        environment: &[("PANIC_AGENT_FILE", "no/such/directory/panics.jsonl")],
        program: || {
            let agent = init();
            assert!(!agent.is_active());
            caught("nobody records this");
            assert!(panic_agent::stats().panics == 0 && panic_agent::flush(crate::tools::LONG));
            println!("alive");
        },
        check: |run| {
            run.ended_with(0);
            assert_eq!(run.stdout, "alive\n");
            let complaints = run.complaints();
            assert_eq!(complaints.len(), 1, "{}", run.stderr);
            for part in ["`no/such/directory/panics.jsonl`", "No such file", "PANIC_AGENT_FILE"] {
                assert!(complaints[0].contains(part), "{part} in {}", complaints[0]);
            }
            assert!(run.stderr.contains("nobody records this"), "std's own hook is in place");
        },
    },
    Case {
        name: "switched_off_it_writes_no_file_and_says_nothing",
        environment: &[("PANIC_AGENT", "off")],
        program: || {
            let agent = init();
            assert!(!agent.is_active() && try_init().is_ok_and(|agent| !agent.is_active()));
            caught("only for std");
            assert_eq!(panic_agent::stats().panics, 0);
            assert_eq!(panic_agent::stats(), panic_agent::Stats::default());
            assert_eq!(panic_agent::subscribe(1).recv(), Err(panic_agent::record::RecvError::Closed));
        },
        check: |run| {
            run.ended_with(0);
            assert!(!run.has("panics.jsonl"));
            assert_eq!(run.complaints(), [""; 0]);
            assert!(run.stderr.contains("only for std"));
        },
    },
    Case {
        name: "a_forgotten_guard_loses_nothing",
        environment: &[],
        program: || {
            std::mem::forget(init());
            on_a_thread("worker", "after the guard was forgotten");
        },
        check: |run| {
            run.ended_with(0);
            assert_eq!(run.lines().messages(), ["after the guard was forgotten"]);
            assert_eq!(run.lines().totals(), (1, 1, 0));
        },
    },
    Case {
        name: "a_guard_that_was_dropped_at_once_loses_nothing",
        environment: &[],
        program: || {
            #[expect(let_underscore_drop, reason = "the mistake that this case is about")]
            let _ = init();
            on_a_thread("worker", "after the guard was dropped");
        },
        check: |run| {
            run.ended_with(0);
            assert_eq!(run.lines().messages(), ["after the guard was dropped"]);
            assert_eq!(run.lines().totals(), (1, 1, 0));
        },
    },
    Case {
        name: "a_thread_that_is_panicking_cannot_install_it",
        environment: &[],
        program: || {
            crate::tools::caught_by(|| {
                let _installs = InstallsWhenDropped;
                panic!("the first panic");
            });
            assert!(init().is_active(), "nothing was left behind");
        },
        check: |run| {
            run.ended_with(0);
            assert_eq!(
                run.complaints(),
                ["cannot set a panic hook on a thread that is panicking; install the agent first in `main`"]
            );
        },
    },
    Case {
        name: "a_value_out_of_range_is_an_error_of_the_builder",
        environment: &[],
        program: || {
            for builder in [
                Agent::builder().slots(0),
                Agent::builder().slots(65_537),
                Agent::builder().max_report_bytes(4_095),
                Agent::builder().max_frames(0),
                Agent::builder().max_frames(193),
                Agent::builder().rotation(Rotation::never().at_bytes(4_095)),
                Agent::builder().rotation(Rotation::never().after(Duration::from_millis(999))),
                Agent::builder().rotation(Rotation::never().keep(0)),
                Agent::builder().fold(Folding::after(0)),
                Agent::builder().fold(Folding::after(1).every(Duration::ZERO)),
            ] {
                let error = builder.install().expect_err("out of range");
                assert_eq!(error.kind(), ErrorKind::InvalidValue, "{error}");
                println!("{error}");
            }
        },
        check: |run| {
            run.ended_with(0);
            assert_eq!(
                run.stdout,
                "slots = 0; use a number from 1 to 65536\n\
                 slots = 65537; use a number from 1 to 65536\n\
                 max_report_bytes = 4095; use at least 4096\n\
                 max_frames = 0; use a number from 1 to 192\n\
                 max_frames = 193; use a number from 1 to 192\n\
                 rotation at 4095 bytes; use at least 4096\n\
                 rotation after 999ms; use at least one second\n\
                 rotation with 0 archives; keep at least 1\n\
                 fold after 0; write at least 1 panic of a fingerprint whole\n\
                 fold every 0ns; use at least one second\n"
            );
            assert!(!run.has("panics.jsonl"));
        },
    },
    Case {
        name: "the_hook_that_was_set_before_is_called_once_per_panic",
        environment: &[],
        program: || {
            std::panic::set_hook(Box::new(|info| {
                println!("before: {}", info.payload().downcast_ref::<String>().map_or("", String::as_str));
            }));
            let _agent = init();
            caught("one");
            on_a_thread("worker", "two");
        },
        check: |run| {
            run.ended_with(0);
            assert_eq!(run.stdout, "before: one\nbefore: two\n");
            assert_eq!(run.stderr, "");
        },
    },
];
