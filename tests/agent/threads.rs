//! What a thread has from the one that spawned it: labels and the place of the spawn. Needs the probes.

use std::thread;

use panic_agent::thread::InheritLabels;
use panic_agent::{Agent, label};
use serde_json::{Value, json};

use crate::Case;
use crate::outcome::Lines;
use crate::tools::caught;

/// The same threads whatever the variables say.
fn family() {
    let _agent = Agent::builder().install().expect("it starts");
    thread::spawn(|| caught("without labels")).join().expect("it ends");
    let request = label("request", 17);
    let _tenant = label("tenant", "blue");
    let child = thread::spawn(|| {
        caught("child");
        {
            let _own = label("request", 18);
            caught("child, shadowed");
            thread::spawn(|| caught("grandchild, shadowed")).join().expect("it ends");
        }
        caught("child, uncovered");
        let _step = label("step", "one");
        thread::spawn(|| caught("grandchild")).join().expect("it ends");
    });
    child.join().expect("it ends");
    drop(request);
    thread::spawn(|| caught("later child")).join().expect("it ends");
    caught("parent");
}

/// Labels by message.
fn labels(lines: &Lines) -> Vec<(&str, &Value)> {
    lines.of("panic").into_iter().map(|line| (line["message"].as_str().unwrap(), &line["labels"])).collect()
}

#[inline(never)]
fn spawns_a_child(message: &'static str) {
    thread::Builder::new().spawn(move || caught(message)).expect("a thread").join().expect("it ends");
}

#[inline(never)]
fn spawns_a_grandchild(message: &'static str) {
    thread::spawn(move || spawns_a_child(message)).join().expect("it ends");
}

fn places() {
    let _agent = panic_agent::init();
    caught("parent");
    spawns_a_child("child");
    spawns_a_grandchild("grandchild");
}

fn lineage<'a>(lines: &'a Lines, message: &str) -> &'a [Value] {
    let line = lines.of("panic").into_iter().find(|line| line["message"] == message).expect(message);
    line["lineage"].as_array().expect("a list")
}

/// Where an ancestor spawned the next thread.
fn spawned_by(ancestor: &Value, function: &str) -> bool {
    let place = &ancestor["spawned_at"];
    let named = place["function"].as_str().is_some_and(|name| name.contains(function));
    let here = place["file"].as_str().is_some_and(|file| file.ends_with("tests/agent/threads.rs"));
    named && here && place["line"].as_u64() > Some(0) && place.as_object().unwrap().len() == 3
}

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "threads_begin_with_the_labels_in_force_where_they_are_spawned_if_that_is_wanted",
        environment: &[("PANIC_AGENT_INHERIT_LABELS", "on")],
        program: family,
        check: |run| {
            run.ended_with(0);
            let lines = run.lines();
            let (both, shadowed) =
                (json!({"request": "17", "tenant": "blue"}), json!({"request": "18", "tenant": "blue"}));
            let expected = [
                ("without labels", json!({})),
                ("child", both.clone()),
                ("child, shadowed", shadowed.clone()),
                ("grandchild, shadowed", shadowed),
                ("child, uncovered", both),
                ("grandchild", json!({"request": "17", "tenant": "blue", "step": "one"})),
                ("later child", json!({"tenant": "blue"})),
                ("parent", json!({"tenant": "blue"})),
            ];
            let expected: Vec<_> = expected.iter().map(|(message, labels)| (*message, labels)).collect();
            assert_eq!(labels(&lines), expected);
        },
    },
    Case {
        name: "threads_begin_without_labels_unless_that_is_wanted",
        environment: &[],
        program: family,
        check: |run| {
            run.ended_with(0);
            let lines = run.lines();
            let expected = [
                ("without labels", json!({})),
                ("child", json!({})),
                ("child, shadowed", json!({"request": "18"})),
                ("grandchild, shadowed", json!({})),
                ("child, uncovered", json!({})),
                ("grandchild", json!({})),
                ("later child", json!({})),
                ("parent", json!({"tenant": "blue"})),
            ];
            let expected: Vec<_> = expected.iter().map(|(message, labels)| (*message, labels)).collect();
            assert_eq!(labels(&lines), expected);
        },
    },
    Case {
        name: "the_builder_asks_for_labels_of_the_parent_and_what_was_cut_there_is_cut_here",
        environment: &[],
        program: || {
            let _agent =
                Agent::builder().inherit_labels(InheritLabels::FromSpawner).install().expect("it starts");
            let long = "x".repeat(300);
            let cut = label("long", &long);
            thread::spawn(|| caught("cut")).join().expect("it ends");
            drop(cut);
            let _short = label("short", 1);
            thread::spawn(|| caught("whole")).join().expect("it ends");
        },
        check: |run| {
            run.ended_with(0);
            let lines = run.lines();
            let truncated = |line: &Value| {
                let errors = line["soft_errors"].as_array().unwrap();
                errors.iter().any(|error| error["field"] == "labels" && error["code"] == "truncated")
            };
            let [cut, whole] = lines.of("panic")[..] else { panic!("two lines") };
            assert_eq!(cut["labels"]["long"].as_str().map(str::len), Some(256));
            assert!(truncated(cut) && !truncated(whole));
            assert_eq!(whole["labels"], json!({"short": "1"}));
        },
    },
    Case {
        name: "many_threads_at_once_each_have_the_labels_of_their_own_parent",
        environment: &[("PANIC_AGENT_SLOTS", "4096"), ("PANIC_AGENT_CONSOLE", "off")],
        program: || {
            let _agent =
                Agent::builder().inherit_labels(InheritLabels::FromSpawner).install().expect("it starts");
            thread::scope(|scope| {
                for parent in 0..8 {
                    scope.spawn(move || {
                        for child in 0..40 {
                            let message = format!("{parent}/{child}");
                            let _who = label("who", &message);
                            thread::spawn(move || caught(&message)).join().expect("it ends");
                        }
                    });
                }
            });
        },
        check: |run| {
            run.ended_with(0);
            let lines = run.lines();
            let panics = lines.of("panic");
            assert_eq!(panics.len(), 320);
            assert!(panics.iter().all(|line| line["labels"] == json!({"who": line["message"]})));
        },
    },
    Case {
        name: "the_lineage_says_where_threads_were_spawned_if_that_is_wanted",
        environment: &[("PANIC_AGENT_SPAWN_PLACES", "on")],
        program: places,
        check: |run| {
            run.ended_with(0);
            let lines = run.lines();
            assert_eq!(lineage(&lines, "parent"), [] as [Value; 0], "nobody spawned main");
            let [main] = lineage(&lines, "child") else { panic!("one ancestor") };
            assert!(spawned_by(main, "spawns_a_child"), "{main}");
            let [parent, main] = lineage(&lines, "grandchild") else { panic!("two ancestors") };
            assert!(spawned_by(parent, "spawns_a_child"), "{parent}");
            assert!(spawned_by(main, "spawns_a_grandchild"), "{main}");
        },
    },
    Case {
        name: "the_lineage_has_no_places_unless_that_is_wanted",
        environment: &[],
        program: places,
        check: |run| {
            run.ended_with(0);
            let lines = run.lines();
            let [parent, main] = lineage(&lines, "grandchild") else { panic!("two ancestors") };
            assert!(parent["spawned_at"].is_null() && main["spawned_at"].is_null());
        },
    },
];
