//! `panic-agent explain`.

use crate::support::{Place, assert_schema, lines};

#[test]
fn each_verdict_is_explained_by_what_is_in_its_lines() {
    let place = Place::new(&[
        "thread-handle-dropped",
        "thread-join-read",
        "catch-swallowed",
        "thread-join-unwrapped",
        "drop-panics-in-unwind",
    ]);
    let explain = |scenario: &str| place.text(&["explain", "last", &format!("{scenario}.jsonl")]);

    let silent = explain("thread-handle-dropped");
    assert!(silent.contains("thread_died, discarded, silent (confirmed)"), "{silent}");
    assert!(silent.contains("no `JoinHandle` of the thread existed any more"), "{silent}");
    assert!(
        silent.contains("Silent: the process goes on") && silent.contains("`read`: keep the `JoinHandle`"),
        "{silent}"
    );
    assert!(silent.contains("spawn_places"), "{silent}");

    let read = explain("thread-join-read");
    assert!(
        read.contains("a `JoinHandle` of the thread existed")
            && read.contains("somebody examined the payload"),
        "{read}"
    );
    assert!(read.contains("neither silent nor swallowed") && !read.contains("Silent:"), "{read}");

    let swallowed = explain("catch-swallowed");
    assert!(
        swallowed.contains("Swallowed, and not silent") && swallowed.contains("`catch_unwind`"),
        "{swallowed}"
    );

    let carried = explain("thread-join-unwrapped");
    assert!(
        carried.contains("-2 followed: `unwrap`") && carried.contains("a later panic reported it"),
        "{carried}"
    );

    let aborted = explain("drop-panics-in-unwind");
    assert!(aborted.contains("the process ended with it"), "{aborted}");
}

/// The lines of a scenario with this evidence in them.
fn with_evidence(scenario: &str, evidence: &str) -> String {
    let lines = lines(scenario);
    assert!(lines.contains("\"hops\":0,") && !lines.contains("\"evidence\":"), "{lines}");
    lines.replace("\"hops\":0,", &format!("\"hops\":0,\"evidence\":{evidence},"))
}

#[test]
fn what_the_agent_saw_is_told_with_its_time_thread_and_place_and_so_is_the_rule() {
    let place = Place::new(&["thread-handle-dropped"]);
    let at = "\"function\":\"app::start\",\"file\":\"src/main.rs\",\"line\":7";
    let dropped = format!(
        "{{\"rule\":\"discarded\",\"seen\":[{{\"what\":\"landed\",\"us\":12}},\
         {{\"what\":\"detached\",\"us\":31000,\"os_thread\":17}},\
         {{\"what\":\"dropped_with_handle\",\"us\":31002,\"os_thread\":17,{at}}}]}}"
    );
    place.put("dropped.jsonl", with_evidence("thread-handle-dropped", &dropped));
    let text = place.text(&["explain", "last", "dropped.jsonl"]);
    let landed = text.find("12 µs after the raise: the landing pad of a catch was entered").expect("a step");
    let let_go = text.find("31 ms after the raise, on thread 17: the `JoinHandle`").expect("a step");
    let lost = text
        .find("on thread 17, in app::start (src/main.rs:7): the payload was dropped unread")
        .expect("a step");
    assert!(landed < let_go && let_go < lost, "{text}");
    assert!(text.contains("the place to change is app::start (src/main.rs:7)"), "{text}");
    // The twin: the same lines without.
    let text = place.text(&["explain", "last", "thread-handle-dropped.jsonl"]);
    assert!(!text.contains("after the raise") && !text.contains("the place to change"), "{text}");

    let spoke = "{\"rule\":\"scope_spoke\",\"seen\":[{\"what\":\"scope_waits\"},{\"what\":\"scope_spoke\"}]}";
    let not_silent =
        with_evidence("thread-handle-dropped", spoke).replace("\"silent\":true", "\"silent\":false");
    place.put("spoke.jsonl", not_silent);
    let text = place.text(&["explain", "last", "spoke.jsonl"]);
    assert!(text.contains("a `thread::scope` reported the death to its caller: not silent"), "{text}");
}

#[test]
fn what_could_not_be_seen_comes_with_what_would_help() {
    let place = Place::new(&["thread-handle-dropped"]);
    let open = |lines: String| {
        lines.replace("\"receipt\":\"discarded\"", "\"receipt\":\"unknown\"").replace(
            "\"silent\":true,\"swallowed\":false,\"reason\":null",
            "\"silent\":null,\"swallowed\":null,\"reason\":\"events_lost\"",
        )
    };
    let evidence = "{\"rule\":\"not_known\",\"seen\":[{\"what\":\"landed\"}],\"unseen\":[\"events_lost\",\"payload_moved\"]}";
    place.put("open.jsonl", open(with_evidence("thread-handle-dropped", evidence)));
    let text = place.text(&["explain", "last", "open.jsonl"]);
    let (_, unseen) = text.split_once("What could not be seen").expect("a heading");
    assert_eq!(unseen.matches("more happened at once than the probes could note").count(), 1, "{unseen}");
    assert!(unseen.contains("what would help: the `losses` lines count them"), "{unseen}");
    assert!(unseen.contains("in place of `Arc::from(error)`"), "{unseen}");
    let text = place.text(&["explain", "last", "thread-handle-dropped.jsonl"]);
    assert!(!text.contains("what would help"), "{text}");
}

#[test]
fn a_fact_that_is_missing_is_named_with_what_would_bring_it() {
    let place = Place::new(&[]);
    let text = lines("thread-handle-dropped")
        .replace(",\"probe_dispose\"", "")
        .replace("\"soft_errors\":[]}", "\"soft_errors\":[{\"field\":\"probe_dispose\",\"code\":\"self_test\",\"detail\":\"a trial failed\"}]}")
        .replace("\"receipt\":\"discarded\"", "\"receipt\":\"unknown\"")
        .replace("\"silent\":true,\"swallowed\":false,\"reason\":null", "\"silent\":null,\"swallowed\":null,\"reason\":\"payload_not_traced\"");
    place.put("panics.jsonl", text);
    let text = place.text(&["explain", "last"]);
    assert!(text.contains("who read or dropped the error (no `probe_dispose`: a trial failed)"), "{text}");
    assert!(
        text.contains("`silent` stays null")
            && text.contains("reads and drops of this payload cannot be seen"),
        "{text}"
    );
}

#[test]
fn ids_are_found_by_their_beginning_and_json_obeys_its_schema() {
    let place = Place::new(&["thread-join-unwrapped", "thread-handle-dropped"]);
    let text = place.text(&["explain", "--json", "last-silent", "."]);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_schema("explain", std::slice::from_ref(&value));
    assert!(value["evidence"].is_null() && value.get("evidence").is_some(), "{value}");
    let id = value["id"].as_str().unwrap();
    assert!(place.text(&["explain", &id[..6], "."]).starts_with(id));
    let second = lines("thread-join-unwrapped").split("\"id\":\"").nth(1).unwrap()[..16].to_owned() + "-2";
    assert!(
        place.text(&["explain", &second, "."]).starts_with(&second),
        "the panic that was named, not the root"
    );
    let ran = place.run(&["explain", "0000", "."]);
    assert!(ran.status == 2 && ran.out.is_empty() && ran.err.contains("no panic `0000`"), "{ran:?}");
}
