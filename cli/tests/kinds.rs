//! Kinds of programs and of ends: what of each is seen from outside, in a table that the page on limits repeats.
#![cfg(all(target_os = "linux", target_env = "gnu", any(target_arch = "x86_64", target_arch = "aarch64")))]

#[path = "support/mod.rs"]
mod support;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use support::{Build, Observed, build, has, observe, plain, skip};

fn codes(observed: &Observed) -> Vec<&str> {
    observed.lines.iter().filter_map(|line| line["code"].as_str()).collect()
}

#[test]
fn a_hook_that_calls_exit_leaves_a_finding_in_place_of_its_panic() {
    for kind in [Build::Debug, Build::Stripped] {
        let program = build(kind).program("program");
        let exits = observe(kind, &program, &["hook_exits"]);
        assert_eq!(exits.ran, plain(kind, &program, &["hook_exits"]));
        assert_eq!((&*exits.ran.0, codes(&exits)), ("status 9", vec!["ended_in_hook"]), "{kind:?}");
        assert_eq!(exits.told(), [], "nothing was raised");
        // The twins: a hook that returns, and an exit from a destructor, which runs behind the raise.
        let returns = observe(kind, &program, &["hook_returns"]);
        assert_eq!((returns.told().len(), codes(&returns)), (1, vec![]), "{kind:?}");
        let unwinding = observe(kind, &program, &["exit_unwinding"]);
        assert_eq!(
            (unwinding.told().len(), codes(&unwinding)),
            (1, vec!["exit_while_unwinding"]),
            "{kind:?}"
        );
    }
}

/// A known limit: of these ends nobody tells this library, and what is written does not know of the panic.
#[test]
fn a_hook_that_aborts_or_leaves_by_underscore_exit_leaves_a_death_without_its_reason() {
    let program = build(Build::Debug).program("program");
    for case in ["hook_aborts", "hook_leaves"] {
        let observed = observe(Build::Debug, &program, &[case]);
        assert_eq!((observed.told(), codes(&observed)), (vec![], vec!["process_died"]), "{case}");
    }
    // The twin: the same hook without that.
    assert_eq!(codes(&observe(Build::Debug, &program, &["hook_returns"])), Vec::<&str>::new());
}

/// A program in C that loads a library of Rust, in this way, and calls it.
fn loader(name: &str, load: &str) -> PathBuf {
    let directory = &build(Build::Debug).directory;
    let (source, program) = (directory.join(format!("{name}.c")), directory.join(name));
    let text = format!(
        "#define _GNU_SOURCE\n#include <dlfcn.h>\nint main(int count, char **args) {{\n\
         void *library = {load};\nif (!library) return 1;\n\
         ((void (*)(void))dlsym(library, \"let_a_thread_die\"))();\nreturn 0; }}\n"
    );
    fs::write(&source, text).expect("it is written");
    let built =
        Command::new("cc").arg("-o").arg(&program).arg(&source).arg("-ldl").status().expect("cc runs");
    assert!(built.success());
    program
}

#[test]
fn a_library_in_a_namespace_of_its_own_is_not_seen_and_nobody_says_so() {
    if !has("cc") {
        return skip("there is no C compiler");
    }
    let plugin = build(Build::Debug).directory.join("debug/libplugin.so");
    let plugin = plugin.to_str().expect("a path");
    let apart = loader("apart", "dlmopen(LM_ID_NEWLM, args[1], RTLD_NOW)");
    let observed = observe(Build::Debug, &apart, &[plugin]);
    assert_eq!(observed.ran.0, "status 0", "{}", observed.ran.2);
    assert!(observed.lines.is_empty());
    // The twin: in the namespace of the program.
    let together = loader("together", "dlopen(args[1], RTLD_NOW)");
    let observed = observe(Build::Debug, &together, &[plugin]);
    assert_eq!(observed.told().len(), 1, "{:?}", observed.lines);
}

#[test]
fn a_child_that_is_started_with_an_empty_environment_is_not_seen() {
    let program = build(Build::Debug).program("program");
    let told = |env: &str| {
        let script = format!("{env} '{}' swallowed; true", program.display());
        let observed = Observed::run(&["--children"], "sh".as_ref(), &["-c", &script]);
        assert_eq!(observed.ran.0, "status 0");
        observed.told().len()
    };
    assert_eq!((told("env -i"), told("env")), (0, 1));
}

#[test]
fn a_program_of_another_compiler_has_panics_without_messages_and_says_why() {
    let directory = &build(Build::Debug).directory;
    let (source, program) = (directory.join("other.rs"), directory.join("other"));
    fs::write(&source, "fn main() { drop(std::thread::spawn(|| panic!(\"seen\")).join()); }\n")
        .expect("written");
    let nightly = Command::new("rustc").arg("+nightly").arg("-o").arg(&program).arg(&source).output();
    if !nightly.is_ok_and(|output| output.status.success()) {
        return skip("there is no other compiler (`rustc +nightly`)");
    }
    let lacks = |observed: &Observed| {
        let process = observed.lines.iter().find(|line| line["kind"] == "process").expect("a process line");
        process["soft_errors"].to_string().contains("other_compiler")
    };
    let observed = observe(Build::Debug, &program, &[]);
    let told = observed.told();
    assert_eq!((told.len(), &*told[0].fate, &*told[0].message), (1, "thread_died", ""));
    assert!(lacks(&observed));
    // The twin: the compiler of the library.
    let own = observe(Build::Debug, &build(Build::Debug).program("program"), &["thread_joined"]);
    assert_eq!((&*own.told()[0].message, lacks(&own)), ("joined", false));
}
