//! From many shippers to one place: Kafka, stopped in between, and the questions of docs/fleet.md over all that arrived.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::install::Needs;
use crate::receivers::{FEW, Told, agent, fill_from, free_port, start};
use crate::support::{Place, Running, panic_line, until};

/// A broker in memory, which says that it is reached at another port.
pub(crate) fn broker(place: &Place, venv: &Path, port: u16, front: u16, more: &[&str]) -> Running {
    let (url, front) = (format!("tcp://127.0.0.1:{port}"), format!("tcp://localhost:{front}"));
    let mut command = Command::new(find(venv, "tansu"));
    command.args(["--listener-url", &url, "--advertised-listener-url", &front]);
    command.args(["--storage-engine", "memory://tansu/"]).args(more);
    start(place, &mut command, port)
}

/// The same with one topic.
pub(crate) fn broker_of(place: &Place, venv: &Path, port: u16, front: u16, topic: &str) -> Running {
    let running = broker(place, venv, port, front, &[]);
    let url = format!("tcp://127.0.0.1:{port}");
    let made = Command::new(find(venv, "tansu"))
        .args(["topic", "create", "--broker", &url, "--partitions", "3", topic])
        .current_dir(place.path(""))
        .output()
        .expect("it runs");
    assert!(made.status.success(), "{made:?}");
    running
}

/// A program somewhere below.
fn find(dir: &Path, name: &str) -> PathBuf {
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).expect("a directory").flatten() {
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => open.push(path),
                _ if path.file_name().is_some_and(|file| file == name) => return path,
                _ => {}
            }
        }
    }
    panic!("no {name} in {}", dir.display());
}

/// What a topic has.
pub(crate) fn messages(venv: &Path, port: u16, topic: &str) -> Vec<Value> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ship/kafka_read.py");
    let mut python = Command::new(venv.join("bin/python"));
    let output =
        python.arg(script).args([format!("127.0.0.1:{port}").as_str(), topic]).output().expect("python runs");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("a text");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

pub(crate) fn kafka(venv: &Path) {
    let mut place = Place::new();
    let port = free_port();
    place.configure(&format!(
        "kind = \"kafka\"\nbrokers = \"127.0.0.1:{port}\"\ntopic = \"panics\"\ntimeout = \"3s\"\nbatch = 16\n"
    ));
    let running = place.follow();
    place.panics(40);
    until("a complaint", || place.stderr().contains("trying again"));
    // With a topic of another name: nothing is sent or given up.
    let other = broker_of(&place, venv, port, port, "other");
    until("a second complaint", || place.stderr().contains("have no topic `panics`; create it"));
    assert!(place.dead().is_empty());
    drop(other);
    running.stop();

    let first = broker_of(&place, venv, port, port, "panics");
    let running = place.follow();
    until("the first lines", || messages(venv, port, "panics").len() >= 40);
    let mut all = messages(venv, port, "panics");
    first.stop();
    place.panics(40);
    place.append("p.jsonl", &follower("00000000000000ee-2", "00000000000000ee-1"));
    until("a complaint", || place.stderr().contains("trying again"));
    // Its memory is empty after the start.
    let second = broker_of(&place, venv, port, port, "panics");
    until("all lines", || messages(venv, port, "panics").len() >= 42);
    running.stop();
    all.extend(messages(venv, port, "panics"));
    drop(second);

    let text = |message: &Value, name: &str| message[name].as_str().expect("a text").to_owned();
    let own =
        all.iter().map(|message| text(message, "value")).filter(|line| !line.contains("00000000000000ee"));
    place.assert_lines(own);
    let mut partitions: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    for message in &all {
        let line: Value = serde_json::from_str(&text(message, "value")).expect("JSON");
        assert_eq!(
            (&message["headers"]["event"], &message["headers"]["uid"]),
            (&json!("rust.panic"), &line["id"])
        );
        let partition = message["partition"].as_u64().expect("a number");
        partitions.entry(text(message, "key")).or_default().insert(partition);
        // What follows from a panic has the key of its root, whatever its own fingerprint is.
        let key = if line["id"] == "00000000000000ee-2" {
            json!("f00f00f00f00f00f")
        } else {
            line["fingerprint"].clone()
        };
        assert_eq!(message["key"], key, "{line}");
    }
    assert!(
        partitions.len() == 2 && partitions.values().all(|partitions| partitions.len() == 1),
        "{partitions:?}"
    );
}

