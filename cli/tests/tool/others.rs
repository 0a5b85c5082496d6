//! The small commands, and what all have in common.

use std::fmt::Write as _;
use std::fs;
use std::process::Stdio;

use crate::support::{Place, assert_schema, lines, skip};

#[test]
fn a_fault_of_the_tool_is_told_by_its_own_agent_and_a_run_without_one_leaves_nothing() {
    let place = Place::new(&["thread-handle-dropped"]);
    let own = place.path("state/panic-agent/panics.jsonl");
    place.text(&["view", "."]);
    assert!(!own.exists());
    let ran = place.run(&["fault"]);
    assert!(ran.status == 101 && ran.err.contains("this is a fault of the tool"), "{ran:?}");
    let own = own.display().to_string();
    let text = place.text(&["view", &own]);
    assert!(
        text.contains("asked to panic") && text.contains("panic-agent 0.1.0") && text.contains("DIED"),
        "{text}"
    );
    // What the agent writes today is read the quick way.
    let stats: serde_json::Value = serde_json::from_str(&place.text(&["stats", "--json", &own])).unwrap();
    assert_eq!((&stats["panics"], &stats["slow_lines"]), (&1.into(), &0.into()), "{stats:#}");
    // A file that is meant for the user's programs stays theirs.
    let mut tool = place.command(&["view", "."]);
    assert!(tool.env("PANIC_AGENT_FILE", place.path("theirs.jsonl")).output().unwrap().status.success());
    assert!(!place.path("theirs.jsonl").exists());
}

/// The lines with each stack shown once: two panics of one cause, of which the second names the stack of the first.
fn with_stacks_once(scenario: &str) -> [String; 2] {
    let real = lines(scenario);
    let panic = real.lines().find(|line| line.contains("\"kind\":\"panic\"")).expect("a panic");
    let value: serde_json::Value = serde_json::from_str(panic).expect("JSON");
    let id = value["id"].as_str().expect("an id");
    let next = panic.replace(id, &format!("{}-900", &id[..16]));
    let end = ",\"stack_id\":\"0123456789abcdef\"}";
    let [shown, twice] = [panic, &next].map(|line| line[..line.len() - 1].to_owned() + end);
    let stack = next.find(",\"prediction\":{").expect("a stack");
    let named = next[..stack].to_owned() + end;
    [named, twice].map(|second| real.replace(panic, &format!("{shown}\n{second}")))
}

#[test]
fn a_stack_that_stands_once_in_a_file_is_shown_with_each_of_its_panics() {
    let place = Place::new(&[]);
    let [once, each] = with_stacks_once("thread-handle-dropped");
    assert!(once.len() * 3 < each.len() * 2);
    let (_, alone) = once.split_once('\n').expect("lines");
    let alone = alone.lines().filter(|line| !line.contains("\"frames\":")).collect::<Vec<_>>().join("\n");
    for command in [
        &["view", "--full", "panics.jsonl"][..],
        &["view", "--json", "panics.jsonl"],
        &["stats", "--json", "panics.jsonl"],
        &["stats", "--json", "--by", "function", "panics.jsonl"],
    ] {
        let mut said = [&once, &each].map(|text| {
            place.put("panics.jsonl", text);
            place.text(command)
        });
        // The place of a line is told, not its length.
        said.iter_mut().for_each(|text| {
            *text = text
                .replace("\"bytes\":", "\"bytes\":_")
                .lines()
                .filter(|line| !line.contains("bytes"))
                .collect()
        });
        assert_eq!(said[0], said[1], "{command:?}");
        place.put("panics.jsonl", &alone);
        let missing = place.run(command);
        assert_ne!(missing.status, 101, "{missing:?}");
        if command[1] == "--full" {
            assert!(missing.out.contains("stack_elsewhere"), "{}", missing.out);
        }
    }
}

#[test]
fn spools_of_dead_processes_are_written_down() {
    let place = Place::new(&[]);
    assert_eq!(place.text(&["recover"]), "0 panics of 0 dead processes written down\n");
    assert_eq!(place.run(&["recover", "none"]).status, 2);
    let json: serde_json::Value = serde_json::from_str(&place.text(&["recover", "--json"])).unwrap();
    assert_schema("recover", std::slice::from_ref(&json));
    let demo = std::path::Path::new(env!("CARGO_BIN_EXE_panic-agent")).with_file_name("agent-demo");
    if !demo.exists() {
        return skip("`agent-demo` is not built beside the tool (cargo build -p agent-demo)");
    }
    let mut run = std::process::Command::new(demo);
    run.args(["run", "killed"]).env("PANIC_AGENT_FILE", place.path("panics.jsonl")).stderr(Stdio::null());
    assert_eq!(run.status().unwrap().code(), None, "killed by a signal");
    let before = place.run(&["view"]);
    assert!(before.err.contains("`panic-agent recover"), "{before:?}");
    assert_eq!(place.text(&["recover"]), "1 panic of 1 dead process written down\n");
    let after = place.text(&["view"]);
    assert!(after.contains("recovered from its spool") && after.contains("process_died"), "{after}");
}

