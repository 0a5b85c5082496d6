//! What a panic costs with panic-agent, and with other hooks, on this machine.
//!
//! `cargo run --release --manifest-path tests/bench/Cargo.toml [TABLE] [ROUNDS]` prints every table, or one of those
//! that `--help` lists. Each figure
//! comes from child processes of its own (a hook is global), rounds are interleaved so that a noisy
//! minute hits every subject alike, and ratios are formed within a round before the median is taken.

mod measure;
mod quiet;
mod quiet_table;
mod sizes;
mod subject;
mod table;
mod workload;

use std::process::ExitCode;

use table::TABLES;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments[..] {
        ["child", ref arguments @ ..] => measure::child(arguments),
        ["--help" | "-h"] => {
            println!("{}", help());
            Ok(())
        }
        [] => table::print_all(7),
        [one] => match (one.parse(), TABLES.iter().find(|table| table.0 == one)) {
            (Ok(rounds), _) if rounds > 0 => table::print_all(rounds),
            (_, Some(table)) => (table.2)(7),
            _ => Err(misunderstood(one)),
        },
        [name, rounds] => match (TABLES.iter().find(|table| table.0 == name), rounds.parse()) {
            (Some(table), Ok(rounds)) if rounds > 0 => (table.2)(rounds),
            (Some(_), _) => Err(misunderstood(rounds)),
            (None, _) => Err(misunderstood(name)),
        },
        [_, _, extra, ..] => Err(misunderstood(extra)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("panic-bench: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn misunderstood(word: &str) -> String {
    format!("`{word}` is neither a table nor a number of rounds from 1\n\n{}", help())
}

fn help() -> String {
    let tables: String = TABLES.iter().map(|(name, what, _)| format!("\n  {name:<11}{what}")).collect();
    format!(
        "panic-bench [TABLE] [ROUNDS]\n\nWithout a table: all but `storms` and `sizes`. ROUNDS is 7 unless given.\n{tables}"
    )
}