/// A panic with a fingerprint of its own, and one that follows from it.
fn follower(id: &str, root: &str) -> String {
    let line = |id: &str, fingerprint: &str| {
        let mut line: Value = serde_json::from_str(&panic_line(id)).expect("JSON");
        line["fingerprint"] = json!(fingerprint);
        line["incident"] = json!(root);
        format!("{line}\n")
    };
    line(root, "f00f00f00f00f00f") + &line(id, "1234123412341234")
}

/// Rows of the questions of the page: first all panics, then an answer each.
fn asked(venv: &Path, place: &Place, view: &str) -> Vec<Vec<Vec<Value>>> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut python = Command::new(venv.join("bin/python"));
    python.arg(own.join("tests/ship/fleet.py")).arg(own.join("../docs/fleet.md")).arg(view);
    let output = python.current_dir(place.path("")).output().expect("python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Panics whose fingerprint was not there before the deploy that the page has.
fn new(logs: &[Place]) -> u64 {
    let deploy = "2026-11-28T20:27:00Z".parse::<jiff::Timestamp>().expect("a time").as_millisecond();
    let mut first: BTreeMap<String, (i64, u64)> = BTreeMap::new();
    let texts =
        logs.iter().map(|log| fs::read_to_string(log.path("p.jsonl")).expect("a log")).collect::<String>();
    for line in texts.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")) {
        if line["kind"] == "panic" {
            let ts_ms = line["ts_ms"].as_i64().expect("a time");
            let entry = first.entry(line["fingerprint"].to_string()).or_insert((ts_ms, 0));
            *entry = (entry.0.min(ts_ms), entry.1 + 1);
        }
    }
    first.values().filter(|(ts_ms, _)| *ts_ms >= deploy).map(|(_, count)| count).sum()
}

fn assert_answers(answers: &[Vec<Vec<Value>>], told: &BTreeMap<String, Told>, fresh: u64) {
    let [panics, new, by_version, incidents] = answers else { panic!("{} answers", answers.len()) };
    let seen: Vec<(&Value, &Value, &Value)> = panics.iter().map(|row| (&row[0], &row[1], &row[3])).collect();
    let expected: Vec<_> =
        told.iter().map(|(id, word)| (json!(id), json!(word.fate), json!(word.incident))).collect();
    assert_eq!(seen, expected.iter().map(|(id, fate, incident)| (id, fate, incident)).collect::<Vec<_>>());
    let sum =
        |rows: &[Vec<Value>], column: usize| rows.iter().filter_map(|row| row[column].as_u64()).sum::<u64>();
    let count = told.len() as u64;
    assert_eq!((sum(new, 2), sum(by_version, 3), sum(incidents, 3)), (fresh, count, count));
    assert!(fresh > 0 && fresh < count, "some are older");
    let roots: BTreeSet<&str> = told.values().map(|word| word.incident.as_str()).collect();
    assert_eq!(incidents.len(), roots.len());
    assert!(sum(by_version, 2) > 0 && sum(by_version, 2) < count, "some are silent: {by_version:?}");
}

