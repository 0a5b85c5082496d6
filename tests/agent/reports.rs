//! Programs whose panics are looked at.

use std::sync::mpsc;
use std::thread;

use panic_agent::init;
use panic_agent::labels::TraceContext;
use serde_json::json;

use crate::Case;
use crate::tools::caught;

const HEADER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "a_thread_that_dies_without_anybody_to_join_it_is_told_apart",
        environment: &[],
        program: || {
            let _agent = init();
            let (alive, ended) = mpsc::channel::<()>();
            let (go, gone) = mpsc::channel::<()>();
            let body = move || {
                let _alive = alive;
                // Until the handle is gone.
                let _handle_is_gone = gone.recv();
                panic!("nobody waits for me");
            };
            drop(thread::Builder::new().name("lonely".to_owned()).spawn(body).expect("a thread"));
            drop(go);
            ended.recv().expect_err("nothing is sent");
        },
        check: |run| {
            run.ended_with(0);
            let lines = run.lines();
            let panic = lines.only("panic");
            assert_eq!(panic["thread"], "lonely");
            assert_eq!(panic["location"]["file"], "tests/agent/reports.rs");
            assert_eq!(panic["payload_type"], "&str");
            if cfg!(all(target_os = "linux", target_env = "gnu")) {
                assert_eq!(panic["fate"], "thread_died");
                assert_eq!(panic["prediction"]["handler"]["kind"], "thread_root");
                assert_eq!(panic["uncaught"], true);
                assert_eq!(panic["thread_facts"]["detached"], "detached");
            }
        },
    },
    Case {
        name: "a_catch_of_the_program_is_named_with_its_place",
        environment: &[],
        program: || {
            let _agent = init();
            caught("not for long");
        },
        check: |run| {
            run.ended_with(0);
            let lines = run.lines();
            let panic = lines.only("panic");
            assert_eq!(panic["message"], "not for long");
            assert_eq!(panic["message_len"], "not for long".len());
            assert_eq!(panic["thread"], "main");
            if cfg!(all(target_os = "linux", target_env = "gnu")) {
                assert_eq!(panic["fate"], "caught");
                assert_eq!(panic["uncaught"], false);
                let handler = &panic["prediction"]["handler"];
                assert_eq!(handler["kind"], "user");
                assert!(handler["file"].as_str().unwrap().ends_with("tests/agent/tools.rs"), "{handler}");
            }
        },
    },
    Case {
        name: "a_trace_context_puts_its_ids_into_the_labels",
        environment: &[],
        program: || {
            let _agent = init();
            {
                let _labels = TraceContext::parse(HEADER).expect("a valid header").label();
                caught("traced");
            }
            caught("not traced");
        },
        check: |run| {
            run.ended_with(0);
            let lines = run.lines();
            let [traced, not_traced] = lines.of("panic")[..] else { panic!("two lines") };
            assert_eq!(traced["labels"]["trace_id"], "0af7651916cd43dd8448eb211c80319c");
            assert_eq!(traced["labels"]["span_id"], "b7ad6b7169203331");
            assert_eq!(not_traced["labels"], json!({}));
        },
    },
    Case {
        name: "panics_are_numbered_within_one_instance",
        environment: &[],
        program: || {
            let _agent = init();
            for _ in 0..3 {
                caught("again");
            }
        },
        check: |run| {
            run.ended_with(0);
            let lines = run.lines();
            let instance = lines.only("process")["id"].as_str().unwrap();
            assert_eq!(lines.only("end")["id"], instance);
            let panics = lines.of("panic");
            for (number, panic) in (1..).zip(&panics) {
                assert_eq!(panic["id"], format!("{instance}-{number}"));
                assert_eq!(panic["fingerprint"], panics[0]["fingerprint"], "the same cause");
            }
        },
    },
];
