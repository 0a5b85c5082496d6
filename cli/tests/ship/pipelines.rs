//! The files of docs/pipelines for programs that follow the log themselves, as they stand there.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::install::program;
use crate::server::{Act, Request, Server};
use crate::support::{Place, Running, until};

/// A file of the page.
pub(crate) fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/pipelines").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Labels, time and line of each entry of a push.
fn entries(request: &Request) -> Vec<(Value, String, String)> {
    let push: Value =
        serde_json::from_slice(&request.body).unwrap_or_else(|error| panic!("{error}: {}", request.text()));
    let streams = push["streams"].as_array().expect("streams").clone();
    let values = streams.into_iter().flat_map(|stream| {
        let values = stream["values"].as_array().expect("values").clone();
        values.into_iter().map(move |value| (stream["stream"].clone(), value))
    });
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    values.map(|(labels, value)| (labels, text(&value[0]), text(&value[1]))).collect()
}

/// What arrives where syslog-ng follows a log that is renamed and gets a long line.
fn follows(debian: &Path, config: &str) -> (Place, Vec<(Value, String, String)>) {
    let mut place = Place::new();
    let server = Server::start(|_, _| Act::status(204));
    let dir = place.path("").display().to_string();
    let config = config
        .replace("/var/log/app/panics.jsonl", &format!("{dir}/p.jsonl"))
        .replace("127.0.0.1:3100", &server.address.to_string())
        .replace("reliable(yes)", &format!("reliable(yes) dir(\"{dir}\")"));
    place.put("page.conf", &config);
    place.panics(60);
    let modules = fs::read_dir(debian.join("usr/lib/syslog-ng")).expect("its modules").flatten();
    let modules = modules.map(|entry| entry.path()).find(|path| path.is_dir()).expect("modules");
    let mut command = program(debian, "usr/sbin/syslog-ng");
    command.args(["--foreground", "--no-caps", "--cfgfile", &format!("{dir}/page.conf")]);
    command.arg(format!("--module-path={}", modules.display()));
    for (option, name) in [("persist-file", "persist"), ("pidfile", "pid"), ("control", "control")] {
        command.arg(format!("--{option}={dir}/{name}"));
    }
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(fs::File::create(place.path("err")).expect("a file"));
    let running = Running(command.spawn().expect("it starts"));
    let all = || server.taken().iter().flat_map(entries).collect::<Vec<_>>();
    until("the first lines", || all().len() == 60);
    // While it runs: the log is renamed, and a line comes that is longer than what it takes by default.
    fs::rename(place.path("p.jsonl"), place.path("p.jsonl.1")).expect("renamed");
    place.long_panic(90_000);
    place.panics(1);
    until("the last line", || {
        all().iter().any(|(_, _, line)| line.contains("\"id\":\"0000000000000abc-62\""))
    });
    running.stop();
    (place, all())
}

pub(crate) fn syslog_ng(debian: &Path) {
    let (place, all) = follows(debian, &page("syslog-ng.conf"));
    place.assert_lines(all.iter().map(|(_, _, line)| line.clone()));
    let mut labels: BTreeMap<String, usize> = BTreeMap::new();
    for (stream, time, line) in &all {
        let line: Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(*time, format!("{}000000", line["ts_ms"]));
        assert_eq!((&stream["level"], &stream["source"]), (&line["level"], &"panic-agent".into()));
        *labels.entry(stream.to_string()).or_default() += 1;
    }
    assert_eq!(labels.len(), 1, "few streams: {labels:?}");
    // Without what the file sets, the long line comes in pieces, which are no JSON and go nowhere.
    let (_, all) = follows(debian, &page("syslog-ng.conf").replace("log-msg-size(2097152);", ""));
    let is_long = |line: &str| line.contains("\"id\":\"0000000000000abc-61\"");
    assert!(all.len() == 61 && !all.iter().any(|(_, _, line)| is_long(line)), "{} lines", all.len());
}
