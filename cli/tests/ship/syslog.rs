//! rsyslog as a receiver: over UDP, TCP and a socket of the machine it says of each panic what the log says.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::install::program;
use crate::pipelines::page;
use crate::receivers::{FEW, Filled, MANY, fill, free_port, ship, start};
use crate::support::{Place, Running, until};

/// Starts rsyslog with all of its inputs; what comes is a line of JSON each in `out.jsonl`.
fn rsyslog(place: &Place, debian: &Path, port: u16) -> Running {
    let dir = place.path("");
    let dir = dir.display();
    place.put(
        "rsyslog.conf",
        &format!(
            r#"global(workDirectory="{dir}" maxMessageSize="256k" internalmsg.severity="error")
module(load="imudp")
module(load="imtcp")
module(load="imuxsock" sysSock.use="off")
input(type="imudp" address="127.0.0.1" port="{port}" rcvbufSize="8m")
input(type="imtcp" address="127.0.0.1" port="{port}")
input(type="imuxsock" socket="{dir}/log")
template(name="t" type="list" option.jsonf="on") {{
  property(outname="severity" name="syslogseverity" format="jsonf")
  property(outname="facility" name="syslogfacility-text" format="jsonf")
  property(outname="time" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="host" name="hostname" format="jsonf")
  property(outname="app" name="app-name" format="jsonf")
  property(outname="pid" name="procid" format="jsonf")
  property(outname="event" name="msgid" format="jsonf")
  property(outname="fields" name="structured-data" format="jsonf")
  property(outname="text" name="msg" format="jsonf")
}}
action(type="omfile" file="{dir}/out.jsonl" template="t")
"#
        ),
    );
    start(place, &mut daemon(place, debian, "rsyslog.conf"), port)
}

/// rsyslog with a configuration that lies there.
fn daemon(place: &Place, debian: &Path, config: &str) -> Command {
    let modules = fs::read_dir(debian.join("usr/lib")).expect("libraries");
    let modules = modules.flatten().map(|entry| entry.path().join("rsyslog")).find(|path| path.is_dir());
    let mut command = program(debian, "usr/sbin/rsyslogd");
    // It goes to the root directory, so its paths are absolute.
    command.arg("-n").arg("-f").arg(place.path(config)).arg("-i").arg(place.path(&format!("{config}.pid")));
    command.arg("-M").arg(modules.expect("modules"));
    command
}

