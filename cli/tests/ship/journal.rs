//! The journal of systemd as a receiver: journald itself on its socket, and a `systemd-journal-remote`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::install::program;
use crate::receivers::{Filled, MANY, Told, fill, free_port, ship, start};
use crate::support::{Place, Running, panic_line, until};

/// What the journal has, by journalctl.
fn entries(debian: &Path, args: &[&str]) -> Vec<Value> {
    let output = program(debian, "bin/journalctl").args(args).args(["-o", "json", "--all"]).output();
    let output = output.expect("journalctl runs");
    let text = String::from_utf8(output.stdout).expect("a text");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn assert_told(entries: &[Value], filled: &Filled) {
    let (mut told, mut notices) = (BTreeMap::new(), BTreeMap::new());
    for entry in entries {
        let word = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        let severity = match entry["PRIORITY"].as_str() {
            Some("4") => 13,
            Some("3") => 17,
            Some("2") => 21,
            other => panic!("priority {other:?}"),
        };
        let event = word("PANIC_EVENT");
        if event == "rust.panic" {
            let handled = word("PANIC_HANDLED") == "true";
            let told_word =
                Told { fate: word("PANIC_FATE"), handled, severity, incident: word("PANIC_INCIDENT") };
            told.insert(word("PANIC_ID"), told_word);
        } else {
            *notices.entry((event, severity)).or_default() += 1;
        }
    }
    assert_eq!((&told, &notices), (&filled.told, &filled.notices));
}

pub(crate) fn remote(debian: &Path) {
    let place = Place::new();
    let (filled, port) = (fill(&place, MANY), free_port());
    let mut command = program(debian, "lib/systemd/systemd-journal-remote");
    command.args(["--output=o.journal", "--split-mode=none", &format!("--listen-http=127.0.0.1:{port}")]);
    let receiver = start(&place, &mut command, port);
    place.configure(&format!("kind = \"journald\"\nurl = \"http://127.0.0.1:{port}/upload\"\n"));
    ship(&place, filled.records());
    receiver.stop();
    let journal = place.path("o.journal").display().to_string();
    assert_told(&entries(debian, &["--file", &journal]), &filled);
    // By one field, and by the id of a kind of message.
    let fields =
        ["--file", &journal, "SYSLOG_IDENTIFIER=shop", "MESSAGE_ID=e40b7a95c1d2463f8b0f9d6e3a5c7218"];
    let deaths = entries(debian, &fields);
    assert_eq!(deaths.len(), 1);
    let own = &deaths[0];
    assert_eq!(own["__REALTIME_TIMESTAMP"], "1795852800000000", "the time of the record, not of its arrival");
    assert_eq!((&own["PROCESS_DEATH_SIGNAL"], &own["SYSLOG_PID"]), (&"SIGSEGV".into(), &"7".into()));
}

/// journald with a `/run` of its own, which other processes reach through `/proc`.
fn journald(place: &Place, debian: &Path) -> (Running, String) {
    let script = "mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal /run/systemd/journald.conf.d /run/log/journal && \
                  printf '[Journal]\\nAudit=no\\nReadKMsg=no\\nStorage=volatile\\nRateLimitBurst=0\\n' \
                  >/run/systemd/journald.conf.d/t.conf && exec \"$0\"";
    let daemon = debian.join("lib/systemd/systemd-journald");
    let mut command = program(debian, "nothing");
    let libraries = command.get_envs().find_map(|(_, value)| value.map(|value| value.to_owned()));
    command = std::process::Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-c", script]).arg(daemon);
    command.env("LD_LIBRARY_PATH", libraries.expect("the libraries")).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(std::fs::File::create(place.path("err")).expect("a file"));
    let running = Running(command.spawn().expect("it starts"));
    let root = format!("/proc/{}/root/run", running.0.id());
    let own = format!("{root}/systemd/journald.conf.d/t.conf");
    until("journald", || {
        // The `/run` of the machine may have a journal, too.
        Path::new(&own).exists() && Path::new(&format!("{root}/systemd/journal/socket")).exists()
    });
    (running, root)
}

pub(crate) fn socket(debian: &Path) {
    let place = Place::new();
    let mut filled = fill(&place, MANY);
    // Longer than a datagram may be.
    let id = "00000000000000cc-1";
    let long = "a long line\\n".repeat(40_000);
    let line = panic_line(id).replacen("\"message\":\"", &format!("\"message\":\"{long}"), 1);
    assert!(line.len() > 400_000);
    place.append("p.jsonl", &format!("{line}\n"));
    let panic: Value = serde_json::from_str(&line).expect("JSON");
    let incident = panic["incident"].as_str().expect("an id").to_owned();
    filled.told.insert(
        id.to_owned(),
        Told { fate: "thread_died".to_owned(), handled: false, severity: 17, incident },
    );
    let (journald, root) = journald(&place, debian);
    place.configure(&format!("kind = \"journald\"\nsocket = \"{root}/systemd/journal/socket\"\n"));
    ship(&place, filled.records());
    let journal = format!("{root}/log/journal");
    let shipped = || entries(debian, &["-D", &journal, "PANIC_EVENT=rust.panic"]);
    until("all panics", || shipped().len() == filled.told.len());
    let mut all = shipped();
    for event in filled.notices.keys().map(|(event, _)| event) {
        all.extend(entries(debian, &["-D", &journal, &format!("PANIC_EVENT={event}")]));
    }
    assert_told(&all, &filled);
    let long = entries(debian, &["-D", &journal, &format!("PANIC_ID={id}")]);
    assert!(
        long[0]["MESSAGE"].as_str().is_some_and(|message| message.matches("a long line\n").count() == 40_000)
    );
    drop(journald);
    // Nobody listens now: that is waited for, and nothing is given up.
    place.append("p.jsonl", &format!("{}\n", panic_line("00000000000000cc-2")));
    let output = place.command(&["--once", "--timeout", "300ms"]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(3), "{output:?}");
}
