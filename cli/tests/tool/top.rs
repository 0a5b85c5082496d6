//! `panic-agent top`, on a terminal that `script` makes.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::support::{Place, lines, skip};

/// Longer than any of this takes.
const DEADLINE: Duration = Duration::from_secs(60);

#[test]
fn the_table_is_drawn_again_when_there_is_more() {
    if !Command::new("script").arg("--version").output().is_ok_and(|output| output.status.success()) {
        return skip("there is no `script`, which makes a terminal");
    }
    let place = Place::new(&["thread-handle-dropped"]);
    let tool = format!(
        "stty rows 24 cols 100; exec {} top --interval 0.1 --no-rotations thread-handle-dropped.jsonl other.jsonl",
        env!("CARGO_BIN_EXE_panic-agent")
    );
    let mut terminal = Command::new("script");
    terminal.args(["-qec", &tool, "/dev/null"]);
    place.prepare(&mut terminal);
    let mut terminal =
        terminal.env("TERM", "xterm").stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = terminal.stdout.take().unwrap();
    let (sender, drawn) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(read @ 1..) = out.read(&mut bytes) {
            if sender.send(bytes[..read].to_vec()).is_err() {
                break;
            }
        }
    });
    let mut shown = String::new();
    let start = Instant::now();
    let mut until = |what: &str| {
        while !shown.contains(what) {
            assert!(start.elapsed() < DEADLINE, "{what}: {shown}");
            let bytes = drawn.recv_timeout(DEADLINE).unwrap_or_else(|_| panic!("{what}: {shown}"));
            shown.push_str(&String::from_utf8_lossy(&bytes));
        }
    };
    until("1 panic in 1 group");
    until("\u{1b}[J");
    // The second file comes later.
    place.put("other.jsonl", lines("catch-swallowed"));
    until("2 panics in 2 groups");
    terminal.kill().unwrap();
    terminal.wait().unwrap();
}

#[test]
fn what_is_no_terminal_is_refused() {
    let place = Place::new(&["thread-handle-dropped"]);
    let ran = place.run(&["top", "thread-handle-dropped.jsonl"]);
    assert!(ran.status == 2 && ran.err.contains("panic-agent stats"), "{ran:?}");
    let ran = place.run(&["top", "--interval", "0"]);
    assert!(ran.status == 2 && ran.err.contains("from 0.1 to 86400"), "{ran:?}");
}
