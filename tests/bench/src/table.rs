//! Rounds, medians and tables.

use crate::measure::run;
use crate::subject::SUBJECTS;

const FRAMES: [&str; 3] = ["5", "20", "50"];

/// Prints every table, from `rounds` interleaved rounds.
pub fn print_all(rounds: usize) -> Result<(), String> {
    for frames in FRAMES {
        println!("\nA caught panic through {frames} frames of the program, panics following each other:");
        costs("cost", &SUBJECTS, frames, rounds)?;
    }
    println!("\nA caught panic after 25 ms of quiet (writer asleep), 20 frames:");
    costs("idle", &SUBJECTS[..3], "20", rounds.min(3))?;

    let mut inits = Vec::new();
    for _ in 0..rounds {
        inits.extend(run(&["init"])?);
    }
    println!("\ninit(): {:.0} us (median of {rounds} processes)", median(&mut inits) / 1e3);

    for threads in ["1", "2"] {
        storm(threads, rounds.min(3))?;
    }
    Ok(())
}

fn costs(kind: &str, subjects: &[&str], frames: &str, rounds: usize) -> Result<(), String> {
    let mut medians = vec![Vec::new(); subjects.len()];
    let mut tails = vec![Vec::new(); subjects.len()];
    let mut ratios = vec![Vec::new(); subjects.len()];
    for _ in 0..rounds {
        let mut baseline = f64::NAN;
        for (index, subject) in subjects.iter().enumerate() {
            let numbers = run(&[kind, subject, frames])?;
            let &[middle, tail] = &numbers[..] else { return Err(format!("{kind}: {numbers:?}")) };
            if index == 0 {
                baseline = middle;
            }
            medians[index].push(middle);
            tails[index].push(tail);
            ratios[index].push(middle / baseline);
        }
    }
    println!("{:<28} {:>12} {:>12} {:>18}", "hook", "median us", "p99 us", "x empty (range)");
    for (index, subject) in subjects.iter().enumerate() {
        let ratio = median(&mut ratios[index]);
        let (low, high) = (ratios[index][0], ratios[index][rounds - 1]);
        println!(
            "{subject:<28} {:>12.2} {:>12.2} {ratio:>7.2} ({low:.2}-{high:.2})",
            median(&mut medians[index]) / 1e3,
            median(&mut tails[index]) / 1e3,
        );
    }
    Ok(())
}

fn storm(threads: &str, rounds: usize) -> Result<(), String> {
    println!("\nStorm, 500 000 panics on each of {threads} thread(s), 20 frames:");
    let mut ratios = Vec::new();
    for _ in 0..rounds {
        let empty = run(&["storm", "empty hook", threads])?;
        let agent = run(&["storm", "panic-agent", threads])?;
        let (&[base, ..], &[rate, panics, accounted, growth, flushed]) = (&empty[..], &agent[..]) else {
            return Err(format!("storm: {empty:?} {agent:?}"));
        };
        ratios.push(rate / base);
        println!(
            "  {rate:.0}/s with the agent, {base:.0}/s without: {:.2} x; {panics:.0} panics, {accounted:.0} \
             written or counted as lost; resident memory +{growth:.0} KiB; drained: {}",
            rate / base,
            flushed == 1.0
        );
    }
    println!("  median {:.2} x", median(&mut ratios));
    Ok(())
}

/// Sorts, and returns the middle.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
