//! Programs that end, in every way a process can end by itself.

use std::os::unix::process::ExitStatusExt as _;
use std::sync::mpsc;

use panic_agent::{Agent, Console, init};

use crate::Case;
use crate::tools::{Gated, caught, on_a_thread};

/// Panics in the program with the small queue.
const MANY: u64 = 100;
/// Slots of that queue.
const FEW: usize = 4;

/// Records a panic in a function that runs at the end of the process.
extern "C" fn at_the_end() {
    caught("at the end");
}

extern "C" fn must_not_unwind() {
    panic!("not across this border");
}

struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("in the destructor");
    }
}

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "a_panic_of_main_ends_with_101_and_leaves_its_line",
        environment: &[],
        program: || {
            let _agent = init();
            panic!("main gives up");
        },
        check: |run| {
            run.ended_with(101);
            let lines = run.lines();
            let panic = lines.only("panic");
            assert_eq!((&panic["message"], &panic["thread"]), (&"main gives up".into(), &"main".into()));
            if cfg!(all(target_os = "linux", target_env = "gnu")) {
                assert_eq!((&panic["fate"], &panic["level"]), (&"main_died".into(), &"fatal".into()));
            }
            assert_eq!(lines.totals(), (1, 1, 0));
        },
    },
    Case {
        name: "an_exit_with_a_status_keeps_the_status_and_the_lines",
        environment: &[],
        program: || {
            std::mem::forget(init());
            on_a_thread("worker", "just before the exit");
            std::process::exit(3);
        },
        check: |run| {
            run.ended_with(3);
            assert_eq!(run.lines().messages(), ["just before the exit"]);
            assert_eq!(run.lines().totals(), (1, 1, 0));
        },
    },
    Case {
        name: "main_returns_with_a_full_queue_and_every_panic_is_written_or_counted",
        // Reports that wait for names would have more slots.
        environment: &[("PANIC_AGENT_SYMBOLS", "off")],
        program: || {
            let (gate, closed) = mpsc::channel();
            let _agent = Agent::builder()
                .file("panics.jsonl")
                .sink(Gated(closed))
                .slots(FEW)
                .console(Console::Off)
                .install()
                .expect("it starts");
            for _ in 0..MANY {
                caught("one of many");
            }
            // Dropped first when `main` returns; until then the writer is stuck with the first report.
            let _opened_at_return = gate;
        },
        check: |run| {
            run.ended_with(0);
            let lines = run.lines();
            assert_eq!(lines.totals(), (MANY, FEW as u64, MANY - FEW as u64));
            assert_eq!(lines.of("panic").len(), FEW);
            let losses = lines.of("losses");
            let last = losses.last().expect("losses are said");
            assert_eq!(last["losses"]["pool_full"], MANY - FEW as u64);
            let site = last["sites"][0]["location"].as_str().unwrap();
            assert!(site.starts_with("tests/agent/tools.rs:"), "{site}");
        },
    },
    Case {
        name: "an_abort_at_an_extern_c_border_waits_until_the_reports_are_written",
        environment: &[],
        program: || {
            no_core_dump();
            let _agent = init();
            must_not_unwind();
        },
        check: |run| {
            assert_eq!(run.status.signal(), Some(6), "{}", run.stderr);
            let lines = run.lines();
            let panics = lines.of("panic");
            assert_eq!(panics[0]["message"], "not across this border");
            assert_eq!(panics[1]["message"], "panic in a function that cannot unwind");
            for panic in panics {
                assert_eq!((&panic["fate"], &panic["level"]), (&"aborted".into(), &"fatal".into()));
                assert_eq!(panic["reason"], "nounwind_boundary");
                assert_eq!(panic["incident"], lines.of("panic")[0]["id"]);
            }
            assert!(lines.of("end").is_empty(), "an abort is no end in order");
        },
    },
    Case {
        name: "an_abort_in_a_destructor_during_unwinding_leaves_its_chain",
        environment: &[],
        program: || {
            no_core_dump();
            let _agent = init();
            let _panics = PanicsWhenDropped;
            panic!("the first");
        },
        check: |run| {
            assert_eq!(run.status.signal(), Some(6), "{}", run.stderr);
            let lines = run.lines();
            let messages = lines.messages();
            assert_eq!(messages, ["the first", "in the destructor", "panic in a destructor during cleanup"]);
            let panics = lines.of("panic");
            assert_eq!(panics[2]["reason"], "drop_during_unwind");
            assert!(panics.iter().all(|panic| panic["incident"] == panics[0]["id"]));
        },
    },
    Case {
        name: "a_panic_in_a_function_that_runs_at_the_end_is_recorded",
        environment: &[],
        program: || {
            std::mem::forget(init());
            // Functions run in the reverse order of their registration, so this one comes before the agent's.
            assert!(at_exit(at_the_end));
        },
        check: |run| {
            run.ended_with(0);
            assert_eq!(run.lines().messages(), ["at the end"]);
            assert_eq!(run.lines().totals(), (1, 1, 0));
        },
    },
];

fn no_core_dump() {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `none` is a valid `rlimit` and lives across the call.
    unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const none) };
}

fn at_exit(function: extern "C" fn()) -> bool {
    // SAFETY: the function has the required signature and lives as long as the program.
    unsafe { libc::atexit(function) == 0 }
}
