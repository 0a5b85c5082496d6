//! What a panic costs with panic-agent, and with other hooks, on this machine.
//!
//! `cargo run --release --manifest-path tests/bench/Cargo.toml [ROUNDS]` prints every table, and with `storm [ROUNDS]`
//! only storms, but with every way to go through one. Each figure
//! comes from child processes of its own (a hook is global), rounds are interleaved so that a noisy
//! minute hits every subject alike, and ratios are formed within a round before the median is taken.

mod measure;
mod subject;
mod table;
mod workload;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("child") => {
            let arguments: Vec<String> = arguments.collect();
            match measure::child(&arguments) {
                Ok(()) => ExitCode::SUCCESS,
                Err(problem) => fail(&problem),
            }
        }
        Some("storm") => match arguments.next().as_deref().unwrap_or("3").parse() {
            Ok(rounds) if rounds > 0 => match table::print_storms(rounds) {
                Ok(()) => ExitCode::SUCCESS,
                Err(problem) => fail(&problem),
            },
            _ => fail("the number of rounds must be a number from 1; example: panic-bench storm 3"),
        },
        rounds => match rounds.unwrap_or("7").parse() {
            Ok(rounds) if rounds > 0 => match table::print_all(rounds) {
                Ok(()) => ExitCode::SUCCESS,
                Err(problem) => fail(&problem),
            },
            _ => fail("the number of rounds must be a number from 1; example: panic-bench 7"),
        },
    }
}

fn fail(problem: &str) -> ExitCode {
    eprintln!("panic-bench: {problem}");
    ExitCode::FAILURE
}
