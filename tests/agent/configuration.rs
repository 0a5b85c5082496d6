//! Programs that configure the agent, in code and by variables.

use std::os::unix::fs::PermissionsExt;

use panic_agent::{Agent, Console, Overflow, RedactField, Symbols, init, label};
use serde_json::json;

use crate::Case;
use crate::tools::{Failing, Gated, LONG, caught, caught_by, on_a_thread};

/// Variables with values that cannot be used, and what is accepted instead.
const BAD: &[(&str, &str)] = &[
    ("PANIC_AGENT", "maybe"),
    ("PANIC_AGENT_FILE", ""),
    ("PANIC_AGENT_SERVICE", " "),
    ("PANIC_AGENT_LABELS", "zone"),
    ("PANIC_AGENT_CONSOLE", "loud"),
    ("PANIC_AGENT_SYMBOLS", "some"),
    ("PANIC_AGENT_MAX_REPORT_BYTES", "1k"),
    ("PANIC_AGENT_OVERFLOW", "block"),
    ("PANIC_AGENT_FOLD", "many"),
    ("PANIC_AGENT_FILE_TRUST", "some"),
    ("PANIC_AGENT_ROTATE_BYTES", "64M"),
    ("PANIC_AGENT_ROTATE_SECONDS", "1d"),
    ("PANIC_AGENT_ROTATE_KEEP", "0"),
    ("PANIC_AGENT_SLOTS", "0"),
    ("PANIC_AGENT_FLUSH_MS", "2s"),
    ("PANIC_AGENT_SETTLE_MS", "-1"),
    ("PANIC_AGENT_INHERIT_LABELS", "yes"),
    ("PANIC_AGENT_SPAWN_PLACES", "all"),
    ("PANIC_AGENT_TERMINATION_LOG", ""),
    ("PANIC_AGENT_ON_SILENT", "exit:256"),
    ("PANIC_AGENT_ON_UNCAUGHT", "abort@3"),
];

