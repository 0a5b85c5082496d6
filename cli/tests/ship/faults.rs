//! Receivers that fail in every way, and shippers and files that go away: nothing is lost.

use std::fs;
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::server::{Act, Request, Server};
use crate::support::{Place, panic_line, until};

const POISON: &str = "0000000000000abc-17";

fn holds_poison(request: &Request) -> bool {
    request.text().contains(&format!("\"{POISON}\""))
}

/// Ships 40 panics in batches of 8 to somebody who fails at first.
fn fails_at_first(act: Act, failures: usize, more: &str) {
    let is_slow = matches!(act, Act::Slow);
    let mut place = Place::new();
    place.panics(40);
    let server =
        Server::start(move |number, _| if number < failures { act.clone() } else { Act::status(200) });
    place.http(&server, &format!("batch = 8\n{more}"));
    let (status, err) = place.once();
    assert_eq!(status, 0, "{err}");
    place.assert_complete(&server.taken(), &[]);
    assert!(place.dead().is_empty());
    let requests = server.requests().len();
    assert_eq!(requests, if is_slow { 5 } else { 5 + failures }, "{err}");
    let (status, _) = place.once();
    assert_eq!((status, server.requests().len()), (0, requests), "nothing is sent twice");
}

pub(crate) fn a_receiver_that_fails_for_a_while_gets_everything_in_the_end() {
    for status in [408, 429, 502, 503, 504, 500] {
        fails_at_first(Act::status(status), 3, "");
    }
    fails_at_first(Act::CloseInside, 2, "");
    fails_at_first(Act::CloseAfterHeaders, 2, "");
    fails_at_first(Act::Hang, 1, "timeout = \"250ms\"\n");
    fails_at_first(Act::Slow, 1, "timeout = \"5s\"\n");
}

pub(crate) fn a_receiver_that_is_down_at_the_start_is_waited_for() {
    let mut place = Place::new();
    place.panics(20);
    let address = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    place.configure(&format!("kind = \"http\"\nurl = \"http://{address}/\"\n"));
    let running = place.follow();
    until("a complaint", || place.stderr().contains("trying again"));
    let server = Server::start_at(address, |_, _| Act::status(204));
    until("the records", || !server.taken().is_empty());
    until("the word that it goes on", || place.stderr().contains("delivering again"));
    place.assert_complete(&server.taken(), &[]);
    drop(running);
}

pub(crate) fn a_receiver_that_lets_nobody_in_costs_nothing_and_the_secret_is_read_again() {
    for refusal in [401, 403, 404] {
        let mut place = Place::new();
        place.panics(20);
        place.put("token", "old-hunter2\n");
        let server = Server::start(move |_, request| match request.header("authorization") {
            Some("Bearer new-hunter2") => Act::status(200),
            _ => Act::Reply(refusal, "", "no such key: old-hunter2".to_owned()),
        });
        place.http(&server, &format!("token_file = \"{}\"\n", place.path("token").display()));
        let running = place.follow();
        until("a complaint", || place.stderr().contains("until it accepts us"));
        let refused = server.requests().len();
        place.put("token", "new-hunter2\n");
        until("the records", || !server.taken().is_empty());
        place.assert_complete(&server.taken(), &[]);
        assert_eq!(refused, 1, "the pause lasts");
        assert!(place.dead().is_empty());
        assert_eq!(place.stderr().matches("until it accepts us").count(), 1, "it is said once");
        assert!(!place.stderr().contains("hunter2"), "{}", place.stderr());
        drop(running);
        let (status, err) = place.once();
        assert_eq!(status, 0, "{err}");
    }
}

