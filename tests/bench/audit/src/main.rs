//! What auditing adds to the time of a thread-heavy test suite, on this machine.
//!
//! `cargo run --release --manifest-path tests/bench/audit/Cargo.toml [ROUNDS]`. The baseline is `cargo test` of the suite
//! beside this file. The ways to run it take turns, so that a noisy minute hits each of them; the table has the median of
//! the rounds, and of the ratios within them with the least and the greatest. A run that does not print `7 passed`, or
//! in which anything is found, ends the benchmark.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

fn main() -> ExitCode {
    let rounds = std::env::args().nth(1).and_then(|rounds| rounds.parse().ok()).unwrap_or(5);
    match print(rounds) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// A way to run the suite.
struct Way {
    name: &'static str,
    program: PathBuf,
    args: &'static [&'static str],
}

fn print(rounds: usize) -> Result<(), String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.join("../../..");
    let tool = here.join("target/tool");
    let mut build = Command::new("cargo");
    build
        .current_dir(&root)
        .args(["build", "--release", "--package", "panic-agent-cli", "--target-dir"])
        .arg(&tool);
    run(&mut build)?;
    let tool = tool.join("release/cargo-panic-agent");
    run(Command::new(&tool).args(["panic-agent", "preload", "--build"]))?;
    let ways = [
        Way { name: "`cargo test`", program: "cargo".into(), args: &["test"] },
        Way {
            name: "`cargo test` with `audit!()`",
            program: "cargo".into(),
            args: &["test", "--features", "audit"],
        },
        Way { name: "`cargo panic-agent test`", program: tool, args: &["panic-agent", "test"] },
    ];
    for way in &ways {
        run(way.command(here).arg("--no-run"))?;
    }
    let mut times = vec![Vec::new(); ways.len()];
    for round in 0..rounds {
        for turn in 0..ways.len() {
            let way = (turn + round) % ways.len();
            let start = Instant::now();
            let output = run(&mut ways[way].command(here))?;
            let time = start.elapsed().as_secs_f64();
            if !output.contains("7 passed") || output.contains(" finding") {
                return Err(format!("{}: not the run that is to be measured\n{output}", ways[way].name));
            }
            times[way].push(time);
        }
    }
    println!(
        "| a suite that starts 160 000 threads | seconds | ratio (least..greatest of {rounds} rounds) |"
    );
    println!("|---|---|---|");
    for (way, own) in ways.iter().zip(&times) {
        let ratios: Vec<f64> = own.iter().zip(&times[0]).map(|(own, base)| own / base).collect();
        let [low, middle, high] = spread(&ratios);
        println!("| {} | {:.2} | {middle:.2} ({low:.2}..{high:.2}) |", way.name, spread(own)[1]);
    }
    Ok(())
}

impl Way {
    fn command(&self, here: &Path) -> Command {
        let mut command = Command::new(&self.program);
        let target = if self.args.contains(&"audit") { "target/with-line" } else { "target/plain" };
        command.current_dir(here.join("suite")).args(self.args).args(["--release", "--test", "threads"]);
        command.env("CARGO_TARGET_DIR", here.join(target)).env("GITHUB_ACTIONS", "false");
        command
    }
}

/// Both streams of a command that must succeed.
fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let text =
        [output.stdout, output.stderr].map(|stream| String::from_utf8_lossy(&stream).into_owned()).concat();
    if output.status.success() { Ok(text) } else { Err(format!("{command:?}: {}\n{text}", output.status)) }
}

/// The least, the median and the greatest.
fn spread(values: &[f64]) -> [f64; 3] {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    [sorted[0], sorted[sorted.len() / 2], sorted[sorted.len() - 1]]
}
