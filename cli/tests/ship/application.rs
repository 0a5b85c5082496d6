//! A program that is killed while its panics are being shipped: what its next start recovers arrives, too, and once.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::server::{Act, Server};
use crate::support::{Place, Running, until};

/// Set: this process is the program.
const ROLE: &str = "SHIP_TEST_APPLICATION";

/// Whether this process was the program, which has ended then.
pub(crate) fn run_if_asked() -> bool {
    let Ok(role) = std::env::var(ROLE) else { return false };
    let _agent = panic_agent::init();
    if role == "storm" {
        let storm = || loop {
            // What becomes of it is of no interest here.
            let _caught = std::panic::catch_unwind(|| panic!("in a storm"));
        };
        let threads: Vec<_> = (0..2).map(|_| std::thread::spawn(storm)).collect();
        threads.into_iter().for_each(|thread| drop(thread.join()));
    } else {
        let _caught = std::panic::catch_unwind(|| panic!("the next start"));
    }
    true
}

fn start(place: &Place, role: &str) -> Running {
    let mut command = Command::new(std::env::current_exe().expect("its path"));
    command.env(ROLE, role).env("PANIC_AGENT_FILE", place.path("p.jsonl")).env("PANIC_AGENT_SYMBOLS", "off");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Running(command.spawn().expect("it starts"))
}

/// Kinds of lines by id, with their number.
fn counts(text: &str) -> BTreeMap<(String, String), usize> {
    let mut counts = BTreeMap::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        if ["panic", "finding"].contains(&text("kind").as_str()) {
            *counts.entry((text("kind") + &text("code"), text("id"))).or_default() += 1;
        }
    }
    counts
}

pub(crate) fn a_program_that_is_killed_while_it_is_shipped_has_every_panic_once() {
    let place = Place::new();
    let server = Server::start(|_, _| Act::status(200));
    place.http(&server, "batch = 64\n");
    let shipper = place.follow();
    let log = || std::fs::read_to_string(place.path("p.jsonl")).unwrap_or_default();
    let sent = || server.taken().iter().map(|request| request.text()).collect::<String>();
    let storm = start(&place, "storm");
    until("panics that were shipped", || sent().lines().count() >= 50);
    storm.kill();
    let before = counts(&log()).len();
    assert!(before >= 50);
    let mut next = start(&place, "next");
    assert!(next.0.wait().expect("it ends").success());
    let written = counts(&log());
    let has = |kind: &str| written.keys().any(|(word, _)| word == kind);
    assert!(has("findingprocess_died") && written.len() >= before + 2, "{} after {before}", written.len());
    until("everything that is in the log", || counts(&sent()).len() >= written.len());
    shipper.stop();
    assert_eq!(place.once().0, 0);
    assert_eq!(counts(&sent()), written);
    assert!(written.values().all(|count| *count == 1), "nothing is doubled");
}
