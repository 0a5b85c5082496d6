//! `panic-agent view`.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use crate::support::{Place, assert_schema, breadcrumb, hostile, id_of, lines, skip};

#[test]
fn a_chain_is_one_story_with_its_root_first_and_a_lost_thread_is_silent() {
    let place = Place::new(&["thread-join-unwrapped", "thread-handle-dropped", "thread-join-read"]);
    let chain = place.text(&["view", "thread-join-unwrapped.jsonl"]);
    let (cause, then) = (chain.find("the real cause").unwrap(), chain.find("Any { .. }").unwrap());
    assert!(cause < then, "{chain}");
    assert!(chain.contains("then, `unwrap` or `expect` of the error that holds the first one"), "{chain}");
    assert!(chain.ends_with("2 panics in 1 incident, 1 ended the process\n"), "{chain}");
    assert!(!chain.contains("SILENT"), "{chain}");

    let lost = place.text(&["view", "thread-handle-dropped.jsonl"]);
    assert!(lost.starts_with("1 incident that nobody was told of:\n"), "{lost}");
    assert!(lost.contains("the handle of the thread was gone before it died"), "{lost}");
    assert!(
        lost.contains("CATCHES           __rust_try") && lost.contains("4 frames of libraries"),
        "{lost}"
    );
    assert!(lost.ends_with("1 panic in 1 incident, 1 silent\n"), "{lost}");

    let read = place.text(&["view", "thread-join-read.jsonl"]);
    assert!(read.contains("read in agent_demo::") && !read.contains("SILENT"), "{read}");
}

#[test]
fn the_last_breadcrumbs_are_told_and_all_of_them_in_full_and_on_the_page() {
    let crumbs: Vec<String> = (0..7).map(|step| breadcrumb("app", &format!("step {step}"))).collect();
    let with = format!("\"labels\":{{}},\"breadcrumbs\":[{}]", crumbs.join(","));
    let place = Place::new(&[]);
    let text = lines("thread-handle-dropped");
    let text = text.replace(",\"breadcrumbs\":[]", "").replace("\"labels\":{}", &with);
    place.put("with.jsonl", text);
    let text = place.text(&["view", "with.jsonl"]);
    assert!(text.contains("2 ms earlier, warn app: step 6") && !text.contains("step 1"), "{text}");
    assert!(place.text(&["view", "--full", "with.jsonl"]).contains("step 0"));
    assert!(!place.text(&["view", "--oneline", "with.jsonl"]).contains("step"));
}

/// Through a pipe, where each line is read in full because none can be read twice.
fn piped(place: &Place, args: &[&str], text: &str) -> String {
    let mut view = place.command(&[args, &["-"]].concat());
    let mut view = view.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    view.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = view.wait_with_output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    told.replace("standard input", "all.jsonl")
}

#[test]
fn a_file_of_which_most_is_passed_over_reads_like_one_that_is_read_in_full() {
    let scenarios = [
        "thread-handle-dropped",
        "thread-join-unwrapped",
        "catch-swallowed",
        "drop-panics-in-unwind",
        "hook-replaced",
        "mutex-poisoned",
        "payload-lines",
        "scope-child-unjoined",
        "tokio-join-read",
    ];
    // Twice, the second time in other processes; and with lines that are none.
    let mut text: String = scenarios.map(lines).concat();
    let torn = text.split_at(100).0.to_owned();
    let again = scenarios.map(|name| {
        let id = id_of(name);
        let instance = id.split('-').next().unwrap();
        lines(name).replace(instance, &instance.chars().rev().collect::<String>())
    });
    text = text + &torn + &again.concat() + "no line\n{\"schema\":2,\"kind\":\"panic\"}\n";
    let place = Place::new(&[]);
    place.put("all.jsonl", &text);
    let filters: [&[&str]; 9] = [
        &["--silent"],
        &["--swallowed"],
        &["--uncaught"],
        &["--silent", "--uncaught", "--since", "2020-01-01"],
        &["--silent", "--until", "2020-01-01"],
        &["--thread", "worker"],
        &["--message", "told"],
        &["--message", "cause", "--silent"],
        &["--thread", "work*", "--service", "nobody"],
    ];
    let mut shown = 0;
    for filter in filters {
        for level in [&["--oneline"][..], &[], &["--full"], &["--json"]] {
            let args = [&["view"], level, filter].concat();
            let ran = place.run(&[&args[..], &["all.jsonl"]].concat());
            let read = piped(&place, &args, &text);
            assert_eq!(ran.out.clone() + &ran.err, read, "{args:?}");
            assert!(ran.err.contains("all.jsonl"), "what cannot be read is told: {}", ran.err);
            shown += usize::from(ran.out.lines().count() > 1);
        }
    }
    assert!(shown >= 16, "{shown}");
}

