//! `panic-agent stats`.

use std::fmt::Write as _;
use std::io::Write as _;

use crate::support::{Place, assert_schema, lines};

fn json(place: &Place, args: &[&str]) -> serde_json::Value {
    let text = place.text(&[&["stats", "--json"], args].concat());
    serde_json::from_str(&text).expect("JSON")
}

fn groups(value: &serde_json::Value) -> Vec<(String, u64, u64)> {
    let groups = value["groups"].as_array().expect("groups").iter();
    let group = |group: &serde_json::Value| {
        let number = |key: &str| group[key].as_u64().expect("a number");
        (group["name"].as_str().expect("a name").to_owned(), number("panics"), number("silent"))
    };
    groups.map(group).collect()
}

/// A panic that was pending, and its verdict; of a service with a version and a label.
fn pair(number: u32, version: &str, tenant: &str, ts_ms: u64) -> (String, String) {
    let real = lines("thread-join-unwrapped");
    let fit = |kind: &str| {
        let line =
            real.lines().find(|line| line.contains(kind) && line.contains("the real cause")).expect("a line");
        let mut value: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let instance = value["id"].as_str().expect("an id")[..16].to_owned();
        let service = format!("\"service\":\"billing\",\"version\":\"{version}\"");
        let old_ts = value["ts_ms"].take();
        line.replace("\"service\":null,\"version\":null", &service)
            .replace(&format!("{instance}-1"), &format!("00000000000000aa-{number}"))
            .replace("\"labels\":{}", &format!("\"labels\":{{\"tenant\":\"{tenant}\"}}"))
            .replace(&format!("\"ts_ms\":{old_ts}"), &format!("\"ts_ms\":{ts_ms}"))
            + "\n"
    };
    let silent = |line: String| line.replace("\"silent\":false", "\"silent\":true");
    (fit("\"kind\":\"panic\""), silent(fit("\"kind\":\"verdict\"")))
}

#[test]
fn the_last_verdict_counts_and_groups_are_what_was_asked_for() {
    let place = Place::new(&[]);
    let mut text = String::new();
    for (number, version, tenant, ts_ms) in [
        (1, "1.0", "a", 1_000_000),
        (2, "1.0", "b", 2_000_000),
        (3, "1.1", "a", 3_000_000),
        (4, "1.1", "a", 4_000_000),
    ] {
        let (panic, verdict) = pair(number, version, tenant, ts_ms);
        text.push_str(&panic);
        if number != 4 {
            text.push_str(&verdict);
        }
    }
    place.put("panics.jsonl", &text);
    let all = json(&place, &[]);
    assert_schema("stats", std::slice::from_ref(&all));
    assert_eq!(groups(&all), [("54fc3f64b698f6c5".to_owned(), 4, 3)]);
    let group = &all["groups"][0];
    assert_eq!((&group["unknown"], &group["versions"]), (&1.into(), &serde_json::json!(["1.0", "1.1"])));
    assert_eq!(
        (&group["silent_share"], &group["first_ms"], &group["last_ms"]),
        (&1.0.into(), &1_000_000.into(), &4_000_000.into())
    );
    assert_eq!(
        group["over_time"].as_array().unwrap().iter().filter_map(serde_json::Value::as_u64).sum::<u64>(),
        4
    );
    assert!(group["place"].as_str().unwrap().starts_with("agent-demo/src/scenarios/threads.rs:"), "{group}");

    assert_eq!(groups(&json(&place, &["--by", "label:tenant"])), [("a".into(), 3, 2), ("b".into(), 1, 1)]);
    assert_eq!(groups(&json(&place, &["--by", "version"])), [("1.0".into(), 2, 2), ("1.1".into(), 2, 1)]);
    assert_eq!(groups(&json(&place, &["--by", "thread"])), [("worker".into(), 4, 3)]);
    assert_eq!(groups(&json(&place, &["--by", "service", "--service", "other"])), []);
    let function = groups(&json(&place, &["--by", "function"]));
    assert_eq!(function[0].0, "agent_demo::scenarios::threads::thread_join_unwrapped::{{closure}}");
    assert_eq!(groups(&json(&place, &["--since", "1970-01-01T00:50:00Z"]))[0].1, 2);
    // Nothing is new since 1.1 by its fingerprint: it was there before. What 1.1 is itself, is.
    assert_eq!(groups(&json(&place, &["--new-since", "1.1"])), []);
    assert_eq!(groups(&json(&place, &["--new-since", "1.1", "--by", "version"])), [("1.1".into(), 2, 1)]);
    let unknown = place.run(&["stats", "--new-since", "9.9"]);
    assert!(
        unknown.out == "no panics\n" && unknown.err.contains("neither a time nor the version of any panic"),
        "{unknown:?}"
    );
}