/// Commands with examples in their help and a row on the page.
const COMMANDS: &[&str] = &[
    "view",
    "stats",
    "top",
    "explain",
    "report",
    "scan",
    "crosscheck",
    "doctor",
    "recover",
    "symbolize",
    "schema",
    "completions",
    "man",
];

#[test]
fn each_schema_is_printed_and_each_shell_completes_each_command() {
    let place = Place::new(&[]);
    for name in ["record", "view", "stats", "explain", "scan", "crosscheck", "doctor", "recover", "lnav"] {
        let text = place.text(&["schema", name]);
        serde_json::from_str::<serde_json::Value>(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let text = place.text(&["completions", shell]);
        for command in COMMANDS.iter().chain(&["run", "test"]) {
            assert!(text.contains(command), "{shell}: {command}");
        }
    }
}

#[test]
fn the_help_of_each_command_has_examples_and_the_page_has_each_command() {
    let place = Place::new(&[]);
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/tool.md")).unwrap();
    for command in COMMANDS {
        let help = place.text(&[command, "--help"]);
        assert!(help.contains(&format!("Examples:\n  panic-agent {command}")), "{command}: {help}");
        assert!(page.contains(&format!("| [`{command}")), "docs/tool.md: {command}");
    }
}

#[test]
fn the_format_for_lnav_names_fields_of_the_record_schema_alone() {
    let read = |name: &str| {
        let path = format!("{}/../docs/{name}", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_str::<serde_json::Value>(&fs::read_to_string(path).unwrap()).unwrap()
    };
    let (lnav, record) = (read("schemas/lnav.json"), read("record-schema.json").to_string());
    let values = lnav["panic_agent"]["value"].as_object().unwrap();
    assert!(values.len() > 20);
    for name in values.keys() {
        assert!(record.contains(&format!("\"{name}\":")), "{name}");
    }
}

#[test]
fn the_largest_numbers_that_a_line_can_hold_overflow_nothing() {
    let place = Place::new(&[]);
    let real = lines("thread-join-unwrapped");
    let panic = real.lines().find(|line| line.contains("\"panic\"")).unwrap();
    let id = panic.split("\"id\":\"").nth(1).unwrap()[..16].to_owned();
    let fingerprint = panic.split("\"fingerprint\":\"").nth(1).unwrap()[..16].to_owned();
    let mut text = String::new();
    for (instance, most) in [("00000000000000aa", u64::MAX), ("00000000000000bb", u64::MAX - 1)] {
        let mut lines = real.replace(&id, instance);
        for key in ["pool_full", "events_lost", "panics", "written", "mono_ns"] {
            let at = format!("\"{key}\":");
            lines = lines
                .split(&at)
                .enumerate()
                .map(|(part, text)| match part {
                    0 => text.to_owned(),
                    _ => {
                        format!("{at}{most}{}", text.trim_start_matches(|digit: char| digit.is_ascii_digit()))
                    }
                })
                .collect();
        }
        text.push_str(&lines);
        // Twice: the sums are beyond what a number holds.
        for _ in 0..2 {
            writeln!(
                text,
                "{{\"schema\":1,\"kind\":\"repeats\",\"id\":\"{instance}\",\"ts\":\"x\",\"ts_ms\":{},\"pid\":1,\"level\":\"warn\",\
                 \"service\":null,\"version\":null,\"environment\":null,\"host\":null,\"message\":null,\"fingerprint\":\"{fingerprint}\",\
                 \"count\":{most},\"total\":{most},\"first\":\"{instance}-1\",\"last\":\"{instance}-18446744073709551615\",\
                 \"last_ts\":\"x\",\"last_ts_ms\":{},\"thread\":null,\"location\":null,\"fates\":{{}}}}",
                i64::MAX,
                i64::MIN
            )
            .unwrap();
        }
    }
    place.put("panics.jsonl", &text);
    for command in [
        &["view"][..],
        &["view", "--full"],
        &["view", "--json"],
        &["stats"],
        &["stats", "--json"],
        &["explain", "last"],
        &["report", "-o", "-"],
    ] {
        let text = place.text(command);
        let counted = !matches!(command[0], "explain");
        assert!(!counted || text.contains("18446744073709551615"), "{command:?}: {text}");
    }
}

#[test]
fn the_man_pages_have_the_commands_with_their_examples() {
    let place = Place::new(&[]);
    let page = place.text(&["man"]);
    assert!(page.starts_with(".ie") || page.contains(".TH panic-agent 1"), "{page}");
    assert!(page.contains("symbolize") && page.contains("crosscheck"), "{page}");
    assert_eq!(place.text(&["man", "-o", "man/man1"]), "");
    let view = fs::read_to_string(place.path("man/man1/panic-agent-view.1")).unwrap();
    assert!(view.contains("panic\\-agent view") && view.contains("swallowed"), "{view}");
    place.put("file", "");
    let wrong = place.run(&["man", "-o", "file"]);
    assert!(wrong.status == 2 && wrong.err.contains("`file`"), "{wrong:?}");
}