/// Set where a program that makes itself setgid runs again.
const PRIVILEGED: &str = "TEST_PRIVILEGED";
/// A group that nobody is in.
const NOBODY: u32 = 65_534;

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "a_bad_variable_is_named_with_its_value_and_what_is_accepted",
        environment: BAD,
        program: || {
            let agent = init();
            assert!(agent.is_active());
            caught("all the same");
            // The deadline is the default one here.
            assert!(panic_agent::flush(LONG));
        },
        check: |run| {
            run.ended_with(0);
            let complaints = run.complaints();
            assert_eq!(complaints.len(), BAD.len(), "{}", run.stderr);
            for (name, value) in BAD {
                let begin = format!("{name}=`{value}` is not understood and was ignored; accepted: ");
                let accepted = complaints.iter().find_map(|complaint| complaint.strip_prefix(&begin));
                assert!(accepted.is_some_and(|accepted| accepted.len() > 5), "{name}: {complaints:?}");
            }
            assert_eq!(run.lines().messages(), ["all the same"]);
        },
    },
    Case {
        name: "in_a_setgid_program_no_variable_chooses_the_file",
        environment: &[],
        program: || {
            if std::env::var_os(PRIVILEGED).is_some() {
                let _agent =
                    Agent::builder().file("own.jsonl").flush_deadline(LONG).install().expect("it starts");
                return caught("with more rights");
            }
            for (name, mode) in [("setgid", 0o2755), ("ordinary", 0o755)] {
                let made = std::env::current_exe().and_then(|exe| std::fs::copy(exe, name));
                let made = made.and_then(|_| std::os::unix::fs::chown(name, None, Some(NOBODY)));
                let made =
                    made.and_then(|()| std::fs::set_permissions(name, PermissionsExt::from_mode(mode)));
                if let Err(error) = made {
                    return std::fs::write("skipped", error.to_string()).expect("a file");
                }
                let chosen = format!("chosen-in-{name}.jsonl");
                let path = std::env::current_dir().expect("a directory").join(name);
                let status = std::process::Command::new(path)
                    .env(PRIVILEGED, name)
                    .env("PANIC_AGENT_FILE", chosen)
                    .status();
                assert!(status.expect("it runs").success(), "{name}");
                std::fs::remove_file(name).expect("a copy, which is large");
            }
        },
        check: |run| {
            run.ended_with(0);
            if run.has("skipped") {
                return eprintln!("SKIPPED: no program can be made setgid here");
            }
            assert!(run.has("chosen-in-ordinary.jsonl") && !run.has("chosen-in-setgid.jsonl"));
            assert_eq!(run.lines_in("own.jsonl").messages(), ["with more rights"]);
            let ignored =
                "PANIC_AGENT_FILE is ignored, because the program has more rights than whoever started it";
            assert!(run.complaints().contains(&ignored), "{}", run.stderr);
        },
    },
    Case {
        name: "names_and_labels_of_the_builder_are_in_the_lines",
        environment: &[],
        program: || {
            let _agent = Agent::builder()
                .file("unused.jsonl")
                .file("own.jsonl")
                .service("billing")
                .version("1.2.3")
                .environment("staging")
                .label("region", "eu-1")
                .label("rack", 7)
                .install()
                .expect("it starts");
            let _request = label("request", 17);
            let _labels = panic_agent::labels! { "http.method" = "GET", rack = 8 };
            caught("labelled");
        },
        check: |run| {
            run.ended_with(0);
            assert!(!run.has("unused.jsonl") && !run.has("panics.jsonl"));
            let lines = run.lines_in("own.jsonl");
            for line in lines.all() {
                assert_eq!(line["service"], "billing", "{line}");
                assert_eq!(line["version"], "1.2.3");
                assert_eq!(line["environment"], "staging");
            }
            assert_eq!(lines.only("process")["labels"], json!({"region": "eu-1", "rack": "7"}));
            let labels = json!({"region": "eu-1", "rack": "8", "http.method": "GET", "request": "17"});
            assert_eq!(lines.only("panic")["labels"], labels);
        },
    },
    Case {
        name: "variables_win_over_the_code",
        environment: &[
            ("PANIC_AGENT_FILE", "operator.jsonl"),
            ("PANIC_AGENT_SERVICE", "operator"),
            ("PANIC_AGENT_LABELS", "region=us-1, rack = 9"),
            ("PANIC_AGENT_CONSOLE", "off"),
            ("PANIC_AGENT_SYMBOLS", "off"),
            ("PANIC_AGENT_MAX_REPORT_BYTES", "4096"),
        ],
        program: || {
            let _agent = Agent::builder()
                .file("code.jsonl")
                .service("code")
                .label("region", "eu-1")
                .console(Console::Pretty)
                .symbols(Symbols::On)
                .max_report_bytes(1024 * 1024)
                .install()
                .expect("it starts");
            caught(&"long ".repeat(300));
        },
        check: |run| {
            run.ended_with(0);
            assert_eq!(run.stderr, "");
            assert!(!run.has("code.jsonl"));
            let lines = run.lines_in("operator.jsonl");
            let panic = lines.only("panic");
            assert_eq!(panic["service"], "operator");
            assert_eq!(panic["labels"], json!({"region": "us-1", "rack": "9"}));
            assert!(panic["frames"].as_array().unwrap().iter().all(|frame| frame["function"].is_null()));
            assert!(panic.to_string().len() < 4096);
        },
    },
    Case {
        name: "the_pretty_console_takes_the_place_of_the_previous_hook",
        environment: &[("PANIC_AGENT_CONSOLE", "pretty")],
        program: || {
            let _agent = init();
            on_a_thread("painter", "in colour");
        },
        check: |run| {
            run.ended_with(0);
            for part in ["on thread `painter` at ", "    in colour\n", "  fate: "] {
                assert!(run.stderr.contains(part), "{part:?} in {}", run.stderr);
            }
            assert!(!run.stderr.contains("panicked at"), "{}", run.stderr);
            assert_eq!(run.lines().messages(), ["in colour"]);
        },
    },
    Case {
        name: "the_console_can_be_silent",
        environment: &[],
        program: || {
            let _agent = Agent::builder().console(Console::Off).install().expect("it starts");
            caught("only in the file");
        },
        check: |run| {
            run.ended_with(0);
            assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
            assert_eq!(run.lines().messages(), ["only in the file"]);
        },
    },
    Case {
        name: "a_redactor_sees_every_text_before_it_is_written",
        environment: &[],
        program: || {
            let _agent = Agent::builder()
                .redactor(|field, text| match field {
                    RedactField::Path => Some(text.replace("tests/agent", "[path]")),
                    RedactField::Label("public") => None,
                    _ => Some(text.replace("secret", "[gone]")),
                })
                .console(Console::Off)
                .install()
                .expect("it starts");
            let body = || {
                let _labels = panic_agent::labels! { token = "secret-1", public = "secret-2" };
                panic!("the secret of {}", "somebody");
            };
            let thread = std::thread::Builder::new().name("secret thread".to_owned()).spawn(body);
            thread.expect("a thread").join().expect_err("it panicked");
        },
        check: |run| {
            run.ended_with(0);
            let lines = run.lines();
            let panic = lines.only("panic");
            assert_eq!(panic["message"], "the [gone] of somebody");
            assert_eq!(panic["thread"], "[gone] thread");
            assert_eq!(panic["labels"], json!({"token": "[gone]-1", "public": "secret-2"}));
            assert_eq!(panic["location"]["file"], "[path]/configuration.rs");
            let text = panic.to_string();
            assert_eq!(text.matches("secret").count(), 1, "{text}");
            assert!(!text.contains("tests/agent/"), "{text}");
        },
    },
    Case {
        name: "a_redactor_that_panics_lets_nothing_through",
        environment: &[],
        program: || {
            let _agent = Agent::builder()
                .redactor(|field, text| {
                    assert!(field != RedactField::Message, "a bug in the redactor");
                    let _as_it_is = text;
                    None
                })
                .install()
                .expect("it starts");
            caught("the secret");
        },
        check: |run| {
            run.ended_with(0);
            let lines = run.lines();
            let panic = lines.only("panic");
            assert_eq!(panic["message"], "[redactor failed]");
            let errors = panic["soft_errors"].as_array().unwrap();
            assert!(errors.iter().any(|error| error["code"] == "redactor_failed"), "{errors:?}");
            // The redactor's own panic, on the writer thread, is counted and not recorded.
            let (panics, written, lost) = lines.totals();
            assert_eq!((written, panics), (1, written + lost));
        },
    },
    Case {
        name: "a_filter_decides_what_is_written_and_the_rest_is_counted",
        environment: &[],
        program: || {
            let _agent = Agent::builder()
                .before_write(|report| report.summary() != "noise")
                .install()
                .expect("it starts");
            for message in ["noise", "signal", "noise"] {
                caught(message);
            }
        },
        check: |run| {
            run.ended_with(0);
            let lines = run.lines();
            assert_eq!(lines.messages(), ["signal"]);
            assert_eq!(lines.totals(), (3, 1, 2));
            assert_eq!(lines.only("end")["losses"]["filtered"], 2);
        },
    },
    Case {
        name: "a_registered_payload_has_a_message_and_its_type_a_name",
        environment: &[],
        program: || {
            struct Code(u32);
            let _agent = Agent::builder()
                .payload(|code: &Code, out| write!(out, "exit code {}", code.0))
                .install()
                .expect("it starts");
            caught_by(|| std::panic::panic_any(Code(7)));
            caught_by(|| std::panic::panic_any(7_u64));
        },
        check: |run| {
            run.ended_with(0);
            let lines = run.lines();
            let [code, number] = lines.of("panic")[..] else { panic!("two lines") };
            assert_eq!(code["message"], "exit code 7");
            assert!(code["payload_type"].as_str().unwrap().ends_with("::Code"), "{code}");
            assert!(number["message"].is_null() && number["payload_type"].is_null());
        },
    },
    Case {
        name: "a_line_is_never_longer_than_asked_for",
        environment: &[],
        program: || {
            #[inline(never)]
            fn down(depth: u32) -> u32 {
                let below = if depth == 0 { panic!("{}", "deep ".repeat(200)) } else { down(depth - 1) };
                std::hint::black_box(below) + 1
            }
            let _agent = Agent::builder().max_report_bytes(4096).install().expect("it starts");
            caught_by(|| {
                down(60);
            });
        },
        check: |run| {
            run.ended_with(0);
            let text = std::fs::read_to_string(run.directory.join("panics.jsonl")).unwrap();
            assert!(text.lines().all(|line| line.len() < 4096));
            let lines = run.lines();
            let panic = lines.only("panic");
            assert!(panic["stack"]["cut_for_size"].as_u64() > Some(40), "{}", panic["stack"]);
            let errors = panic["soft_errors"].as_array().unwrap();
            assert!(errors.iter().any(|error| error["code"] == "cut_for_size"), "{errors:?}");
            let frames = panic["frames"].as_array().unwrap();
            assert_eq!(frames[0]["index"], 0, "the innermost frames are kept");
        },
    },
    Case {
        name: "a_blocking_overflow_loses_nothing_while_the_writer_comes_along",
        environment: &[("PANIC_AGENT_SLOTS", "1"), ("PANIC_AGENT_OVERFLOW", "block:60000")],
        program: || {
            let _agent = Agent::builder()
                .slots(1024)
                .overflow(Overflow::Count)
                .console(Console::Off)
                .install()
                .expect("it starts");
            for _ in 0..50 {
                caught("one of many");
            }
        },
        check: |run| {
            run.ended_with(0);
            assert_eq!(run.lines().totals(), (50, 50, 0));
        },
    },
    Case {
        name: "the_flush_deadline_bounds_the_wait_for_a_writer_that_hangs",
        environment: &[("PANIC_AGENT_FLUSH_MS", "20")],
        program: || {
            let (gate, closed) = std::sync::mpsc::channel();
            let agent = Agent::builder()
                .sink(Gated(closed))
                .sink(Failing)
                .flush_deadline(LONG)
                .install()
                .expect("it starts");
            caught("held up");
            assert!(!panic_agent::flush(std::time::Duration::from_millis(1)));
            let before = std::time::Instant::now();
            drop(agent);
            assert!(before.elapsed() < LONG / 2);
            // Never opened: the end of the process waits no longer than the guard.
            std::mem::forget(gate);
        },
        check: |run| run.ended_with(0),
    },
];
