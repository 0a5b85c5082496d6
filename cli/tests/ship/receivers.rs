//! Real receivers out of a package registry: what they say of hundreds of panics of all fates is what the log says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::Value;

use crate::notices;
use crate::support::{Place, Running, until};

/// Copies of the lines of all scenarios, which have 15 panics.
pub(crate) const MANY: usize = 34;
/// The same for somebody who takes one at a time and writes it to the disk.
pub(crate) const FEW: usize = 6;
/// Panics in one copy.
const PANICS: usize = 15;

/// What the log says of a panic at last.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) fate: String,
    pub(crate) handled: bool,
    pub(crate) severity: u64,
    pub(crate) incident: String,
}

/// What must arrive.
pub(crate) struct Filled {
    pub(crate) told: BTreeMap<String, Told>,
    /// Names and severities of the records that are no panics, with their number.
    pub(crate) notices: BTreeMap<(String, u64), usize>,
}

impl Filled {
    pub(crate) fn records(&self) -> usize {
        self.told.len() + self.notices.values().sum::<usize>()
    }
}

/// Writes the log, and reads from it what must arrive.
pub(crate) fn fill(place: &Place, copies: usize) -> Filled {
    fill_from(place, 0, copies)
}

/// The same with other ids for another number.
pub(crate) fn fill_from(place: &Place, start: u64, copies: usize) -> Filled {
    let lines = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lines");
    let mut text = String::new();
    for entry in fs::read_dir(lines).expect("lines") {
        let scenario = fs::read_to_string(entry.expect("an entry").path()).expect("lines");
        let first: Value = serde_json::from_str(scenario.lines().next().expect("a line")).expect("JSON");
        let instance = first["id"].as_str().expect("an id").to_owned();
        for copy in start..start + copies as u64 {
            let number = u64::from_str_radix(&instance, 16).expect("hex").wrapping_add(copy);
            text.push_str(&scenario.replace(&instance, &format!("{number:016x}")));
        }
    }
    text.push_str(&notices::lines());
    place.put("p.jsonl", &text);
    let (mut told, mut notices) = (BTreeMap::new(), BTreeMap::new());
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let word = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        if !["panic", "verdict"].contains(&word("kind").as_str()) {
            notices::expected(&line).into_iter().for_each(|name| *notices.entry(name).or_default() += 1);
            continue;
        }
        let (fate, caught) = (word("fate"), word("fate").ends_with("caught"));
        let severity = match fate.as_str() {
            "main_died" | "aborted" => 21,
            _ if caught && line["silent"] != true => 13,
            _ => 17,
        };
        let handled = caught && word("receipt") == "read";
        told.insert(word("id"), Told { fate, handled, severity, incident: word("incident") });
    }
    assert_eq!(told.len(), PANICS * copies);
    assert_eq!(notices.len(), 4, "{notices:?}");
    Filled { told, notices }
}

/// A port that nobody listens at, and that no other test gets; none that the system gives to whoever connects.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 12_000 + (std::process::id() % 100) as u16 * 200;
    let mut ports = std::iter::from_fn(|| Some(first + NEXT.fetch_add(1, Ordering::Relaxed) % 200)).take(200);
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("a port")
}

