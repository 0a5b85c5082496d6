//! Real servers (axum, and bare hyper) and a real hyper client: two hundred requests in flight, one in ten panicking
//! in some way. Each panic is reported once, with the labels of its own request; nobody else is disturbed.

mod client;
mod handlers;
mod servers;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use panic_agent::Agent;
use panic_agent::sink::MemorySink;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Barrier, mpsc};

use client::{Got, request};
use handlers::Shared;
use servers::{serve_axum, serve_hyper};

const REQUESTS: usize = 200;
const LONG: Duration = Duration::from_secs(120);
/// Ways to panic: before the response, in the stream of its body, past a deadline that a header sets, in the destructor when a timeout
/// layer has answered, after the client has gone, with a lock held that others take, in a child that is awaited, in a
/// child that outlives the request.
const KINDS: [&str; 8] = ["early", "body", "expired", "timeout", "gone", "locked", "child", "outlived"];

/// How a request of this number panics, if it does.
fn kind(number: usize) -> Option<&'static str> {
    number.is_multiple_of(10).then(|| KINDS[number / 10 % KINDS.len()])
}

/// Sends every request at once and looks at every answer.
async fn storm<S>(server: impl FnOnce(Arc<Shared>, TcpListener) -> S)
where
    S: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (waiting, mut is_waiting) = mpsc::unbounded_channel();
    let shared = Arc::new(Shared { together: Barrier::new(REQUESTS), waiting, counted: Mutex::new(0) });
    let server = tokio::spawn(server(shared.clone(), listener));
    let mut leavers = BTreeMap::new();
    let clients: Vec<_> = (0..REQUESTS)
        .map(|number| {
            let leave = (kind(number) == Some("gone")).then(|| {
                let (leave, told) = tokio::sync::oneshot::channel();
                leavers.insert(number, leave);
                told
            });
            tokio::spawn(request(address, number, leave))
        })
        .collect();
    while !leavers.is_empty() {
        let number = is_waiting.recv().await.unwrap();
        leavers.remove(&number).unwrap().send(()).unwrap();
    }
    let mut answers = [0; 4];
    for (number, client) in clients.into_iter().enumerate() {
        let got = client.await.unwrap();
        match (kind(number), &got) {
            (None, Got::Answer(StatusCode::OK, text)) if *text == format!("answer {number}") => {
                answers[0] += 1
            }
            (Some("early" | "locked"), Got::Answer(StatusCode::INTERNAL_SERVER_ERROR, text))
                if text == "Internal Server Error" =>
            {
                answers[1] += 1
            }
            (Some("expired"), Got::Answer(StatusCode::SERVICE_UNAVAILABLE, _)) => answers[1] += 1,
            (Some("timeout"), Got::Answer(StatusCode::GATEWAY_TIMEOUT, _)) => answers[2] += 1,
            (Some("child"), Got::Answer(StatusCode::BAD_GATEWAY, text)) => {
                assert!(text.ends_with(&format!("child {number}")), "{text}");
                answers[1] += 1;
            }
            (Some("body"), Got::Broken(StatusCode::OK)) => answers[2] += 1,
            (Some("gone"), Got::Left) => answers[2] += 1,
            (Some("outlived"), Got::Answer(StatusCode::OK, text)) if text == "on its way" => answers[3] += 1,
            (kind, got) => panic!("request {number} ({kind:?}) got {got:?}"),
        }
    }
    println!("undisturbed {}, told {}, cut {}, outlived {}", answers[0], answers[1], answers[2], answers[3]);
    // Panics without an answer come a little after the clients: wait for their reports.
    let expected = (0..REQUESTS).filter(|number| kind(*number).is_some()).count();
    let before = PANICS.load(std::sync::atomic::Ordering::Relaxed) as u64;
    tokio::time::timeout(Duration::from_secs(60), async {
        while panic_agent::stats().panics < before + expected as u64 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    PANICS.fetch_add(expected, std::sync::atomic::Ordering::Relaxed);
    for number in REQUESTS + 1..REQUESTS + 11 {
        let last = request(address, number, None).await;
        assert!(matches!(last, Got::Answer(StatusCode::OK, _)), "it still serves: {last:?}");
    }
    let counted = *shared.counted.lock().unwrap_or_else(PoisonError::into_inner);
    assert_eq!(counted, REQUESTS - expected + 10, "nobody else was disturbed, whatever held the lock");
    server.abort();
}

/// Panics of the storms so far.
static PANICS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

#[test]
fn every_panic_is_reported_once_with_the_labels_of_its_request_and_nobody_else_is_disturbed() {
    let sink = MemorySink::new();
    let lines = sink.clone();
    let _agent = Agent::builder().sink(sink).flush_deadline(LONG).slots(1024).install().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    runtime.block_on(storm(serve_axum));
    assert!(panic_agent::flush(LONG));
    let axum = panics_of(&lines, 0);
    check(&axum, |path| format!("/{path}/{{number}}"));
    verdicts(&lines, &axum);
    runtime.block_on(storm(serve_hyper));
    assert!(panic_agent::flush(LONG));
    let hyper = panics_of(&lines, axum.len());
    check(&hyper, |path| format!("/{path}/"));
    verdicts(&lines, &hyper);
}

/// The last word on each of these panics says who stopped it and whether anybody was told.
fn verdicts(lines: &MemorySink, panics: &[Value]) {
    let expected: BTreeMap<_, _> = panics
        .iter()
        .map(|panic| {
            let told = match panic["message"].as_str().unwrap().split(' ').next().unwrap() {
                "early" | "locked" | "body" | "expired" => ["runtime_caught", "tower", "read"],
                "timeout" | "gone" => ["runtime_caught", "tower", "discarded"],
                "child" => ["runtime_caught", "tokio_task", "read"],
                "outlived" => ["runtime_caught", "tokio_task", "discarded"],
                other => panic!("unknown kind {other}"),
            };
            (panic["id"].as_str().unwrap().to_owned(), told.map(str::to_owned))
        })
        .collect();
    let started = Instant::now();
    loop {
        assert!(panic_agent::flush(LONG));
        let mut found = BTreeMap::new();
        for line in lines.lines() {
            let line: Value = serde_json::from_str(&line).unwrap();
            let id = line["id"].as_str().unwrap();
            if (line["kind"] == "panic" || line["kind"] == "verdict") && expected.contains_key(id) {
                let word = |word: &Value| word.as_str().unwrap_or("null").to_owned();
                let words = [&line["fate"], &line["landing"]["kind"], &line["receipt"]].map(word);
                found.insert(id.to_owned(), words);
            }
        }
        if found == expected {
            return;
        }
        assert!(started.elapsed() < LONG, "{found:#?}\nexpected {expected:#?}");
    }
}

fn panics_of(lines: &MemorySink, skip: usize) -> Vec<Value> {
    let lines = lines.lines().into_iter().map(|line| serde_json::from_str::<Value>(&line).unwrap());
    lines.filter(|line| line["kind"] == "panic").skip(skip).collect()
}

/// `route` makes the label of a first part of a path; without a place for the number, that follows.
fn check(panics: &[Value], route: impl Fn(&str) -> String) {
    let mut seen = BTreeMap::new();
    for panic in panics {
        let message = panic["message"].as_str().unwrap();
        let (kind, number) = message.split_once(' ').unwrap();
        let number: usize = number.parse().unwrap();
        assert_eq!(self::kind(number), Some(kind));
        let labels = &panic["labels"];
        assert_eq!(labels["request_id"], format!("r{number}"), "{message}");
        assert_eq!(labels["trace_id"], format!("{:032x}", number + 1));
        assert_eq!(labels["http_method"], "GET");
        let path = route(if kind == "timeout" { "timed" } else { "work" });
        let path = if path.ends_with('/') { format!("{path}{number}") } else { path };
        assert_eq!(labels["http_path"], path);
        assert_eq!(labels.get("tokio_task").is_some(), matches!(kind, "child" | "outlived"), "{message}");
        assert_eq!(panic["late"], matches!(kind, "gone" | "outlived" | "timeout"), "{message}");
        assert!(seen.insert(number, kind.to_owned()).is_none(), "{message} is reported once");
    }
    let expected = (0..REQUESTS).filter_map(|number| Some((number, kind(number)?.to_owned()))).collect();
    assert_eq!(seen, expected);
}
