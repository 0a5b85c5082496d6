//! Tables of what the agent costs while nothing panics, when one panic happens, and right after the start.

use std::time::Instant;

use crate::measure::run;
use crate::table::{Spread, spreads};

/// Programs, the first of which is the baseline.
const STARTED: [&str; 4] = ["empty hook", "panic-agent", "panic-agent, file", "panic-agent, eager"];

/// What a start costs, and what goes on afterwards.
pub fn print_start(rounds: usize) -> Result<(), String> {
    println!("\nA start, and half a second of quiet after it:");
    println!(
        "{:<22} {:>9} {:>10} {:>8} {:>9} {:>8} {:>9}",
        "hook", "call us", "caller us", "all us", "KiB", "threads", "switches"
    );
    let runs = in_turns(&STARTED, rounds, |name| run(&["start", name]))?;
    for (name, columns) in STARTED.iter().zip(runs) {
        let [call, caller, all, grown, threads, switches] = columns[..] else { return Err(name.to_string()) };
        println!(
            "{name:<22} {:>9.0} {:>10.0} {:>8.0} {:>9.0} {:>8.0} {:>9.0}",
            call.median / 1e3,
            caller.median / 1e3,
            all.median / 1e3,
            grown.median,
            threads.median,
            switches.median
        );
    }
    println!("\nA program that installs a hook and ends, from outside:");
    let runs = in_turns(&STARTED, rounds.max(20), |name| {
        let begin = Instant::now();
        run(&["nothing", name])?;
        Ok(vec![begin.elapsed().as_nanos() as f64])
    })?;
    let baseline = runs[0][0].median;
    for (name, columns) in STARTED.iter().zip(runs) {
        let life = columns[0];
        println!(
            "{name:<22} {:>8.2} ms ({:.2}-{:.2}), {:+.2} ms",
            life.median / 1e6,
            life.low / 1e6,
            life.high / 1e6,
            (life.median - baseline) / 1e6
        );
    }
    Ok(())
}

/// The first panic of a program, and a storm right after the start.
pub fn print_first(rounds: usize) -> Result<(), String> {
    println!("\nThe first panic of a program, 20 frames:");
    let runs = in_turns(&STARTED, rounds, |name| run(&["line", name, "20"]))?;
    let baseline = runs[0][0].median;
    for (name, columns) in STARTED.iter().zip(runs) {
        let [panic, line, grown] = columns[..] else { return Err(name.to_string()) };
        println!(
            "{name:<22} {:>8.1} us, {:.2} x; its line after {:.1} ms ({:.1}-{:.1}); +{:.0} KiB",
            panic.median / 1e3,
            panic.median / baseline,
            line.median / 1e6,
            line.low / 1e6,
            line.high / 1e6,
            grown.median
        );
    }
    println!("\nFour threads that panic every 2 ms for 0.2 s, right after the start:");
    for name in &STARTED[1..] {
        let mut totals = [0.0; 3];
        for _ in 0..rounds {
            let numbers = run(&["burst", name])?;
            totals.iter_mut().zip(&numbers).for_each(|(total, number)| *total += number);
        }
        let [panics, written, lost] = totals;
        println!("{name:<22} {panics:.0} panics, {written:.0} written, {lost:.0} lost");
    }
    Ok(())
}

/// Processor time of the whole process in a long storm of one stack.
pub fn print_processors(rounds: usize) -> Result<(), String> {
    let subjects = [
        "empty hook",
        "panic-agent",
        "panic-agent, no probes",
        "panic-agent, file",
        "panic-agent, stacks once",
    ];
    println!("\nProcessor time of the whole process for a panic of a long storm of one stack, 20 frames:");
    let mut ratios = vec![Vec::new(); subjects.len()];
    let (mut medians, mut bytes) = (ratios.clone(), ratios.clone());
    for _ in 0..rounds {
        let mut baseline = f64::NAN;
        for (index, name) in subjects.iter().enumerate() {
            let numbers = run(&["processors", name, "20"])?;
            if index == 0 {
                baseline = numbers[0];
            }
            ratios[index].push(numbers[0] / baseline);
            medians[index].push(numbers[0]);
            bytes[index].push(numbers[2]);
        }
    }
    for (name, ((ratios, medians), bytes)) in subjects.iter().zip(ratios.into_iter().zip(medians).zip(bytes))
    {
        let (ratio, middle, bytes) = (Spread::of(ratios), Spread::of(medians), Spread::of(bytes));
        println!(
            "{name:<28} {:>8.2} us {:>8.2} x ({:.2}-{:.2}) {:>8.0} bytes in the file",
            middle.median / 1e3,
            ratio.median,
            ratio.low,
            ratio.high,
            bytes.median
        );
    }
    Ok(())
}

/// Each number that a measurement gives, for every subject, in interleaved rounds.
fn in_turns(
    subjects: &[&str],
    rounds: usize,
    measure: impl Fn(&str) -> Result<Vec<f64>, String>,
) -> Result<Vec<Vec<Spread>>, String> {
    let mut runs: Vec<Vec<Vec<f64>>> = vec![Vec::new(); subjects.len()];
    for _ in 0..rounds {
        for (name, runs) in subjects.iter().zip(&mut runs) {
            runs.push(measure(name)?);
        }
    }
    Ok(runs.into_iter().map(spreads).collect())
}
