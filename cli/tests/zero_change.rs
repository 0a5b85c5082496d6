//! Programs that know nothing of panic-agent, observed: what is told of their panics, and that they run as without it.
//!
//! The programs are those of `tests/zoo`; the library is built by the tool itself, into a cache of the tests. Only where
//! programs can be observed.
#![cfg(all(target_os = "linux", target_env = "gnu", any(target_arch = "x86_64", target_arch = "aarch64")))]

#[path = "support/mod.rs"]
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use support::{Build, Observed, Told, build, has, observe, plain, skip, tool};

/// Case, message, fate, receipt; of the last word on each panic, in order.
type Case = (&'static str, &'static [(&'static str, &'static str, &'static str)]);

const CASES: [Case; 14] = [
    ("thread_lost", &[("lost", "thread_died", "discarded")]),
    ("thread_read", &[("read", "thread_died", "read")]),
    ("thread_joined", &[("joined", "thread_died", "received")]),
    ("swallowed", &[("swallowed", "caught", "received")]),
    ("caught_read", &[("number 7", "caught", "read")]),
    ("resumed", &[("resumed", "caught", "read")]),
    ("any", &[("", "caught", "received")]),
    ("main", &[("main", "main_died", "discarded")]),
    ("boundary", &[("boundary", "aborted", "discarded")]),
    ("exit_unwinding", &[("under way", "interrupted", "discarded")]),
    ("task_lost", &[("task", "runtime_caught", "discarded")]),
    ("overflow", &[]),
    ("descriptor", &[]),
    ("closed", &[("without files", "thread_died", "discarded")]),
];

/// Fates that rest on names: without them it is known at most that something caught the panic which is no root.
fn needs_names(fate: &str) -> bool {
    matches!(fate, "caught" | "runtime_caught")
}

fn every_case(kind: Build) {
    let program = build(kind).program("program");
    for (case, expected) in CASES {
        let observed = observe(kind, &program, &[case]);
        let without = plain(kind, &program, &[case]);
        assert_eq!(observed.ran, without, "{case} runs as without us");
        let told = observed.told();
        let what: Vec<_> = told.iter().map(|told| told.message.as_str()).collect();
        assert_eq!(what, expected.iter().map(|(message, ..)| *message).collect::<Vec<_>>(), "{case}");
        for (told, (_, fate, receipt)) in told.iter().zip(expected) {
            let known = kind == Build::Debug || !needs_names(fate);
            let fates: &[&str] = if known { &[fate] } else { &[fate, "caught", "unknown"] };
            assert!(fates.contains(&&*told.fate), "{case}: {told:?}");
            let receipts: &[&str] = if kind == Build::Debug { &[receipt] } else { &[receipt, "unknown"] };
            assert!(receipts.contains(&&*told.receipt), "{case}: {told:?}");
            assert!(
                told.predicted == told.fate || told.predicted == "unknown" || told.fate == "interrupted",
                "{told:?}"
            );
        }
        observed.assert_places(case);
    }
    // Names of threads are whole: the system has 15 bytes of them.
    let told = observe(kind, &program, &["thread_lost"]).told();
    assert_eq!(told[0].thread.as_deref(), Some("a-name-of-more-than-fifteen-bytes"));
    let told = observe(kind, &program, &["thread_read"]).told();
    assert_eq!(told[0].thread, None, "not the name that it inherited");
}

#[test]
fn a_debug_build_is_told_in_full() {
    every_case(Build::Debug);
}

#[test]
fn a_release_build_is_told_as_far_as_names_are_there() {
    every_case(Build::Release);
}

#[test]
fn a_stripped_build_has_messages_places_and_roots() {
    every_case(Build::Stripped);
}

#[test]
fn a_build_whose_std_is_a_library_of_its_own_is_told() {
    every_case(Build::Dynamic);
}

#[test]
fn files_get_the_numbers_that_they_get_without_us_whatever_is_read_meanwhile() {
    let program = build(Build::Debug).program("program");
    let observed = observe(Build::Debug, &program, &["descriptors"]);
    assert_eq!(observed.ran, plain(Build::Debug, &program, &["descriptors"]));
    assert_eq!(observed.ran.1, "{3}\nend of descriptors\n");
    assert!(!observed.told().is_empty(), "there was something to read");
}

#[test]
fn the_second_panic_of_a_doomed_unwinding_is_told_and_the_first_is_not_called_caught() {
    let program = build(Build::Debug).program("program");
    let observed = observe(Build::Debug, &program, &["double"]);
    assert_eq!(observed.ran, plain(Build::Debug, &program, &["double"]));
    let told = observed.told();
    let fates: Vec<_> = told.iter().map(|told| (told.message.as_str(), told.fate.as_str())).collect();
    assert!(
        matches!(fates[..], [("first", "aborted" | "interrupted"), ("in a destructor", "aborted")]),
        "{fates:?}"
    );
}

#[test]
fn of_four_threads_with_two_thousand_panics_each_none_is_lost() {
    for kind in [Build::Debug, Build::Release] {
        let program = build(kind).program("program");
        let observed = observe(kind, &program, &["storm"]);
        assert_eq!(observed.ran, plain(kind, &program, &["storm"]));
        let told = observed.told();
        let mut messages: Vec<_> = told.iter().map(|told| told.message.clone()).collect();
        messages.sort();
        messages.dedup();
        assert_eq!(messages.len(), 8000);
        // What was predicted from the tables is what happened.
        assert_eq!(told.iter().find(|told| told.fate != told.predicted), None);
        let end = observed.lines.iter().find(|line| line["kind"] == "end").expect("an end");
        assert_eq!((&end["panics"], &end["written"]), (&8000.into(), &8000.into()));
        assert_eq!(end["probes"]["events_lost"], 0);
    }
}

#[test]
fn forked_and_started_children_run_as_without_us_and_inherit_nothing() {
    let program = build(Build::Debug).program("program");
    for case in ["forked", "parent"] {
        let observed = observe(Build::Debug, &program, &[case]);
        assert_eq!(observed.ran, plain(Build::Debug, &program, &[case]), "{case}");
        let messages: Vec<_> = observed.told().into_iter().map(|told| told.message).collect();
        let expected: &[&str] = if case == "forked" { &["in the parent"] } else { &[] };
        assert_eq!(messages, expected);
        let processes = observed.lines.iter().filter(|line| line["kind"] == "process").count();
        assert_eq!(processes, 1, "{case}");
    }
}

#[test]
fn what_a_shell_becomes_is_observed_its_children_only_when_asked() {
    let program = build(Build::Debug).program("program");
    let script = format!("'{0}' swallowed; exec '{0}' any", program.display());
    let run = |options: &[&str]| Observed::run(options, "sh".as_ref(), &["-c", &script]).told();
    assert_eq!(run(&[]).len(), 1, "what it becomes");
    assert_eq!(run(&[])[0].message, "");
    assert_eq!(run(&["--children"]).len(), 2);
}

#[test]
fn what_cannot_be_observed_runs_all_the_same_after_a_reason() {
    let debug = build(Build::Debug).program("program");
    let setuid = build(Build::Debug).directory.join("setuid");
    fs::copy(&debug, &setuid).expect("a copy");
    fs::set_permissions(&setuid, fs::Permissions::from_mode(0o4755)).expect("its mode");
    let refused = [
        (build(Build::Abort).program("program"), "panic = \"abort\""),
        (build(Build::Static).program("program"), "linked statically"),
        (setuid, "setuid"),
    ];
    for (program, why) in refused {
        let observed = observe(Build::Debug, &program, &["thread_read"]);
        let without = plain(Build::Debug, &program, &["thread_read"]);
        assert_eq!((&observed.ran.0, &observed.ran.1), (&without.0, &without.1), "{why}");
        assert!(
            observed.ran.2.contains("is not observed") && observed.ran.2.contains(why),
            "{}",
            observed.ran.2
        );
        assert!(observed.lines.is_empty());
    }
    // The twin: nothing is said of what can be observed.
    assert!(!observe(Build::Debug, &debug, &["any"]).ran.2.contains("is not observed"));
}

#[test]
fn a_program_that_is_not_there_or_dies_of_a_signal_ends_as_in_a_shell() {
    let status =
        |command: &[&str]| tool().arg("run").arg("--").args(command).output().expect("it runs").status;
    assert_eq!(status(&["./no-such-program"]).code(), Some(127));
    assert_eq!(status(&["sh", "-c", "exit 7"]).code(), Some(7));
    assert_eq!(status(&["sh", "-c", "kill -TERM $$"]).signal(), Some(15));
}

#[test]
fn a_program_in_c_is_unharmed() {
    if !has("cc") {
        return skip("there is no C compiler");
    }
    let directory = &build(Build::Debug).directory;
    let source = directory.join("plain.c");
    let text = "#include <pthread.h>\n#include <stdio.h>\nstatic void *run(void *x) { pthread_exit(x); }\nint main(void) {\n\
                pthread_t t; void *r; pthread_create(&t, 0, run, (void *)7); pthread_join(t, &r);\n\
                printf(\"%ld\\n\", (long)r); return 3; }\n";
    fs::write(&source, text).expect("it is written");
    let program = directory.join("plain");
    let built =
        Command::new("cc").arg("-pthread").arg("-o").arg(&program).arg(&source).status().expect("cc runs");
    assert!(built.success());
    let observed = observe(Build::Debug, &program, &[]);
    assert_eq!(observed.ran, plain(Build::Debug, &program, &[]));
    assert_eq!(observed.ran.0, "status 3");
    assert!(observed.lines.is_empty(), "there is nothing to tell");
}

#[test]
fn rust_code_that_an_interpreter_loads_is_observed() {
    if !has("python3") {
        return skip("there is no python3");
    }
    let plugin = build(Build::Debug).directory.join("debug/libplugin.so");
    // Until the writer has seen the image; a bound, should it never do.
    let script = "import ctypes, sys\nlib = ctypes.CDLL(sys.argv[1])\nfor n in range(20000):\n    lib.let_a_thread_die()\n    \
                  if n % 50 == 0 and 'in the plugin' in open(sys.argv[2]).read(): break\n";
    let observed = Observed::with_log(|log| {
        (vec![], "python3".into(), vec!["-c".into(), script.into(), plugin.clone().into(), log.into()])
    });
    assert_eq!(observed.ran.0, "status 0", "{}", observed.ran.2);
    let told = observed.told();
    let known: Vec<_> = told.iter().filter(|told| told.message == "in the plugin").collect();
    assert!(!known.is_empty());
    for told in known {
        assert_eq!(told.thread.as_deref(), Some("of-the-plugin"));
        assert!(matches!(&*told.fate, "thread_died" | "unknown"), "{told:?}");
    }
}

#[test]
fn an_agent_in_the_program_takes_over_and_each_panic_is_told_once() {
    let program = build(Build::Debug).program("linked");
    let own = build(Build::Debug).directory.join("own.jsonl");
    drop(fs::remove_file(&own));
    let observed = observe(Build::Debug, &program, &[own.to_str().expect("a path")]);
    let messages: Vec<_> = observed.told().into_iter().map(|told| (told.message, told.hook)).collect();
    assert_eq!(messages, [("before".to_owned(), None), ("after".to_owned(), Some(true))]);
    assert!(observed.lines.iter().any(|line| line["code"] == "handed_over"));
    let text = fs::read_to_string(&own).expect("its own file");
    assert!(text.contains("after") && !text.contains("before"));
    // The twin: without an agent of its own, the preloaded one goes on, with the program's labels.
    let observed = observe(Build::Debug, &program, &["-"]);
    let told: Vec<Told> = observed.told();
    assert_eq!(told.iter().map(|told| told.message.as_str()).collect::<Vec<_>>(), ["before", "after"]);
    let labels: Vec<_> =
        observed.lines.iter().filter(|line| line["kind"] == "panic").map(|line| &line["labels"]).collect();
    assert_eq!((labels[0].get("request"), labels[1]["request"].as_str()), (None, Some("17")));
    assert!(!observed.lines.iter().any(|line| line["code"] == "handed_over"));
}
