//! Answers that say more than a status: how many records were rejected, and how long nothing may be sent.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::server::{Act, Server};
use crate::support::{Place, until};

/// Ships eight panics as OTLP to somebody who answers the first request with this; the dead letters.
fn partial(encoding: &str, body: &str) -> (i32, Vec<Value>) {
    let mut place = Place::new();
    place.panics(8);
    let body = body.to_owned();
    let server = Server::start(move |number, _| match number {
        0 => Act::Reply(200, "", body.clone()),
        _ => Act::status(200),
    });
    place.configure(&format!(
        "kind = \"otlp\"\nurl = \"http://{}/v1/logs\"\nencoding = \"{encoding}\"\nbatch = 4\n",
        server.address
    ));
    let (status, err) = place.once();
    assert_eq!(server.requests().len(), 2, "what is rejected is not sent again: {err}");
    let text = fs::read_to_string(place.path("state/d.dead.jsonl")).unwrap_or_default();
    let (again, _) = place.once();
    assert_eq!((again, server.requests().len()), (0, 2), "nor after the next start");
    (status, text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect())
}

pub(crate) fn what_a_collector_rejects_of_a_batch_is_kept_and_said_to_be_uncertain() {
    let answers = [
        // `rejected_log_records` 3, `error_message` "too old".
        ("protobuf", "\x0a\x0b\x08\x03\x12\x07too old"),
        ("json", r#"{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"too old"}}"#),
    ];
    for (encoding, body) in answers {
        let (status, dead) = partial(encoding, body);
        assert_eq!((status, dead.len()), (1, 4), "{encoding}: the whole batch");
        for letter in &dead {
            assert_eq!(
                (&letter["certain"], &letter["reason"]),
                (&false.into(), &"3 of 4 rejected: too old".into())
            );
        }
        let (status, dead) = partial(encoding, &body.replace('3', "4").replace('\x03', "\x04"));
        assert_eq!((status, dead.len()), (1, 4));
        assert!(dead.iter().all(|letter| letter["certain"] == true), "all of them were");
    }
    // A word without a rejection is none.
    let warning = r#"{"partialSuccess":{"rejectedLogRecords":"0","errorMessage":"deprecated"}}"#;
    for (encoding, body) in [("protobuf", "\x0a\x00"), ("json", warning), ("json", "{}")] {
        assert_eq!(partial(encoding, body), (0, Vec::new()), "{encoding}");
    }
}

/// Time between the first two requests, where the first is answered so.
fn waited(status: u16, header: &'static str) -> Duration {
    let mut place = Place::new();
    place.panics(2);
    let server = Server::start(move |number, _| match number {
        0 => Act::Reply(status, header, String::new()),
        _ => Act::status(200),
    });
    place.put("dsn", &format!("http://k@{}/1", server.address));
    place.configure(&format!(
        "kind = \"sentry\"\ndsn_file = \"{}\"\ngzip = false\n",
        place.path("dsn").display()
    ));
    let (code, err) = place.once();
    assert_eq!(code, 0, "{err}");
    let requests = server.requests();
    let events: std::collections::BTreeSet<String> = server
        .taken()
        .iter()
        .map(|request| request.text().lines().nth(2).expect("an event").to_owned())
        .collect();
    assert_eq!(events.len(), 2, "none is dropped for the time of the limit");
    requests[1].at.duration_since(requests[0].at)
}

pub(crate) fn limits_of_sentry_are_waited_for_and_nothing_is_dropped() {
    let (least, most) = (Duration::from_secs(2), Duration::from_secs(10));
    for status in [429, 200] {
        let waited = waited(status, "X-Sentry-Rate-Limits: 2:error;security:project, 60:transaction:key\r\n");
        assert!((least..most).contains(&waited), "{status}: {waited:?}");
    }
    let others = waited(200, "X-Sentry-Rate-Limits: 60:transaction:key\r\n");
    assert!(others < least, "what concerns others is not waited for: {others:?}");
}

pub(crate) fn an_end_that_is_asked_for_does_not_wait_for_a_limit() {
    let mut place = Place::new();
    place.panics(2);
    let server =
        Server::start(|_, _| Act::Reply(429, "X-Sentry-Rate-Limits: 3600::organization\r\n", String::new()));
    place.put("dsn", &format!("http://k@{}/1", server.address));
    place.configure(&format!("kind = \"sentry\"\ndsn_file = \"{}\"\n", place.path("dsn").display()));
    let running = place.follow();
    until("a request", || server.requests().len() == 1);
    let asked = Instant::now();
    running.stop();
    assert!(asked.elapsed() < Duration::from_secs(20));
    let positions = fs::read_to_string(place.path("state/d.json")).expect("positions");
    assert!(positions.contains("\"offset\":0"), "nothing was delivered: {positions}");
}
