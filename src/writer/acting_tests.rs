//! Reactions and the end of the process: single turns of the loop, without a thread.

use std::time::Duration;

use serde_json::Value;

use crate::act::{Action, Event, Reaction};
use crate::channel::Channel;
use crate::sink::MemorySink;
use crate::testing::samples::*;

/// Whether a reaction ended the process by itself would be seen by the end of these tests.
#[test]
fn a_reaction_in_the_turn_that_ends_the_process_writes_nothing_behind_the_end() {
    let (inbox, sink) = (Channel::leaked(), MemorySink::new());
    let mut config = config(vec![Box::new(sink.clone())]);
    config.options.reactions = vec![Reaction::new(Event::Any, Action::Exit(70))];
    let (mut worker, handle) = by_hand(inbox, config);
    inbox.publish(raw_record());
    assert!(!handle.finish(Duration::ZERO), "it is only asked for");
    work(&mut worker);
    let lines: Vec<Value> =
        sink.lines().iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let kinds: Vec<_> = lines.iter().map(|line| line["kind"].as_str().expect("a kind")).collect();
    assert_eq!(kinds, ["process", "panic", "verdict", "end"]);
    assert!(lines[3]["ended_by"].is_null(), "it ended anyway");
}
