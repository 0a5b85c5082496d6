//! A service that ships its own panics from inside: the receiver goes away, the service is killed, and nothing is lost.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::server::{Act, Request, Server};
use crate::support::{Place, Running, until};

/// Set: this process is the service; how many panics it has, and how it ends.
const ROLE: &str = "SHIP_TEST_SERVICE";

/// Whether this process was the service, which has ended then.
pub(crate) fn run_if_asked() -> bool {
    let Ok(role) = std::env::var(ROLE) else { return false };
    let (panics, end) = role.split_once(' ').expect("a number and an end");
    let shipper = panic_agent_ship::start("ship.toml").expect("a configuration");
    let agent = panic_agent::Agent::builder().file("p.jsonl").install().expect("an agent");
    for number in 0..panics.parse::<u32>().expect("a number") {
        // Fates differ: some are caught and read, some caught and thrown away, some end a thread.
        let raise = move || assert!(number == u32::MAX, "number {number}");
        match number % 3 {
            0 => assert!(std::panic::catch_unwind(raise).is_err()),
            1 => drop(std::panic::catch_unwind(raise)),
            _ => drop(std::thread::spawn(raise).join()),
        }
    }
    println!("{}", niceness());
    match end {
        "waits" => loop {
            std::thread::park();
        },
        "ends" => {
            drop(agent);
            let ended = shipper.finish(Duration::from_secs(100));
            assert!(ended.is_complete(), "{ended:?}");
        }
        // The receiver does not answer: the end comes all the same.
        _ => {
            drop(agent);
            let begun = Instant::now();
            drop(shipper);
            assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
        }
    }
    true
}

/// Priorities of this process' main thread and of those that ship.
fn niceness() -> String {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let mut all: Vec<String> = Vec::new();
    // Threads without a name have that of the program, which may begin with anything.
    let program = fs::read_to_string("/proc/self/comm").unwrap_or_default();
    let program = program.trim_end();
    for thread in threads {
        let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        let Some((name, rest)) = stat.rsplit_once(") ") else { continue };
        let name = name.split_once('(').map_or(name, |(_, name)| name);
        let nice = rest.split(' ').nth(16).unwrap_or_default();
        if thread.file_name().to_string_lossy() == std::process::id().to_string() {
            all.push(format!("main={nice}"));
        } else if name.starts_with("ship-d") && name != program {
            all.push(format!("ship={nice}"));
        }
    }
    all.sort();
    all.join(" ")
}

fn service(place: &Place, panics: usize, end: &str) -> Running {
    let mut command = Command::new(std::env::current_exe().expect("its path"));
    command
        .env(ROLE, format!("{panics} {end}"))
        .env("PANIC_AGENT_SYMBOLS", "off")
        .env("RUST_BACKTRACE", "0")
        .current_dir(place.path(""));
    let (out, err) = (fs::File::create(place.path("out")), fs::File::create(place.path("stderr")));
    command.stdin(Stdio::null()).stdout(out.expect("a file")).stderr(err.expect("a file"));
    Running(command.spawn().expect("it starts"))
}

fn ended(mut service: Running, place: &Place) {
    let status = service.0.wait().expect("it ends");
    assert!(status.success(), "{status}: {}", place.stderr());
}

/// Ids of the panics in the log.
fn written(place: &Place) -> Vec<String> {
    let log = fs::read_to_string(place.path("p.jsonl")).unwrap_or_default();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let panics = lines.filter(|line| line["kind"] == "panic");
    panics.map(|line| line["id"].as_str().expect("an id").to_owned()).collect()
}

/// Panics that came, by id, and how many came more than once.
fn arrived(requests: &[Request]) -> (BTreeMap<String, Vec<Value>>, usize) {
    let (mut all, mut again) = (BTreeMap::<String, Vec<Value>>::new(), 0);
    for line in
        requests.iter().flat_map(|request| request.text().lines().map(str::to_owned).collect::<Vec<_>>())
    {
        let value: Value = serde_json::from_str(&line).expect("JSON");
        if value["kind"] == "panic" {
            let lines = all.entry(value["id"].as_str().expect("an id").to_owned()).or_default();
            again += usize::from(!lines.is_empty());
            lines.push(value);
        }
    }
    (all, again)
}

pub(crate) fn a_service_that_ships_from_inside_loses_nothing_when_it_and_the_receiver_are_killed() {
    let place = Place::new();
    let address = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    place.configure(&format!("kind = \"http\"\nurl = \"http://{address}/in\"\nbatch = 16\n"));
    let mut taken = Vec::new();
    // It is killed while a request is under way: the receiver has it, the service does not know.
    let first = Server::start_at(address, |number, _| if number == 9 { Act::Hang } else { Act::status(200) });
    let running = service(&place, 250, "waits");
    until("ten requests", || first.requests().len() == 10);
    until("all lines", || written(&place).len() >= 250);
    running.kill();
    // What hung was received, too, for all that the receiver knows.
    taken.extend(first.requests());
    drop(first);
    // The receiver is away for the next start, and comes back.
    let running = service(&place, 150, "waits");
    until("a complaint", || place.stderr().contains("trying again"));
    until("all lines", || written(&place).len() >= 400);
    let second = Server::start_at(address, |_, _| Act::status(200));
    until("something", || second.taken().len() > 3);
    running.kill();
    taken.extend(second.taken());
    drop(second);
    until("the port", || TcpListener::bind(address).is_ok());
    let third = Server::start_at(address, |_, _| Act::status(200));
    ended(service(&place, 100, "ends"), &place);
    taken.extend(third.taken());
    let expected = written(&place);
    assert!(expected.len() >= 500, "{}", expected.len());
    let (arrived, again) = arrived(&taken);
    assert_eq!(arrived.keys().cloned().collect::<Vec<_>>(), {
        let mut ids = expected.clone();
        ids.sort();
        ids
    });
    assert!((1..=48).contains(&again), "{again}: what hung is sent again, and little else");
    for lines in arrived.values() {
        // A verdict may have come in between; the panic is the same.
        let panic =
            |line: &Value| [&line["ts"], &line["message"], &line["fingerprint"]].map(Value::to_string);
        assert!(lines.iter().all(|line| panic(line) == panic(&lines[0])), "{lines:?}");
    }
    let out = fs::read_to_string(place.path("out")).expect("what it printed");
    let own = niceness();
    let nice: i32 = own.trim_start_matches("main=").parse().expect("a number");
    assert_eq!(out.trim(), format!("{own} ship={}", (nice + 10).min(19)));
}

pub(crate) fn a_service_that_ships_from_inside_ends_although_nobody_takes_anything() {
    let place = Place::new();
    let server = Server::start(|_, _| Act::Hang);
    place.configure(&format!("kind = \"http\"\nurl = \"http://{}/in\"\ntimeout = \"60s\"\n", server.address));
    ended(service(&place, 9, "is dropped"), &place);
    assert!(server.taken().is_empty() && written(&place).len() == 9);
    drop(server);
    // The twin: with somebody who does, and after that start.
    let server = Server::start(|_, _| Act::status(200));
    place.configure(&format!("kind = \"http\"\nurl = \"http://{}/in\"\n", server.address));
    ended(service(&place, 1, "ends"), &place);
    assert_eq!(arrived(&server.taken()).0.len(), 10);
}
