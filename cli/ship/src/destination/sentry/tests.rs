use std::sync::Arc;

use super::*;
use crate::line::Outline;
use crate::record::{Event, Root};

fn record(event: Event, line: &str) -> Record {
    let outline = Outline::of(line.as_bytes()).unwrap();
    let (id, ts_ms, word) = (outline.id.to_string(), outline.ts_ms, outline.word());
    Record { event, id, ts_ms, word, line: line.as_bytes().to_vec(), root: None, lines: vec![] }
}

/// The number of a line in the file of a scenario.
fn scenario(name: &str, number: usize) -> Record {
    let path = format!("{}/../tests/lines/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
    record(Event::Panic, std::fs::read_to_string(path).unwrap().lines().nth(number).unwrap())
}

fn event_of(record: &Record) -> serde_json::Value {
    event::event(&Facts::of(record).unwrap(), record)
}

#[test]
fn a_dsn_becomes_an_address_and_a_header_and_what_is_none_does_not() {
    let dsn = Dsn::parse("http://abc123@127.0.0.1:18010/3").unwrap();
    assert_eq!(dsn.envelope(), "http://127.0.0.1:18010/api/3/envelope/");
    assert_eq!(dsn.auth("x/1"), "Sentry sentry_version=7, sentry_client=x/1, sentry_key=abc123");
    let under = Dsn::parse("http://k@host/some/where/7").unwrap();
    assert_eq!(under.envelope(), "http://host/some/where/api/7/envelope/");
    for text in ["", "http://127.0.0.1/3", "ftp://k@h/1", "http://k@h", "http://@h/1", "http://k@h/a b"] {
        assert!(Dsn::parse(text).is_none(), "{text}");
    }
}

#[test]
fn handled_is_what_somebody_caught_and_read_and_nothing_else() {
    let handled =
        |name| event_of(&scenario(name, 1))["exception"]["values"][0]["mechanism"]["handled"].clone();
    assert_eq!(handled("tokio-join-read"), true);
    assert_eq!((handled("catch-swallowed"), handled("thread-handle-dropped")), (false.into(), false.into()));
    let level = |name| event_of(&scenario(name, 1))["level"].clone();
    assert_eq!(
        (level("catch-swallowed"), level("thread-handle-dropped")),
        ("warning".into(), "error".into())
    );
    assert_eq!(level("drop-panics-in-unwind"), "fatal");
}

#[test]
fn a_follower_is_grouped_with_its_root_which_comes_along() {
    let mut record = scenario("mutex-poisoned", 2);
    let alone = event_of(&record);
    let root = Root {
        id: "a-1".to_owned(),
        fingerprint: "f0".to_owned(),
        message: Some("the cause".to_owned()),
        thread: None,
    };
    record.root = Some(Arc::new(root));
    let event = event_of(&record);
    assert_ne!(alone["fingerprint"], event["fingerprint"]);
    assert_eq!(event["fingerprint"], serde_json::json!(["panic:f0"]));
    let values = event["exception"]["values"].as_array().unwrap();
    assert_eq!(values.len(), 2);
    assert_eq!(
        (&values[1]["value"], &values[1]["mechanism"]["exception_id"]),
        (&"the cause".into(), &0.into())
    );
    assert_eq!(values[0]["mechanism"]["parent_id"], 0);
    assert_eq!(alone["exception"]["values"].as_array().unwrap().len(), 1);
    let frames = values[0]["stacktrace"]["frames"].as_array().unwrap();
    assert!(frames.len() > 3 && frames.iter().any(|frame| frame["in_app"] == true));
    assert!(event["debug_meta"]["images"][0]["debug_id"].as_str().unwrap().len() == 36);
}

#[test]
fn an_event_has_the_same_id_each_time_and_a_later_verdict_another_one() {
    let panic = scenario("thread-handle-dropped", 1);
    let verdict = Record { event: Event::Verdict, ..panic.clone() };
    assert_eq!(event_of(&panic)["event_id"], event_of(&panic)["event_id"]);
    let (first, second) = (event_of(&panic), event_of(&verdict));
    assert_ne!(first["event_id"], second["event_id"]);
    let id = first["event_id"].as_str().unwrap();
    assert_eq!(id.len(), 32);
    let digits = id.split(|letter: char| !letter.is_ascii_digit());
    assert!(digits.map(str::len).max() <= Some(1), "{id} looks like the number of a card");
    assert_eq!(first["tags"]["panic.id"], second["tags"]["panic.id"]);
    let text = String::from_utf8(envelope(&Facts::of(&panic).unwrap(), &panic)).unwrap();
    assert_eq!(text.lines().count(), 3);
}

#[test]
fn what_is_told_of_a_process_is_grouped_by_what_it_is_and_has_the_id_of_no_panic() {
    let head = r#""schema":1,"id":"00000000000000aa","ts":"2026-11-28T08:00:00.000000001Z","ts_ms":1795852800000,"pid":7,"level":"warn","message":"m""#;
    let finding = |code: &str| {
        let line = format!(
            r#"{{{head},"kind":"finding","code":"{code}","panic":"00000000000000aa-3","places":[]}}"#
        );
        event_of(&record(Event::Finding, &line))
    };
    let (one, other) = (finding("hook_replaced"), finding("unbalanced"));
    assert_eq!(one["fingerprint"], serde_json::json!(["finding:hook_replaced"]));
    assert_eq!((&one["level"], &one["tags"]["panic.id"]), (&"warning".into(), &"00000000000000aa-3".into()));
    assert_ne!(one["event_id"], other["event_id"], "two of one moment");
    assert_eq!(one["event_id"], finding("hook_replaced")["event_id"]);
    assert!(one["exception"].is_null() && one["event_id"].as_str().unwrap().len() == 32);
    let death = format!(
        r#"{{{head},"kind":"death","cause":"signal","signal":"SIGSEGV","panics":[{{"panic":"a-1"}}]}}"#
    );
    let death = event_of(&record(Event::Death, &death));
    assert_eq!((&death["level"], &death["tags"]["signal"]), (&"fatal".into(), &"SIGSEGV".into()));
    assert_eq!(death["fingerprint"], serde_json::json!(["death:signal:SIGSEGV"]));
    assert_eq!(death["extra"]["panics"][0]["panic"], "a-1");
}
