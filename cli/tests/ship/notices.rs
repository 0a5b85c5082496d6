//! Lines that are of no panic: findings, losses, ends, deaths. Those that somebody must see are shipped, as they are.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::server::{Act, Server};
use crate::support::{Place, until};

const INSTANCE: &str = "00000000000000dd";

/// A line as an agent writes it.
fn line(kind: &str, level: &str, more: &Value) -> String {
    let mut line = json!({
        "schema": 1, "kind": kind, "id": INSTANCE, "ts": "2026-11-28T08:00:00.000000007Z", "ts_ms": 1_795_852_800_000_i64,
        "pid": 7, "level": level, "service": "shop", "version": "1.0.0", "environment": "prod", "host": "h",
        "message": format!("a line of kind {kind}"),
    });
    let (Some(fields), Some(more)) = (line.as_object_mut(), more.as_object()) else { panic!("two objects") };
    fields.extend(more.clone());
    format!("{line}\n")
}

/// One line of each kind that is shipped; findings stand in the lines of scenarios.
pub(crate) fn lines() -> String {
    let losses = json!({ "losses": { "pool_full": 3, "filtered": 1 }, "sites": [] });
    let end = json!({ "panics": 4, "written": 1, "losses": { "pool_full": 3 }, "ended_by": null });
    let quiet =
        json!({ "panics": 4, "written": 1, "losses": { "filtered": 2, "folded": 1, "pool_full": 0 } });
    let death = json!({
        "cause": "signal", "basis": "wait_status", "status": null, "signal": "SIGSEGV", "core_dumped": false,
        "command": ["shop"], "ran_ms": 12, "usage": null, "stderr": "last words", "starts": 2, "restart_in_ms": 1000,
        "panics": [{ "panic": "00000000000000dd-1", "message": "m", "fate": "caught" }],
    });
    line("losses", "error", &losses)
        + &line("end", "info", &end)
        + &line("end", "info", &quiet)
        + &line("death", "fatal", &death)
        + &line("test", "info", &json!({ "event": "planned" }))
}

/// Name and severity of the record that a line becomes. `None`: it is not shipped.
pub(crate) fn expected(line: &Value) -> Option<(String, u64)> {
    let (name, severity) = match line["kind"].as_str()? {
        "finding" if line["level"] == "error" => ("rust.panic.finding", 17),
        "finding" => ("rust.panic.finding", 13),
        "losses" => ("rust.panic.losses", 17),
        "end" if line["losses"]["pool_full"].as_u64()? > 0 => ("rust.process.end", 17),
        "death" => ("rust.process.death", 21),
        _ => return None,
    };
    Some((name.to_owned(), severity))
}

pub(crate) fn findings_losses_and_deaths_are_shipped_as_they_are_and_quiet_ends_are_not() {
    let place = Place::new();
    let (text, finding) = (lines(), line("finding", "warn", &json!({ "code": "unbalanced", "places": [] })));
    place.append("p.jsonl", &format!("{finding}{text}"));
    let server = Server::start(|_, _| Act::status(200));
    place.http(&server, "");
    let output = place.command(&["--once", "--metrics-file", "m.prom"]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let got: String = server.taken().iter().map(|request| request.text()).collect();
    let wanted = |line: &&str| expected(&serde_json::from_str(line).expect("JSON")).is_some();
    let written = format!("{finding}{text}");
    let wanted: Vec<&str> = written.lines().filter(wanted).collect();
    assert_eq!((got.lines().collect::<Vec<_>>(), wanted.len()), (wanted, 4));
    let numbers = std::fs::read_to_string(place.path("m.prom")).expect("a file");
    for line in [
        "panic_agent_findings_total{code=\"unbalanced\"} 1",
        "panic_agent_deaths_total{cause=\"signal\"} 1",
        "panic_agent_deaths_total{cause=\"abort\"} 0",
        "panic_agent_losses_total{reason=\"pool_full\"} 3",
        "panic_agent_panics_total{fate=\"unknown\",silent=\"unknown\"} 0",
    ] {
        assert!(numbers.contains(&format!("{line}\n")), "{line}\nis not in\n{numbers}");
    }
    // A death that comes while the shipper runs goes at once: nothing is waited for.
    let running = place.follow();
    place.append("p.jsonl", &line("death", "fatal", &json!({ "cause": "abort", "panics": [] })));
    until("the death", || server.taken().iter().any(|request| request.text().contains("\"abort\"")));
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for line in server
        .taken()
        .iter()
        .flat_map(|request| request.text().lines().map(str::to_owned).collect::<Vec<_>>())
    {
        *counts.entry(line).or_default() += 1;
    }
    assert!(counts.len() == 5 && counts.values().all(|count| *count == 1), "{counts:?}");
    running.stop();
}
