//! Programs that ask the agent what it has seen.

use std::panic::catch_unwind;
use std::time::Duration;

use panic_agent::record::RecvError;
use panic_agent::record::{Fate, LineKind, Receipt};
use panic_agent::sink::MemorySink;
use panic_agent::{Agent, Console, Line, flush, stats, subscribe};

use crate::Case;
use crate::tools::{LONG, caught, on_a_thread};

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "the_counts_add_up_after_a_flush",
        environment: &[],
        program: || {
            assert!(stats().panics == 0 && flush(LONG), "without an agent there is nothing to wait for");
            let _agent = Agent::builder().console(Console::Off).install().expect("it starts");
            assert_eq!(stats().panics, 0);
            for _ in 0..20 {
                caught("counted");
            }
            assert_eq!(stats().panics, 20);
            assert!(flush(LONG));
            let stats = stats();
            assert_eq!((stats.panics, stats.pending), (20, 0));
            assert_eq!(stats.written + stats.losses.total(), 20);
        },
        check: |run| {
            run.ended_with(0);
            let (panics, written, lost) = run.lines().totals();
            assert_eq!((panics, written + lost), (20, 20));
            assert_eq!(run.lines().of("panic").len() as u64, written);
        },
    },
    Case {
        name: "a_subscriber_receives_reports_and_a_full_queue_is_counted",
        environment: &[],
        program: || {
            let _agent = Agent::builder().console(Console::Off).install().expect("it starts");
            caught("before the subscription");
            assert!(flush(LONG));
            let (wide, narrow) = (subscribe(16), subscribe(1));
            on_a_thread("first", "one");
            caught("two");
            assert!(flush(LONG));
            let mut panics = Vec::new();
            while panics.len() < 2 {
                match wide.recv_timeout(LONG).expect("a line") {
                    Line::Panic(report) => panics.push(report),
                    other => assert_eq!(other.kind(), LineKind::Verdict),
                }
            }
            let [one, two] = [&panics[0], &panics[1]];
            assert_eq!((one.message.as_deref(), one.thread.as_deref()), (Some("one"), Some("first")));
            assert_eq!(two.message.as_deref(), Some("two"));
            if cfg!(all(target_os = "linux", target_env = "gnu")) {
                assert_eq!((one.fate, two.fate), (Fate::ThreadDied, Fate::Caught));
            }
            assert!(narrow.try_recv().is_ok());
            assert_eq!(narrow.try_recv(), Err(RecvError::Empty));
            assert!(stats().losses.subscriber_full >= 1);
            assert_eq!(stats().losses.total(), 0, "its line is written all the same");
        },
        check: |run| {
            run.ended_with(0);
            assert_eq!(run.lines().messages(), ["before the subscription", "one", "two"]);
        },
    },
    Case {
        name: "a_program_can_wait_until_it_is_known_who_received_the_error_of_one_panic",
        environment: &[],
        program: || {
            let _agent = Agent::builder().console(Console::Off).install().expect("it starts");
            let lines = subscribe(64);
            let kept = catch_unwind(|| panic!("kept")).expect_err("it panics");
            caught("dropped");
            let report = |text: &str| loop {
                match lines.recv_timeout(LONG).expect("a line") {
                    Line::Panic(report) if report.message.as_deref() == Some(text) => return report,
                    _ => {}
                }
            };
            let (of_kept, of_dropped) = (report("kept").head.id, report("dropped"));
            if cfg!(all(target_os = "linux", target_env = "gnu")) {
                let receipt = match of_dropped.receipt {
                    Receipt::Pending => match lines.recv_verdict(of_dropped.head.id, LONG) {
                        Ok(Line::Verdict(verdict)) => verdict.receipt,
                        other => panic!("{other:?}"),
                    },
                    known => known,
                };
                assert_eq!(receipt, Receipt::Received);
                let open = lines.recv_verdict(of_kept, Duration::from_millis(200));
                assert_eq!(open, Err(RecvError::TimedOut), "nobody has dropped or read it yet");
            }
            drop(kept);
        },
        check: |run| run.ended_with(0),
    },
    Case {
        name: "a_sink_in_memory_takes_the_place_of_the_default_file",
        environment: &[],
        program: || {
            let sink = MemorySink::new();
            let _agent = Agent::builder().sink(sink.clone()).install().expect("it starts");
            caught("remembered");
            assert!(sink.wait_for(LineKind::Panic, 1, LONG) && flush(LONG));
            assert_eq!(sink.reports()[0].message.as_deref(), Some("remembered"));
            assert_eq!(sink.lines_of(LineKind::Process).len(), 1);
            assert!(sink.flushes() > 0);
        },
        check: |run| {
            run.ended_with(0);
            assert!(!run.has("panics.jsonl"));
        },
    },
];