#[test]
fn each_filter_keeps_what_it_names_and_hides_its_twin() {
    let scenarios = [
        "thread-handle-dropped",
        "thread-join-read",
        "catch-swallowed",
        "drop-panics-in-unwind",
        "tokio-join-read",
    ];
    let place = Place::new(&scenarios);
    let shown = |filter: &[&str]| {
        let text = place.text(&[&["view", "--oneline"], filter, &["."]].concat());
        let mut shown: Vec<_> =
            scenarios.iter().filter(|name| text.contains(&id_of(name))).copied().collect();
        shown.sort_unstable();
        shown
    };
    assert_eq!(shown(&[]).len(), scenarios.len());
    assert_eq!(shown(&["--silent"]), ["thread-handle-dropped"]);
    assert_eq!(shown(&["--swallowed"]), ["catch-swallowed"]);
    assert_eq!(
        shown(&["--uncaught"]),
        ["drop-panics-in-unwind", "thread-handle-dropped", "thread-join-read"]
    );
    assert_eq!(shown(&["--fate", "aborted"]), ["drop-panics-in-unwind"]);
    assert_eq!(shown(&["--receipt", "read"]), ["thread-join-read", "tokio-join-read"]);
    assert_eq!(shown(&["--thread", "tokio-*"]), ["tokio-join-read"]);
    assert_eq!(shown(&["--message", "^nobody (is|looks)"]), ["catch-swallowed", "thread-handle-dropped"]);
    assert_eq!(shown(&["--function", "*::threads::*"]), ["thread-handle-dropped", "thread-join-read"]);
    assert_eq!(shown(&["--service", "none"]), [""; 0]);
    assert_eq!(shown(&["--label", "a=b"]), [""; 0]);
    assert_eq!(shown(&["--since", "2126-01-01"]), [""; 0]);
    assert_eq!(shown(&["--since", "2026-01-01", "--until", "2126-01-01"]).len(), scenarios.len());
    let id = id_of("thread-join-read");
    assert_eq!(shown(&["--incident", &id[..9]]), ["thread-join-read"]);
    let wrong = place.run(&["view", "--fate", "dead"]);
    assert_eq!(wrong.status, 2);
    assert!(wrong.err.contains("main_died"), "{}", wrong.err);
}

