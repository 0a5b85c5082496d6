//! How many panics a second `panic-agent ship` carries on one processor, to receivers that throw everything away.
//!
//! ```sh
//! cargo build --release -p panic-agent-cli
//! cargo run --release --manifest-path tests/bench/ship/Cargo.toml [TOOL] [PANICS] [ROUNDS]
//! ```
//!
//! The lines are those of a real panic with its frames, under other ids. The tool is bound to one processor, the receivers are
//! threads of this process. Panics per second of processor time are what one processor can do; those per second of the clock
//! have in them what the disk and the machine take besides. Of several rounds the table has the medians.

mod receiver;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wait4::Wait4 as _;

/// A line of the agent with the id that is replaced.
const LINES: &str = include_str!("../../../../cli/tests/lines/thread-handle-dropped.jsonl");
const ID: &str = "e1f1f0c5bd3c56d3-1";

fn main() {
    let mut args = std::env::args().skip(1);
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tool = args.next().map_or_else(|| own.join("../../../target/release/panic-agent"), PathBuf::from);
    let tool = tool.canonicalize().expect("the tool; build it first");
    let panics: usize = args.next().map_or(100_000, |count| count.parse().expect("a number of panics"));
    let rounds: usize = args.next().map_or(1, |count| count.parse().expect("a number of rounds"));
    let dir = std::env::temp_dir().join(format!("ship-bench-{}", std::process::id()));
    fs::create_dir_all(&dir).expect("a directory");
    let (http, tcp) = (receiver::http(), receiver::tcp());
    println!("{panics} panics with {} bytes each\n", panic_line(1).len());
    println!("| to | a second of processor time | a second of the clock | memory |");
    println!("|---|---|---|---|");
    let log = |name: &str, count: usize, pending: bool| write_log(&dir.join(name), count, pending);
    log("p.jsonl", panics, false);
    let url = format!("url = \"http://{http}/\"");
    for (name, config) in [
        ("`stdout`", "kind = \"stdout\"".to_owned()),
        ("`stdout`, ECS", "kind = \"stdout\"\nformat = \"ecs\"".to_owned()),
        ("`http`", format!("kind = \"http\"\n{url}")),
        ("`http`, gzip", format!("kind = \"http\"\n{url}\ngzip = true")),
        ("`otlp`, protobuf", format!("kind = \"otlp\"\n{url}")),
        ("`otlp`, JSON", format!("kind = \"otlp\"\n{url}\nencoding = \"json\"")),
        ("`loki`, gzip", format!("kind = \"loki\"\n{url}")),
        ("`syslog` over TCP", format!("kind = \"syslog\"\nurl = \"tcp://{tcp}\"")),
    ] {
        row(name, &tool, &dir, panics, rounds, &config);
    }
    let plain = format!("kind = \"http\"\n{url}");
    log("p.jsonl", panics, true);
    row("`http`, each with a verdict later", &tool, &dir, panics, rounds, &plain);
    log("p.jsonl", 4 * panics, false);
    row("`http`, four times as many", &tool, &dir, 4 * panics, rounds, &plain);
    fs::remove_dir_all(&dir).expect("the directory goes");
}

fn panic_line(number: usize) -> String {
    let line = LINES.lines().nth(1).expect("a panic");
    line.replace(ID, &format!("e1f1f0c5bd3c56d3-{number}"))
}

/// With `pending`, each panic waits for a verdict that comes a hundred lines later.
fn write_log(path: &Path, panics: usize, pending: bool) {
    let mut file = std::io::BufWriter::new(fs::File::create(path).expect("a log"));
    let (mut panic, mut verdicts) = (panic_line(0), Vec::new());
    if pending {
        panic = panic.replace("\"receipt\":\"discarded\"", "\"receipt\":\"pending\"");
    }
    for number in 0..panics {
        let id = format!("e1f1f0c5bd3c56d3-{number}");
        writeln!(file, "{}", panic.replace("e1f1f0c5bd3c56d3-0", &id)).expect("a line");
        if pending {
            verdicts.push(format!(
                "{{\"schema\":1,\"kind\":\"verdict\",\"id\":\"{id}\",\"ts_ms\":1795897615600,\"level\":\"error\",\
                 \"fate\":\"thread_died\",\"receipt\":\"received\",\"basis\":\"confirmed\",\"silent\":false}}\n"
            ));
        }
        if verdicts.len() == 100 || number + 1 == panics {
            verdicts.drain(..).for_each(|verdict| file.write_all(verdict.as_bytes()).expect("a line"));
        }
    }
    file.flush().expect("the log");
}

fn row(name: &str, tool: &Path, dir: &Path, panics: usize, rounds: usize, destination: &str) {
    let config = format!("log = \"p.jsonl\"\nstate = \"state\"\n[[destination]]\n{destination}\n");
    fs::write(dir.join("ship.toml"), config).expect("a configuration");
    let mut all: Vec<[f64; 3]> = (0..rounds.max(1)).map(|_| round(name, tool, dir, panics)).collect();
    let mut median = |column: usize| {
        all.sort_by(|one, other| one[column].total_cmp(&other[column]));
        all[all.len() / 2][column]
    };
    println!("| {name} | {:.0} | {:.0} | {:.0} MiB |", median(0), median(1), median(2));
}

/// Panics a second of processor time and of the clock, and memory.
fn round(name: &str, tool: &Path, dir: &Path, panics: usize) -> [f64; 3] {
    // What an earlier round left is not gone on with.
    let _gone = fs::remove_dir_all(dir.join("state"));
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(tool).args(["ship", "--once", "--timeout", "600s"]).current_dir(dir);
    let begun = Instant::now();
    let child =
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("taskset and the tool");
    let used = child.wait4().expect("its end");
    let clock = begun.elapsed();
    assert!(used.status.success(), "{name}: {}", used.status);
    let processor = used.rusage.utime + used.rusage.stime;
    let rate = |time: Duration| panics as f64 / time.as_secs_f64();
    [rate(processor), rate(clock), (used.rusage.maxrss / (1 << 20)) as f64]
}