#[test]
fn table_and_csv_hold_what_a_line_holds_and_no_more() {
    let place = Place::new(&["thread-handle-dropped", "catch-swallowed", "thread-join-unwrapped"]);
    let table = place.text(&["stats", "."]);
    assert!(
        table.contains("nobody is told  agent-demo/src/scenarios/threads.rs:170") && table.contains("100%"),
        "{table}"
    );
    assert!(
        table.ends_with("4 panics in 4 groups, 1 silent, 1 swallowed, 0 with something unknown\n"),
        "{table}"
    );
    let narrow = place.text(&["stats", ".", "--width", "80", "--top", "1"]);
    assert!(narrow.contains("3 more groups"), "{narrow}");
    let evil = lines("thread-handle-dropped").replace("nobody is told", "=cmd(),\\\"x\\\"\\n\\u001b[2J");
    place.put("evil.jsonl", evil);
    let csv = place.text(&["stats", "--format", "csv", "evil.jsonl"]);
    assert!(csv.contains(",\"'=cmd(),\"\"x\"\"\n\u{1b}[2J\"\n"), "{csv:?}");
    assert!(!place.text(&["stats", "evil.jsonl"]).contains('\u{1b}'));
}

#[test]
fn parts_packed_files_and_pipes_count_the_same() {
    let place = Place::new(&[]);
    let mut text = String::new();
    let (mut panics, filler) = (0_u32, lines("payload-lines").lines().next().unwrap().to_owned());
    // Large enough for several threads; a verdict comes far behind its panic, and across every border.
    let mut late: std::collections::VecDeque<String> = std::collections::VecDeque::new();
    let (first, second) = pair(0, "1.0", "a", 1_000_000);
    while text.len() < 9 << 20 {
        panics += 1;
        let id = format!("00000000000000aa-{panics}");
        text.push_str(&first.replace("00000000000000aa-0", &id));
        late.push_back(second.replace("00000000000000aa-0", &id));
        if panics % 3 == 0 {
            writeln!(text, "{filler}").unwrap();
        }
        if late.len() > 50 {
            text.push_str(&late.pop_front().unwrap());
        }
    }
    late.iter().for_each(|line| text.push_str(line));
    place.put("large.jsonl", &text);
    let expected = [("54fc3f64b698f6c5".to_owned(), u64::from(panics), u64::from(panics))];
    assert_eq!(groups(&json(&place, &["large.jsonl"])), expected);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    place.put("large.gz", packed.finish().unwrap());
    assert_eq!(groups(&json(&place, &["large.gz"])), expected);
    // Without its end: one line is torn, and said.
    place.put("torn.jsonl", &text[..text.len() - 100]);
    let ran = place.run(&["stats", "--json", "torn.jsonl"]);
    assert!(ran.status == 0 && ran.err.contains("1 torn"), "{}", ran.err);
}

#[test]
fn damaged_lines_never_end_it() {
    let place = Place::new(&[]);
    let real = lines("thread-join-unwrapped");
    let mut text = Vec::new();
    for at in (0..real.len()).step_by(61) {
        for change in [&b"\""[..], b"}", b"\\", b"99999999999999999999", b"\xff"] {
            text.extend_from_slice(&real.as_bytes()[..at]);
            text.extend_from_slice(change);
            text.extend_from_slice(&real.as_bytes()[(at + 1).min(real.len())..]);
        }
        if text.len() > 6 << 20 {
            break;
        }
    }
    place.put("damaged.jsonl", &text);
    for by in ["fingerprint", "thread", "function", "label:a"] {
        let ran = place.run(&["stats", "--by", by, "damaged.jsonl"]);
        assert_eq!(ran.status, 0, "{by}: {}", ran.err);
        assert!(ran.err.contains("torn"), "{}", ran.err);
    }
}