/// Starts a receiver, and waits until it listens.
pub(crate) fn start(place: &Place, command: &mut Command, port: u16) -> Running {
    let out = fs::File::create(place.path("out")).expect("a file");
    let err = fs::File::create(place.path("err")).expect("a file");
    command.current_dir(place.path("")).stdin(Stdio::null()).stdout(out).stderr(err);
    let running = Running(command.spawn().expect("it starts"));
    until("the receiver", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    running
}

pub(crate) fn ship(place: &Place, records: usize) {
    // Verdicts of slow scenarios come after a second.
    let config = fs::read_to_string(place.path("ship.toml")).expect("it was written");
    place.put("ship.toml", &config.replace("hold = \"300ms\"", "hold = \"5s\""));
    let (status, err) = place.once();
    assert_eq!(status, 0, "{err}");
    assert!(err.contains(&format!("{records} records delivered, 0 in")), "{err}");
}

/// The program that the package of rotel brings along.
pub(crate) fn agent(venv: &Path) -> String {
    let python = venv.join("bin/python");
    let script = "import os,rotel;print(os.path.join(os.path.dirname(rotel.__file__),'rotel-agent'))";
    let agent = Command::new(python).args(["-c", script]).output().expect("python runs");
    String::from_utf8(agent.stdout).expect("a path").trim().to_owned()
}

pub(crate) fn rotel(venv: &Path) {
    let place = Place::new();
    let filled = fill(&place, MANY);
    let agent = agent(venv);
    for (number, (encoding, gzip)) in
        [("protobuf", false), ("protobuf", true), ("json", false)].into_iter().enumerate()
    {
        let (http, grpc) = (free_port(), free_port());
        let mut command = Command::new(&agent);
        command.args([
            "start",
            "--exporter",
            "blackhole",
            "--debug-log",
            "logs",
            "--debug-log-verbosity",
            "detailed",
        ]);
        command.args(["--disable-batching", "--log-file", "rotel.log"]);
        command.args(["--otlp-http-endpoint", &format!("127.0.0.1:{http}")]);
        command.args(["--otlp-grpc-endpoint", &format!("127.0.0.1:{grpc}")]);
        let receiver = start(&place, &mut command, http);
        place.configure(&format!(
            "kind = \"otlp\"\nurl = \"http://127.0.0.1:{http}/v1/logs\"\nencoding = \"{encoding}\"\ngzip = {gzip}\n"
        ));
        let state = fs::read_to_string(place.path("ship.toml")).expect("it was written");
        place.put("ship.toml", &state.replace("\"state\"", &format!("\"state-{number}\"")));
        ship(&place, filled.records());
        let records = || fs::read_to_string(place.path("out")).expect("its output");
        until("all records", || records().matches("EventName: rust.").count() == filled.records());
        drop(receiver);
        let text = records();
        let (mut seen, mut notices) = (BTreeMap::new(), BTreeMap::new());
        for record in text.split("SeverityNumber: ").skip(1) {
            let between = |begin: &str, end: char| {
                let rest = record.split(begin).nth(1).unwrap_or_else(|| panic!("no {begin} in {record}"));
                rest.split(end).next().expect("a part").to_owned()
            };
            let severity =
                record.split(['(', ')']).nth(1).and_then(|number| number.parse().ok()).expect("a number");
            let event = between("EventName: ", '\n');
            if event != "rust.panic" {
                *notices.entry((event, severity)).or_default() += 1;
                continue;
            }
            let word = Told {
                fate: between("panic.fate: Str(", ')'),
                handled: between("panic.handled: Bool(", ')') == "true",
                severity,
                incident: between("panic.incident: Str(", ')'),
            };
            seen.insert(between("panic.id: Str(", ')'), word);
        }
        assert_eq!((&seen, &notices), (&filled.told, &filled.notices), "{encoding}");
    }
}

pub(crate) fn oteltap(venv: &Path) {
    let place = Place::new();
    let filled = fill(&place, MANY);
    let port = free_port();
    let receiver =
        start(&place, Command::new(venv.join("bin/oteltap")).args(["--port", &port.to_string()]), port);
    place.configure(&format!("kind = \"otlp\"\nurl = \"http://127.0.0.1:{port}/v1/logs\"\n"));
    ship(&place, filled.records());
    let records = || fs::read_to_string(place.path("out")).expect("its output");
    until("all records", || records().matches("\"rust.panic\"").count() == filled.told.len());
    drop(receiver);
    let ids = |line: &str| {
        let record: Value = serde_json::from_str(line).ok()?;
        let attributes = record["attributes"].as_array()?.clone();
        let id = attributes.iter().find(|attribute| attribute["key"] == "panic.id")?;
        Some(id["value"]["stringValue"].as_str()?.to_owned())
    };
    let seen: BTreeSet<String> = records().lines().filter_map(ids).collect();
    assert_eq!(seen, filled.told.into_keys().collect());
}

/// The id of the event of a panic: digits of the instance and letters for its number take turns.
pub(crate) fn event_id(id: &str) -> String {
    let (instance, number) = id.split_once('-').expect("an id");
    let mut number: u64 = number.parse().expect("a number");
    let letter = |digit: char| {
        let letter = char::from(b'a' + (number % 6) as u8);
        number /= 6;
        format!("{digit}{letter}")
    };
    instance.chars().map(letter).collect()
}

pub(crate) fn sentry_relay(venv: &Path) {
    let place = Place::new();
    let filled = fill(&place, MANY);
    let port = free_port();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ship/relay.py");
    let receiver =
        start(&place, Command::new(venv.join("bin/python")).arg(script).arg(port.to_string()), port);
    place.put("dsn", &format!("http://k@127.0.0.1:{port}/1"));
    place.configure(&format!("kind = \"sentry\"\ndsn_file = \"{}\"\n", place.path("dsn").display()));
    ship(&place, filled.records());
    drop(receiver);
    let text = fs::read_to_string(place.path("out")).expect("its output");
    let mut seen = BTreeSet::new();
    for line in text.lines() {
        let event: Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(event["errors"], Value::Null, "{line}");
        seen.insert(event["id"].as_str().expect("an id").to_owned());
    }
    assert_eq!(seen.len(), filled.records(), "each has an id of its own");
    assert!(filled.told.keys().all(|id| seen.contains(&event_id(id))));
}

pub(crate) fn foxray(venv: &Path) {
    let place = Place::new();
    let filled = fill(&place, FEW);
    let port = free_port();
    let foxray = || {
        let mut command = Command::new(venv.join("bin/foxray"));
        command
            .args(["--db", "f.db"])
            .current_dir(place.path(""))
            .env("FOXRAY_RATE_LIMIT_PER_MINUTE", "100000");
        command
    };
    let address = format!("http://127.0.0.1:{port}");
    let made = foxray().args(["create-project", "--base-url", &address, "p"]).output().expect("it runs");
    let made = String::from_utf8(made.stdout).expect("a text");
    let dsn = made.split_whitespace().find(|word| word.starts_with("http://")).expect("a DSN");
    place.put("dsn", dsn);
    let receiver = start(&place, foxray().args(["serve", "--port", &port.to_string()]), port);
    place.configure(&format!("kind = \"sentry\"\ndsn_file = \"{}\"\n", place.path("dsn").display()));
    ship(&place, filled.records());
    drop(receiver);
    let script = "import sqlite3; print('\\n'.join(f'{e} {i}' for e, i in \
                  sqlite3.connect('f.db').execute('select event_id, issue_id from foxray_event')))";
    let mut python = Command::new(venv.join("bin/python"));
    let rows = python.args(["-c", script]).current_dir(place.path("")).output().expect("python runs");
    let rows = String::from_utf8(rows.stdout).expect("a text");
    let issues: BTreeMap<&str, &str> = rows.lines().filter_map(|row| row.split_once(' ')).collect();
    let ids: BTreeSet<String> = issues.keys().map(|id| id.replace('-', "")).collect();
    assert_eq!(ids.len(), filled.records(), "each has an id of its own");
    assert!(filled.told.keys().all(|id| ids.contains(&event_id(id))));
    // What follows from a panic is in the issue of its root.
    for (id, word) in &filled.told {
        assert_eq!(issues[event_id(id).as_str()], issues[event_id(&word.incident).as_str()], "{id}");
    }
    assert_eq!(
        issues.values().collect::<BTreeSet<_>>().len(),
        14,
        "ten scenarios, two findings, losses, a death"
    );
}