pub(crate) fn the_whole_path(venv: &Path) {
    // rotel is among the other receivers.
    let rotel = Needs::Python("requirements.txt").install().expect("rotel");
    let tier = Place::new();
    let (kafka, http, grpc) = (free_port(), free_port(), free_port());
    let _broker = broker_of(&tier, venv, kafka, kafka, "otlp_logs");
    let mut command = Command::new(agent(&rotel));
    command.args(["start", "--exporter", "kafka", "--kafka-exporter-format", "json", "--disable-batching"]);
    command.args(["--kafka-exporter-brokers", &format!("127.0.0.1:{kafka}"), "--log-file", "rotel.log"]);
    command.args(["--otlp-http-endpoint", &format!("127.0.0.1:{http}")]);
    command.args(["--otlp-grpc-endpoint", &format!("127.0.0.1:{grpc}")]);
    let _collector = start(&tier, &mut command, http);

    let mut told = BTreeMap::new();
    let hosts: Vec<Place> = (0..3).map(|_| Place::new()).collect();
    for (number, host) in hosts.iter().enumerate() {
        told.extend(fill_from(host, 0x1000 * number as u64, FEW).told);
        host.configure(&format!(
            "kind = \"otlp\"\nurl = \"http://127.0.0.1:{http}/v1/logs\"\nbatch = 20\n\
             [[destination]]\nname = \"lines\"\nkind = \"stdout\"\n"
        ));
        let config = fs::read_to_string(host.path("ship.toml")).expect("it was written");
        host.put("ship.toml", &config.replace("hold = \"300ms\"", "hold = \"5s\""));
    }
    let shippers: Vec<_> =
        hosts.iter().map(|host| host.command(&["--once"]).output().expect("it runs")).collect();
    for (number, output) in shippers.into_iter().enumerate() {
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        tier.put(&format!("shipped-{number}.jsonl"), &String::from_utf8(output.stdout).expect("lines"));
    }
    // A shipper that forgot where it was sends everything once more.
    fs::remove_file(hosts[0].path("state/d.json")).expect("positions");
    assert_eq!(hosts[0].command(&["--once"]).output().expect("it runs").status.code(), Some(0));

    let records = || messages(venv, kafka, "otlp_logs");
    let count = |all: &[Value]| -> usize {
        let value = |message: &Value| {
            message["value"].as_str().unwrap_or_default().matches("\"timeUnixNano\"").count()
        };
        all.iter().map(value).sum()
    };
    let notices = 3 * (2 * FEW + 3);
    let (each, again) = (told.len() + notices, (told.len() + notices) / 3);
    until("all records", || count(&records()) >= each + again);
    let lines: String =
        records().iter().map(|message| format!("{}\n", message["value"].as_str().expect("JSON"))).collect();
    tier.put("otlp.jsonl", &lines);
    assert_answers(&asked(venv, &tier, "otlp*.jsonl"), &told, new(&hosts));
    assert_answers(&asked(venv, &tier, "shipped*.jsonl"), &told, new(&hosts));
}

pub(crate) fn clickhouse(venv: &Path) {
    let (mut told, mut lines) = (BTreeMap::new(), 0);
    let tier = Place::new();
    let hosts: Vec<Place> = (0..3).map(|_| Place::new()).collect();
    for (number, host) in hosts.iter().enumerate() {
        told.extend(fill_from(host, 0x1000 * number as u64, FEW).told);
        host.configure("kind = \"stdout\"\n");
        let ship = || {
            let output = host.command(&["--once"]).output().expect("it runs");
            assert_eq!(output.status.code(), Some(0), "{output:?}");
            String::from_utf8(output.stdout).expect("lines")
        };
        let mut shipped = ship();
        if number == 0 {
            // A shipper that forgot where it was sends everything once more.
            fs::remove_file(host.path("state/d.json")).expect("positions");
            tier.put("shipped-again.jsonl", &shipped);
            shipped = ship();
        }
        lines += shipped.lines().count() * if number == 0 { 2 } else { 1 };
        tier.put(&format!("shipped-{number}.jsonl"), &shipped);
    }
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut python = Command::new(venv.join("bin/python"));
    python.arg(own.join("tests/ship/clickhouse.py")).arg(own.join("../docs/fleet.md"));
    python.arg(own.join("../docs/pipelines/clickhouse.sql"));
    python.args(["shipped-0.jsonl", "shipped-1.jsonl", "shipped-2.jsonl", "shipped-again.jsonl"]);
    let output = python.current_dir(tier.path("")).output().expect("python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let answers: Vec<Vec<Vec<Value>>> = serde_json::from_value(said["answers"].clone()).expect("rows");
    assert_answers(&answers, &told, new(&hosts));
    assert_eq!(said["merged"], told.len(), "a row for each panic is left");
    assert!(lines > told.len(), "{lines} lines were there");
}
