//! Numbers about what is shipped, the alerts on them, and the dashboard.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::install::program;
use crate::server::{Act, Server};
use crate::support::{Place, until};

pub(crate) fn numbers_are_told_over_http_and_in_a_file() {
    let mut place = Place::new();
    place.panics(7);
    place.append("p.jsonl", "no line of an agent\n");
    let server = Server::start(|_, _| Act::status(200));
    place.http(&server, "");
    let output = place.command(&["--once", "--metrics-file", "m.prom"]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = fs::read_to_string(place.path("m.prom")).expect("a file");
    for line in [
        "panic_agent_panics_total{fate=\"thread_died\",silent=\"true\"} 7",
        "panic_agent_new_fingerprints_total 1",
        "panic_agent_ship_delivered_total{destination=\"d\"} 7",
        "panic_agent_ship_blocked{destination=\"d\"} 0",
        "panic_agent_ship_unreadable_total{destination=\"d\"} 1",
    ] {
        assert!(text.contains(&format!("{line}\n")), "{line}\nis not in\n{text}");
    }
    place.panics(1);
    let err = fs::File::create(place.path("stderr")).expect("a file");
    let child = place.command(&["--metrics", "127.0.0.1:0"]).stderr(err).spawn().expect("it runs");
    let _running = crate::support::Running(child);
    until("an address", || place.stderr().contains("/metrics"));
    let said = place.stderr();
    let address = said.split("http://").nth(1).and_then(|rest| rest.split('/').next()).expect("an address");
    until("the count", || {
        use std::io::{Read as _, Write as _};
        let mut stream = std::net::TcpStream::connect(address).expect("it listens");
        stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer.starts_with("HTTP/1.1 200") && answer.contains("ship_delivered_total{destination=\"d\"} 1\n")
    });
}

/// Ships one panic, and gives the numbers.
fn numbers() -> String {
    let mut place = Place::new();
    place.panics(1);
    place.configure("kind = \"stdout\"\n");
    let output = place.command(&["--once", "--metrics-file", "m.prom"]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    fs::read_to_string(place.path("m.prom")).expect("a file")
}

/// What `promtool check metrics` says.
fn checked(debian: &Path, numbers: &str) -> (bool, String) {
    use std::io::Write as _;
    let mut check = program(debian, "usr/bin/promtool");
    let check = check.args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut check = check.spawn().expect("it starts");
    check.stdin.take().expect("a pipe").write_all(numbers.as_bytes()).expect("it reads");
    let output = check.wait_with_output().expect("it ends");
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

pub(crate) fn as_prometheus_wants_them(debian: &Path) {
    // Those of the shipper, and those that a program tells of itself.
    let own = panic_agent::stats().to_prometheus();
    for numbers in [numbers(), own.clone(), format!("{}{own}", numbers())] {
        let (accepted, said) = checked(debian, &numbers);
        assert!(accepted && said.is_empty(), "{said}");
    }
    let (accepted, said) = checked(debian, &own.replace("# HELP panic_agent_process_silent_total", "# "));
    assert!(!accepted && said.contains("no help text"), "{said}");
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/pipelines/alerts-test.yml");
    let output =
        program(debian, "usr/bin/promtool").args(["test", "rules"]).arg(rules).output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
}

pub(crate) fn the_dashboard_asks_for_numbers_that_are_told() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/pipelines");
    let dashboard = fs::read_to_string(docs.join("dashboard.json")).expect("a dashboard");
    let value: serde_json::Value = serde_json::from_str(&dashboard).expect("JSON");
    assert!(value["panels"].as_array().expect("panels").len() >= 5);
    let alerts = fs::read_to_string(docs.join("alerts.yml")).expect("alerts");
    let numbers = numbers();
    let mut asked = 0;
    for text in [dashboard, alerts] {
        let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        for word in words.filter(|word| word.starts_with("panic_agent_") && !word.ends_with('_')) {
            assert!(numbers.contains(&format!("# TYPE {word} ")), "nobody tells {word}");
            asked += 1;
        }
    }
    assert!(asked >= 10, "{asked}");
    // A counter that begins with 1 never grows in the eyes of `increase`.
    assert!(numbers.contains("panic_agent_panics_total{fate=\"aborted\",silent=\"true\"} 0\n"), "{numbers}");
}
