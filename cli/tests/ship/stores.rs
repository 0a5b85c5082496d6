//! Receivers that no package registry has: the variable of each names its program, which is started here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::receivers::{Filled, MANY, fill, free_port, ship, start};
use crate::support::{Place, until};

/// Names the program of Loki.
pub(crate) const LOKI: &str = "PANIC_AGENT_TEST_LOKI";
/// Names that of an OpenTelemetry collector.
pub(crate) const COLLECTOR: &str = "PANIC_AGENT_TEST_OTELCOL";
/// Names that of VictoriaLogs.
pub(crate) const VICTORIA_LOGS: &str = "PANIC_AGENT_TEST_VICTORIA_LOGS";

/// What a page of a server says; empty where it has no such page now.
fn page(port: u16, path: &str) -> String {
    let asked = TcpStream::connect(("127.0.0.1", port)).and_then(|mut stream| {
        // A server that speaks 1.0 sends no pieces with lengths.
        write!(stream, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    });
    let answer = asked.unwrap_or_default();
    let Some((head, body)) = answer.split_once("\r\n\r\n") else { return String::new() };
    if head.starts_with("HTTP/1.1 200") || head.starts_with("HTTP/1.0 200") {
        body.to_owned()
    } else {
        String::new()
    }
}

/// Every panic is there, once, and nothing else is.
fn assert_there(found: impl Iterator<Item = (String, String)>, filled: &Filled) {
    let mut seen = BTreeMap::new();
    for (id, fate) in found {
        assert_eq!(seen.insert(id.clone(), fate), None, "{id} is there twice");
    }
    let expected = filled.told.iter().map(|(id, word)| (id.clone(), word.fate.clone()));
    assert_eq!(seen, expected.collect());
}

const LOKI_CONFIG: &str = "auth_enabled: false
server: {http_listen_address: 127.0.0.1, http_listen_port: PORT, grpc_listen_port: 0}
common:
  path_prefix: ./loki
  replication_factor: 1
  ring: {instance_addr: 127.0.0.1, kvstore: {store: inmemory}}
  storage: {filesystem: {chunks_directory: ./loki/chunks, rules_directory: ./loki/rules}}
schema_config:
  configs: [{from: 2020-01-01, store: tsdb, object_store: filesystem, schema: v13, index: {prefix: i_, period: 24h}}]
ingester: {max_chunk_age: 8760h}
limits_config: {allow_structured_metadata: true, reject_old_samples: false}
analytics: {reporting_enabled: false}
";

pub(crate) fn loki(program: &Path) {
    let place = Place::new();
    let filled = fill(&place, MANY);
    let port = free_port();
    place.put("loki.yaml", &LOKI_CONFIG.replace("PORT", &port.to_string()));
    let _running = start(&place, Command::new(program).arg("-config.file=loki.yaml"), port);
    until("Loki is ready", || page(port, "/ready").starts_with("ready"));
    place.configure(&format!("kind = \"loki\"\nurl = \"http://127.0.0.1:{port}/loki/api/v1/push\"\n"));
    ship(&place, filled.records());
    // The times are those of the log.
    let log = fs::read_to_string(place.path("p.jsonl")).expect("the log");
    let times = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")["ts_ms"].as_u64());
    let times: BTreeSet<u64> = times.flatten().collect();
    let (first, last) = (times.first().expect("a time") - 1000, times.last().expect("a time") + 1000);
    let path = format!(
        "/loki/api/v1/query_range?query=%7Bsource%3D%22panic-agent%22%7D&limit=5000&start={first}000000&end={last}000000"
    );
    let entries = || {
        let answer: Value = serde_json::from_str(&page(port, &path)).unwrap_or_default();
        let streams = answer["data"]["result"].as_array().cloned().unwrap_or_default();
        let mut entries = Vec::new();
        for stream in streams {
            let count = stream["values"].as_array().map_or(0, Vec::len);
            entries.extend(std::iter::repeat_n(stream["stream"].clone(), count));
        }
        entries
    };
    until("all records", || entries().len() >= filled.records());
    let entries = entries();
    assert_eq!(entries.len(), filled.records());
    let panics = entries.iter().filter(|labels| labels["event"] == "rust.panic");
    let word = |labels: &Value, name: &str| labels[name].as_str().expect("a text").to_owned();
    assert_there(panics.map(|labels| (word(labels, "panic_id"), word(labels, "fate"))), &filled);
}

const COLLECTOR_CONFIG: &str = "receivers: {otlp: {protocols: {http: {endpoint: 127.0.0.1:PORT}}}}
exporters: {file: {path: ./collected.jsonl}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {logs: {receivers: [otlp], exporters: [file]}}
";

pub(crate) fn collector(program: &Path) {
    for (encoding, gzip) in [("protobuf", false), ("protobuf", true), ("json", true)] {
        let place = Place::new();
        let filled = fill(&place, MANY);
        let port = free_port();
        place.put("collector.yaml", &COLLECTOR_CONFIG.replace("PORT", &port.to_string()));
        let _running = start(&place, Command::new(program).args(["--config", "collector.yaml"]), port);
        place.configure(&format!(
            "kind = \"otlp\"\nurl = \"http://127.0.0.1:{port}/v1/logs\"\nencoding = \"{encoding}\"\ngzip = {gzip}\n"
        ));
        ship(&place, filled.records());
        let records = || {
            let text = fs::read_to_string(place.path("collected.jsonl")).unwrap_or_default();
            let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let all = |value: &Value| value.as_array().cloned().unwrap_or_default();
            let logs =
                lines.flat_map(|line| all(&line["resourceLogs"])).flat_map(|logs| all(&logs["scopeLogs"]));
            logs.flat_map(|logs| all(&logs["logRecords"])).collect::<Vec<_>>()
        };
        until("all records", || records().len() >= filled.records());
        let records = records();
        assert_eq!(records.len(), filled.records(), "{encoding}");
        let panics = records.iter().filter(|record| record["eventName"] == "rust.panic");
        let word = |record: &Value, name: &str| {
            let attributes = record["attributes"].as_array().expect("attributes");
            let attribute = attributes.iter().find(|attribute| attribute["key"] == name);
            attribute
                .and_then(|attribute| attribute["value"]["stringValue"].as_str())
                .expect("a text")
                .to_owned()
        };
        assert_there(panics.map(|record| (word(record, "panic.id"), word(record, "panic.fate"))), &filled);
    }
}

pub(crate) fn victoria_logs(program: &Path) {
    let destinations = [
        (
            "kind = \"otlp\"\nurl = \"http://127.0.0.1:PORT/insert/opentelemetry/v1/logs\"\n",
            "panic.id",
            "panic.fate",
        ),
        ("kind = \"loki\"\nurl = \"http://127.0.0.1:PORT/insert/loki/api/v1/push\"\n", "panic_id", "fate"),
        (
            "kind = \"http\"\nurl = \"http://127.0.0.1:PORT/insert/jsonline?_time_field=ts&_stream_fields=service&\
             _msg_field=message\"\n",
            "id",
            "fate",
        ),
    ];
    for (destination, id, fate) in destinations {
        let place = Place::new();
        let filled = fill(&place, MANY);
        let port = free_port();
        let mut command = Command::new(program);
        command.args(["-storageDataPath=data", "-retentionPeriod=100y", "-loggerLevel=ERROR"]);
        command.arg(format!("-httpListenAddr=127.0.0.1:{port}"));
        let _running = start(&place, &mut command, port);
        place.configure(&destination.replace("PORT", &port.to_string()));
        ship(&place, filled.records());
        let records = || {
            let text = page(port, "/select/logsql/query?query=*&limit=100000");
            text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).collect::<Vec<_>>()
        };
        until("all records", || records().len() >= filled.records());
        let records = records();
        assert_eq!(records.len(), filled.records(), "{destination}");
        // A finding speaks of a panic, too, and has no fate.
        let panics = records.iter().filter(|record| record[fate].is_string() && record[id].is_string());
        let word = |record: &Value, name: &str| record[name].as_str().expect("a text").to_owned();
        assert_there(panics.map(|record| (word(record, id), word(record, fate))), &filled);
    }
}