pub(crate) fn what_a_receiver_asks_for_is_waited_to_the_second() {
    // A date is made when it is sent: the tool may be slow to start.
    let date = || {
        let date = jiff::Timestamp::now() + Duration::from_secs(3);
        let date = date.strftime("Retry-After: %a, %d %b %Y %H:%M:%S GMT\r\n").to_string();
        &*Box::leak(date.into_boxed_str())
    };
    let seconds = || "Retry-After: 2\r\n";
    for (status, header) in [(429, seconds as fn() -> &'static str), (503, date)] {
        let mut place = Place::new();
        place.panics(3);
        let server = Server::start(move |number, _| match number {
            0 => Act::Reply(status, header(), String::new()),
            _ => Act::status(200),
        });
        place.http(&server, "");
        let (code, err) = place.once();
        assert_eq!(code, 0, "{err}");
        place.assert_complete(&server.taken(), &[]);
        let requests = server.requests();
        let waited = requests[1].at.duration_since(requests[0].at);
        // A date has whole seconds, so up to one of its three is cut off, and some time passes until it is read.
        let least = if status == 429 { 2000 } else { 1000 };
        assert!((Duration::from_millis(least)..Duration::from_secs(10)).contains(&waited), "{waited:?}");
    }
}

pub(crate) fn one_poisoned_line_is_found_and_kept_and_no_other() {
    for status in [400, 413, 422, 500] {
        let mut place = Place::new();
        place.panics(64);
        let server = Server::start(move |_, request| match holds_poison(request) {
            true => Act::Reply(status, "", "too bad".to_owned()),
            false => Act::status(200),
        });
        place.http(&server, "batch = 64\n");
        let (code, err) = place.once();
        assert_eq!(code, 1, "{err}");
        place.assert_complete(&server.taken(), &[POISON]);
        let dead: Vec<_> = place.dead().into_iter().collect();
        assert_eq!(dead, [(POISON.to_owned(), format!("status {status}: too bad"))]);
        // Halves until it is alone; where the fault may be another one, six times each.
        let tries = server.requests().iter().filter(|request| holds_poison(request)).count();
        assert_eq!(tries, if status == 500 { 7 * 6 } else { 7 }, "{err}");
        assert_eq!(place.once().0, 0, "it is not sent again");
    }
}

pub(crate) fn time_that_is_over_leaves_the_rest_for_the_next_time() {
    let mut place = Place::new();
    place.panics(12);
    let server = Server::start(|number, _| if number == 0 { Act::status(200) } else { Act::status(503) });
    place.http(&server, "batch = 4\n");
    let output = place.command(&["--once", "--timeout", "500ms"]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(3));
    drop(server);
    let other = Server::start(|_, _| Act::status(200));
    place.http(&other, "");
    assert_eq!(place.once().0, 0);
    let sent: usize = other.taken().iter().map(|request| request.text().lines().count()).sum();
    assert_eq!(sent, 8, "four were delivered before");
}

pub(crate) fn a_shipper_that_is_killed_goes_on_behind_what_it_delivered() {
    let mut place = Place::new();
    place.panics(60);
    // The answer to the sixth request never comes: the receiver has it, the shipper does not know.
    let server = Server::start(|number, _| if number == 5 { Act::Hang } else { Act::status(200) });
    place.http(&server, "batch = 5\n");
    let running = place.follow();
    until("five batches and one more", || server.requests().len() == 6);
    running.kill();
    let before: Vec<Request> = server.taken();
    place.panics(20);
    assert_eq!(place.once().0, 0);
    place.assert_complete(&server.taken(), &[]);
    let sent: usize = server.taken().iter().map(|request| request.text().lines().count()).sum();
    assert!((80..=85).contains(&sent), "{sent}: at most the last batch is sent again");
    assert_eq!(before.len(), 5);
}

pub(crate) fn two_shippers_of_one_destination_exclude_each_other() {
    let mut place = Place::new();
    place.panics(1);
    let server = Server::start(|_, _| Act::status(200));
    place.http(&server, "");
    let running = place.follow();
    until("the record", || !server.taken().is_empty());
    let (status, err) = place.once();
    assert!(status == 2 && err.contains("another `panic-agent ship` serves the destination `d`"), "{err}");
    drop(running);
    assert_eq!(place.once().0, 0);
}

pub(crate) fn files_that_are_renamed_removed_and_truncated_under_it_lose_nothing_that_it_could_read() {
    let mut place = Place::new();
    let server = Server::start(|_, _| Act::status(200));
    place.http(&server, "");
    place.panics(10);
    let running = place.follow();
    let records = || server.taken().iter().map(|request| request.text().lines().count()).sum::<usize>();
    until("the first ten", || records() == 10);
    for round in 1..=3 {
        place.panics(5);
        fs::rename(place.path("p.jsonl"), place.path(&format!("p.jsonl.{}", 10 - round))).expect("renamed");
        place.panics(5);
        until("ten more", || records() == 10 * (round + 1));
    }
    fs::remove_file(place.path("p.jsonl")).expect("removed");
    place.panics(5);
    until("five more", || records() == 45);
    fs::File::create(place.path("p.jsonl")).expect("truncated");
    place.panics(5);
    until("the last five", || records() == 50);
    place.assert_complete(&server.taken(), &[]);
    running.stop();
    assert_eq!((place.once().0, records()), (0, 50));
}

pub(crate) fn a_verdict_that_comes_late_is_a_second_record_with_the_same_id() {
    let place = Place::new();
    let server = Server::start(|_, _| Act::status(200));
    place.http(&server, "");
    let open =
        panic_line("00000000000000aa-1").replace("\"receipt\":\"discarded\"", "\"receipt\":\"pending\"");
    let in_time = open.replace("00000000000000aa-1", "00000000000000aa-2");
    let verdict = |id: &str, receipt: &str| {
        format!(
            "{{\"schema\":1,\"kind\":\"verdict\",\"id\":\"{id}\",\"ts_ms\":1795897615600,\"level\":\"error\",\
             \"fate\":\"thread_died\",\"receipt\":\"{receipt}\",\"basis\":\"confirmed\",\"silent\":false}}\n"
        )
    };
    place.append("p.jsonl", &format!("{open}\n{in_time}\n"));
    let begun = Instant::now();
    place.append("p.jsonl", &verdict("00000000000000aa-2", "read"));
    let running = place.follow();
    let texts = || server.taken().iter().map(Request::text).collect::<String>();
    until("both", || texts().lines().count() == 2);
    assert!(begun.elapsed() >= Duration::from_millis(300), "the hold was not waited for");
    place.append("p.jsonl", &verdict("00000000000000aa-1", "received"));
    until("the verdict", || texts().lines().count() == 3);
    let text = texts();
    let told: Vec<(String, String, String)> = text
        .lines()
        .map(|line| {
            let value: serde_json::Value = serde_json::from_str(line).expect("JSON");
            let text = |name: &str| value[name].as_str().expect("a text").to_owned();
            (text("id"), text("kind"), text("receipt"))
        })
        .collect();
    let expected = [
        ("00000000000000aa-2", "panic", "read"),
        ("00000000000000aa-1", "panic", "pending"),
        ("00000000000000aa-1", "verdict", "received"),
    ];
    let expected = expected.map(|(id, kind, receipt)| (id.to_owned(), kind.to_owned(), receipt.to_owned()));
    assert_eq!(told, expected);
    running.stop();
    assert_eq!((place.once().0, texts().lines().count()), (0, 3));
}

pub(crate) fn one_destination_that_fails_keeps_no_other_from_its_records() {
    let mut place = Place::new();
    place.panics(10);
    let tries = std::sync::Arc::new(AtomicUsize::new(0));
    let count = std::sync::Arc::clone(&tries);
    let bad = Server::start(move |_, _| {
        count.fetch_add(1, Ordering::Relaxed);
        Act::status(503)
    });
    let good = Server::start(|_, _| Act::status(200));
    place.http(&bad, &format!("[[destination]]\nkind = \"http\"\nurl = \"http://{}/\"\n", good.address));
    let running = place.follow();
    until("the records", || !good.taken().is_empty());
    until("tries", || tries.load(Ordering::Relaxed) > 3);
    place.assert_complete(&good.taken(), &[]);
    drop(running);
}