fn messages(place: &Place) -> Vec<Value> {
    let text = fs::read_to_string(place.path("out.jsonl")).unwrap_or_default();
    // The last one may be under way.
    let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    lines.map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

fn count(place: &Place) -> usize {
    messages(place).len()
}

/// A field of the structured data.
fn field(message: &Value, name: &str) -> Option<String> {
    let fields = message["fields"].as_str()?;
    let rest = fields.split(&format!(" {name}=\"")).nth(1)?;
    Some(rest.split('"').next()?.to_owned())
}

fn assert_told(place: &Place, filled: &Filled) {
    let (mut told, mut notices) = (BTreeMap::new(), BTreeMap::new());
    for message in messages(place) {
        let severity = match message["severity"].as_str() {
            Some("4") => 13,
            Some("3") => 17,
            Some("2") => 21,
            other => panic!("severity {other:?}"),
        };
        let event = message["event"].as_str().expect("an event").to_owned();
        if event == "rust.panic" {
            let word = (field(&message, "fate"), field(&message, "incident"), severity);
            told.insert(field(&message, "id").expect("an id"), word);
        } else {
            *notices.entry((event, severity)).or_default() += 1;
        }
    }
    let expected = filled.told.iter().map(|(id, word)| {
        (id.clone(), (Some(word.fate.clone()), Some(word.incident.clone()), word.severity))
    });
    assert_eq!(told, expected.collect());
    assert_eq!(notices, filled.notices);
}

pub(crate) fn tcp_and_udp(debian: &Path) {
    for (scheme, copies) in [("tcp", MANY), ("udp", FEW)] {
        let place = Place::new();
        let (filled, port) = (fill(&place, copies), free_port());
        let receiver = rsyslog(&place, debian, port);
        place.configure(&format!(
            "kind = \"syslog\"\nurl = \"{scheme}://127.0.0.1:{port}\"\nfacility = \"local3\"\n"
        ));
        ship(&place, filled.records());
        until("all messages", || count(&place) == filled.records());
        receiver.stop();
        assert_told(&place, &filled);
        let all = messages(&place);
        let message =
            all.iter().find(|message| message["app"] == "shop").expect("that of a death, or of losses");
        let part = |name: &str| message[name].as_str().expect("a text").to_owned();
        assert_eq!((part("facility"), part("host"), part("pid")), ("local3".into(), "h".into(), "7".into()));
        assert_eq!(part("time"), "2026-11-28T08:00:00.000000Z");
    }
}

pub(crate) fn a_restart(debian: &Path) {
    let mut place = Place::new();
    let port = free_port();
    place.configure(&format!(
        "kind = \"syslog\"\nurl = \"tcp://127.0.0.1:{port}\"\nformat = \"lines\"\nmax_bytes = \"256KiB\"\nbatch = 7\n"
    ));
    place.panics(60);
    let receiver = rsyslog(&place, debian, port);
    let running = place.follow();
    until("the first lines", || count(&place) == 60);
    receiver.stop();
    place.panics(60);
    until("a complaint", || place.stderr().contains("trying again"));
    assert_eq!(count(&place), 60);
    let receiver = rsyslog(&place, debian, port);
    until("all lines", || count(&place) >= 120);
    running.stop();
    receiver.stop();
    let lines = messages(&place)
        .into_iter()
        .map(|message| message["text"].as_str().expect("a text").trim().to_owned());
    place.assert_lines(lines);
    // A message that is longer than what is allowed is not sent in pieces: it is kept.
    place.configure(&format!(
        "kind = \"syslog\"\nurl = \"tcp://127.0.0.1:{port}\"\nformat = \"lines\"\nmax_bytes = \"2KiB\"\n"
    ));
    place.panics(1);
    let (status, err) = place.once();
    assert!(status == 1 && err.contains("raise `max_bytes`"), "{err}");
    assert_eq!(place.dead().len(), 1);
}

pub(crate) fn a_socket(debian: &Path) {
    let place = Place::new();
    let (filled, port) = (fill(&place, FEW), free_port());
    let receiver = rsyslog(&place, debian, port);
    place.configure(&format!("kind = \"syslog\"\nurl = \"unix://{}\"\n", place.path("log").display()));
    ship(&place, filled.records());
    until("all messages", || count(&place) == filled.records());
    receiver.stop();
    let all = messages(&place);
    let mut severities: BTreeMap<&str, usize> = BTreeMap::new();
    for message in &all {
        *severities.entry(message["severity"].as_str().expect("a number")).or_default() += 1;
    }
    let mut expected: BTreeMap<&str, usize> = BTreeMap::new();
    let events = filled.notices.iter().map(|((_, severity), count)| (*severity, *count));
    for (severity, count) in filled.told.values().map(|word| (word.severity, 1)).chain(events) {
        *expected
            .entry(match severity {
                13 => "4",
                17 => "3",
                _ => "2",
            })
            .or_default() += count;
    }
    assert_eq!(severities, expected);
    let death =
        all.iter().find(|message| message["text"].as_str().is_some_and(|text| text.contains("kind death")));
    let death = death.expect("the death");
    assert_eq!((death["app"].as_str(), death["pid"].as_str()), (Some("shop"), Some("7")), "{death}");
}

/// What arrives when rsyslog itself follows the log, as the page on pipelines has it.
fn follows(debian: &Path, config: &str) -> (Place, Vec<String>) {
    let mut place = Place::new();
    let port = free_port();
    let receiver = rsyslog(&place, debian, port);
    fs::create_dir(place.path("spool")).expect("a directory");
    let config = config
        .replace("/var/spool/rsyslog", &place.path("spool").display().to_string())
        .replace("/var/log/app/panics.jsonl", &place.path("p.jsonl").display().to_string())
        .replace("15514", &port.to_string());
    place.put("page.conf", &config);
    place.panics(100);
    let mut sender = daemon(&place, debian, "page.conf");
    sender.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let sender = Running(sender.spawn().expect("it starts"));
    until("the first lines", || count(&place) >= 100);
    // While it runs: the log is renamed, and a line comes that is longer than rsyslog likes.
    fs::rename(place.path("p.jsonl"), place.path("p.jsonl.1")).expect("renamed");
    place.long_panic(30_000);
    place.panics(1);
    until("the last line", || {
        messages(&place).iter().any(|message| message["text"].as_str().is_some_and(is_last))
    });
    sender.stop();
    receiver.stop();
    let text = |message: Value| message["text"].as_str().expect("a text").trim().to_owned();
    let lines = messages(&place).into_iter().map(text).collect();
    (place, lines)
}

fn is_last(text: &str) -> bool {
    text.contains("\"id\":\"0000000000000abc-102\"")
}

pub(crate) fn the_pipeline(debian: &Path) {
    let config = page("rsyslog.conf");
    let (place, lines) = follows(debian, &config);
    place.assert_lines(lines.into_iter());
    // Without what the file sets, the long line is cut.
    let (_, lines) = follows(debian, &config.replace(" maxMessageSize=\"2m\"", ""));
    assert!(lines.iter().any(|line| serde_json::from_str::<Value>(line).is_err()), "nothing was cut");
}