#[test]
fn what_is_no_line_is_said_with_its_place_and_what_stands_before_one_does_not_matter() {
    let place = Place::new(&[]);
    let real = lines("thread-handle-dropped");
    let panic = real.lines().nth(1).unwrap();
    let mut text = String::new();
    for line in real.lines() {
        text.push_str("2026-11-28T20:26:55.5Z stdout F ");
        text.push_str(line);
        text.push('\n');
    }
    text.push_str("thread 'worker' panicked at src/main.rs:1:1:\n");
    text.push_str(&panic[..500]);
    text.push('\n');
    text.push_str(&panic.replace("\"schema\":1", "\"schema\":2"));
    text.push('\n');
    text.push_str(&panic.replace("thread_died", "thread_vanished"));
    text.push_str("\n{\"kind\":\"panic\"}\n");
    place.put("mixed.jsonl", &text);
    let ran = place.run(&["view", "mixed.jsonl"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    for said in [
        "mixed.jsonl:4: not of the agent",
        "mixed.jsonl:5: torn",
        "mixed.jsonl:6: of a newer agent, left out (schema 2)",
        "mixed.jsonl:7: of a newer agent",
        "mixed.jsonl:8: not of the agent",
    ] {
        assert!(ran.err.contains(said), "{said}: {}", ran.err);
    }
    assert!(
        ran.out.contains("nobody is told") && ran.out.ends_with("1 silent, 5 lines left out\n"),
        "{}",
        ran.out
    );
}

#[test]
fn rotations_are_found_unpacked_and_merged_by_time() {
    let place = Place::new(&[]);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(lines("thread-handle-dropped").as_bytes()).unwrap();
    place.put("panics.jsonl.20261128T202656.000000000Z.gz", packed.finish().unwrap());
    place.put("panics.jsonl", lines("tokio-join-read"));
    place.put("other.jsonl", lines("catch-swallowed"));
    let text = place.text(&["view", "--oneline", "panics.jsonl", "other.jsonl"]);
    let at = |scenario| text.find(&id_of(scenario)).unwrap_or_else(|| panic!("{scenario}: {text}"));
    assert!(at("thread-handle-dropped") < at("catch-swallowed"), "{text}");
    assert!(at("catch-swallowed") < at("tokio-join-read"), "{text}");
    let alone = place.text(&["view", "--oneline", "--no-rotations"]);
    assert!(
        alone.contains(&id_of("tokio-join-read")) && !alone.contains(&id_of("thread-handle-dropped")),
        "{alone}"
    );
    let from_pipe = place
        .command(&["view", "--oneline", "-"])
        .stdin(fs::File::open(place.path("other.jsonl")).unwrap())
        .output();
    assert!(String::from_utf8_lossy(&from_pipe.unwrap().stdout).contains(&id_of("catch-swallowed")));
    let missing = place.run(&["view", "none.jsonl"]);
    assert_eq!((missing.status, missing.out.as_str()), (2, ""));
    assert!(missing.err.contains("there is no `none.jsonl`"), "{}", missing.err);
}

#[test]
fn more_than_the_bound_is_told_before_its_end_and_that_is_said() {
    let place = Place::new(&[]);
    let real = lines("thread-join-unwrapped");
    let instance = &id_of("thread-join-unwrapped")[..16];
    let mut text = String::new();
    for number in 0..200 {
        text.push_str(&real.replace(instance, &format!("{number:016x}")));
    }
    // A verdict that comes when its story has long been told.
    text.push_str(
        &real
            .lines()
            .find(|line| line.contains("\"verdict\""))
            .unwrap()
            .replace(instance, &format!("{:016x}", 0)),
    );
    place.put("long.jsonl", &text);
    let ran = place.run(&["view", "--oneline", "--memory", "1", "long.jsonl"]);
    assert!(
        ran.err.contains("more than 1 MiB of lines waited at once")
            && ran.err.contains("too late for them: 1;"),
        "{}",
        ran.err
    );
    assert!(ran.out.ends_with("400 panics in 200 incidents, 200 ended the process\n"), "{}", ran.out);
    let whole = place.run(&["view", "--oneline", "long.jsonl"]);
    assert_eq!(whole.err, "", "the same with enough memory");
    assert_eq!(whole.out, ran.out);
}

#[test]
fn json_obeys_its_schema() {
    let place = Place::new(&["thread-join-unwrapped", "hook-replaced", "drop-panics-in-unwind"]);
    let text = place.text(&["view", "--json", "."]);
    let values: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_schema("view", &values);
    assert!(
        values.iter().any(|value| value["kind"] == "note")
            && values.iter().any(|value| value["kind"] == "incident")
    );
    let chain =
        values.iter().find(|value| value["incident"] == id_of("thread-join-unwrapped").as_str()).unwrap();
    assert_eq!(chain["panics"].as_array().unwrap().len(), 2);
    assert_eq!(chain["panics"][0]["report"]["message"], "the real cause");
}

#[test]
fn no_control_character_of_a_line_reaches_the_terminal() {
    let place = Place::new(&[]);
    let evil = r"\u001b]0;owned\u0007\u001b[2J\u202e\u009b31m";
    let text = hostile(evil).replace("\"payload_type\":\"&str\"", &format!("\"payload_type\":\"{evil}\""));
    place.put("evil.jsonl", &text);
    for args in
        [&["view", "evil.jsonl"][..], &["view", "--full", "evil.jsonl"], &["view", "--oneline", "evil.jsonl"]]
    {
        let text = place.text(args);
        let bad =
            text.chars().find(|letter| (letter.is_control() && *letter != '\n') || *letter == '\u{202e}');
        assert_eq!(bad, None, "{args:?}: {text:?}");
        assert!(text.contains("\\u{1b}"), "{args:?}: {text}");
    }
    let coloured = place.text(&["view", "--color", "always", "evil.jsonl"]);
    assert!(
        coloured.contains("\u{1b}[") && !coloured.contains("\u{1b}[2J") && !coloured.contains("owned\u{7}")
    );
}

#[test]
fn damaged_lines_never_end_the_tool() {
    let place = Place::new(&[]);
    let real = lines("drop-panics-in-unwind");
    let mut text = Vec::new();
    // Digits and quotes changed, one a copy, and every length: numbers that are too large, words that are none.
    for (number, change) in ["99999999999", "-1", "\"", "null", "[]", "{}", "\u{0}", "0"].iter().enumerate() {
        for step in 0..24 {
            let at = (number * 131 + step * 977) % real.len();
            let at = (at..).find(|at| real.is_char_boundary(*at)).unwrap();
            text.extend_from_slice(&real.as_bytes()[..at]);
            text.extend_from_slice(change.as_bytes());
            text.extend_from_slice(&real.as_bytes()[at + 1..]);
            text.push(b'\n');
        }
    }
    for value in ["18446744073709551615", "9223372036854775807", "-9223372036854775808", "4294967295"] {
        let lines = real.replace("\"ts_ms\":1", &format!("\"ts_ms\":{value}, \"x\":1"));
        text.extend_from_slice(lines.replace("\"line\":1", &format!("\"line\":{value},\"x\":1")).as_bytes());
    }
    text.extend_from_slice(&[0xff, 0xfe, b'\n', 0x1f, 0x8b]);
    place.put("damaged.jsonl", &text);
    for level in ["--full", "--oneline", "--json"] {
        let ran = place.run(&["view", level, "damaged.jsonl"]);
        assert_eq!(ran.status, 0, "{level}: {}", ran.err);
        assert!(ran.err.contains("more lines left out"), "{}", ran.err);
    }
    place.put("broken.gz", [0x1f, 0x8b, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
    let ran = place.run(&["view", "broken.gz"]);
    assert_eq!(ran.status, 2, "{ran:?}");
    assert!(ran.err.contains("broken.gz:1: cannot read on"), "{}", ran.err);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let place = Place::new(&[]);
    let instance = &id_of("drop-panics-in-unwind")[..16];
    let copy = |number: u32| lines("drop-panics-in-unwind").replace(instance, &format!("{number:016x}"));
    place.put("long.jsonl", (0..40).map(copy).collect::<String>());
    let mut tool = place.command(&["view", "--full", "long.jsonl"]);
    let mut tool = tool.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(tool.stdout.take());
    let output = tool.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}

#[test]
fn source_lines_are_shown_where_they_are_and_a_file_that_changed_is_said_to_have() {
    let place = Place::new(&["thread-handle-dropped"]);
    let without = place.text(&["view", "thread-handle-dropped.jsonl"]);
    assert!(!without.contains("here it goes") && !without.contains("was changed"), "{without}");
    fs::create_dir_all(place.path("agent-demo/src/scenarios")).unwrap();
    let source: String = (1..300)
        .map(|line| if line == 170 { "here it goes\n".to_owned() } else { format!("line {line}\n") })
        .collect();
    place.put("agent-demo/src/scenarios/threads.rs", source);
    let newer = place.text(&["view", "thread-handle-dropped.jsonl"]);
    let now = std::time::SystemTime::now();
    let file =
        fs::File::options().write(true).open(place.path("agent-demo/src/scenarios/threads.rs")).unwrap();
    assert!(newer.contains("  170 ▸ here it goes") && newer.contains("  169 │ line 169"), "{newer}");
    // The lines are of a certain day: the file is as old as that, or not.
    let day = std::time::UNIX_EPOCH + Duration::from_millis(1_795_897_615_502);
    for (time, changed) in
        [(day - Duration::from_secs(60), false), (now.max(day + Duration::from_secs(60)), true)]
    {
        file.set_modified(time).unwrap();
        let text = place.text(&["view", "thread-handle-dropped.jsonl"]);
        assert_eq!(text.contains("the file was changed after this panic"), changed, "{text}");
    }
}

#[test]
fn a_terminal_has_colours_and_a_pager_unless_it_is_told_not_to() {
    let place = Place::new(&["thread-handle-dropped"]);
    if !std::process::Command::new("script")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
    {
        return skip("there is no `script`, which makes a terminal");
    }
    let on_terminal = |args: &str, variables: &[(&str, &str)]| {
        let tool = format!(
            "stty cols 70; {} view {args} thread-handle-dropped.jsonl",
            env!("CARGO_BIN_EXE_panic-agent")
        );
        let mut terminal = std::process::Command::new("script");
        terminal.args(["-qec", &tool, "/dev/null"]);
        place.prepare(&mut terminal);
        terminal.env("TERM", "xterm").envs(variables.iter().copied());
        String::from_utf8_lossy(&terminal.stdin(Stdio::null()).output().unwrap().stdout).into_owned()
    };
    let paged = on_terminal("", &[("PAGER", "sed s/^/paged:/")]);
    assert!(paged.contains("paged:") && paged.contains("\u{1b}[31m"), "{paged}");
    let plain = on_terminal("-P", &[("NO_COLOR", "1"), ("PAGER", "sed s/^/paged:/")]);
    assert!(!plain.contains("paged:") && !plain.contains('\u{1b}'), "{plain}");
    let too_wide = |line: &&str| line.chars().count() > 70 && line.contains("thread_handle_dropped");
    assert_eq!(plain.lines().find(too_wide), None, "{plain}");
}
