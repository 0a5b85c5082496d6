//! `panic-agent top`: the table of `stats`, drawn again and again.
//!
//! Runs on: the main thread. Must not: draw on what is no terminal.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use clap::Args;

use super::{StatsArgs, question, select, show};
use crate::Outcome;
use crate::failure::Failure;
use crate::screen::{Screen, rows};
use crate::story::Input;
use crate::time;

/// Lines of the table that are no groups.
const FRAME: usize = 8;

/// Arguments of `top`.
#[derive(Args, Debug)]
pub(crate) struct TopArgs {
    /// Draw again after so many seconds
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    interval: Duration,
    #[command(flatten)]
    stats: StatsArgs,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| (0.1..=86_400.0).contains(seconds));
    seconds
        .map(Duration::from_secs_f64)
        .ok_or_else(|| "expected a number of seconds from 0.1 to 86400".to_owned())
}

pub(crate) fn top(args: &TopArgs) -> Outcome {
    let stats = &args.stats;
    if !io::stdout().is_terminal() {
        return Err(Failure::new("`top` draws on a terminal; use `panic-agent stats` for a file or a pipe"));
    }
    let inputs = stats.input.inputs_to_come()?;
    if inputs.contains(&Input::Stdin) {
        return Err(Failure::new(
            "`top` reads its files again and again, which standard input cannot; name files",
        ));
    }
    let clock = time::Clock::new(stats.utc);
    loop {
        let there = stats.input.inputs_to_come()?.into_iter().filter_map(that_is_there).collect();
        let tally = super::read::read(there, &question(stats))?;
        let groups = select(stats, &tally);
        let mut screen = Screen::open(&stats.screen, false);
        let room = rows().map_or(usize::MAX, |rows| rows.saturating_sub(FRAME).max(1));
        let most = if stats.top == 0 { usize::MAX } else { stats.top }.min(room);
        let table = show::table(&stats.by, &groups, &tally, most, &clock, screen.width());
        if !screen.draw(&fitting(&table))? {
            return Ok(0);
        }
        std::thread::sleep(args.interval);
    }
}

/// The files of an input that are there by now.
fn that_is_there(input: Input) -> Option<Input> {
    let Input::Files(parts) = input else { return Some(input) };
    let parts: Vec<_> = parts.into_iter().filter(|part| part.exists()).collect();
    (!parts.is_empty()).then_some(Input::Files(parts))
}

/// As much of the table as the terminal has lines for, and its last line.
fn fitting(table: &str) -> String {
    let lines: Vec<&str> = table.lines().collect();
    let room = rows().map_or(usize::MAX, |rows| rows.saturating_sub(1).max(2));
    let (last, first) = lines.split_last().unwrap_or((&"", &[]));
    let shown = first.iter().take(room.saturating_sub(1)).chain([last]);
    shown.map(|line| format!("{line}\n")).collect()
}
