//! Rounds, medians and tables.

use crate::measure::run;
use crate::quiet_table::{print_first, print_processors, print_start};
use crate::sizes::print_sizes;
use crate::subject::{STORMS, SUBJECTS};

const FRAMES: [&str; 3] = ["5", "20", "50"];
/// Frames of the program that make a stack of 36 or 37 frames here.
const FRAMES_OF_36: &str = "16";

/// Prints a table from a number of interleaved rounds.
pub type Print = fn(usize) -> Result<(), String>;

/// Every table: its name, what it says, and how it is made.
pub const TABLES: [(&str, &str, Print); 15] = [
    ("start", "what a start costs, and what goes on while nothing panics", print_start),
    ("first", "the first panic of a program, and a storm right after the start", print_first),
    ("processors", "processor time of the whole process in a long storm", print_processors),
    ("caught-5", "a caught panic through 5 frames", |rounds| caught("5", rounds)),
    ("caught-20", "the same through 20 frames", |rounds| caught("20", rounds)),
    ("caught-50", "the same through 50 frames", |rounds| caught("50", rounds)),
    ("rare", "panics after a pause, and first panics of threads", print_rare),
    ("threads", "spawning and joining a thread", print_threads),
    ("hook", "the agent's hook alone", print_hook),
    ("install", "installing the agent", print_install),
    ("writer", "reports that the writer makes of one stack", print_writer),
    ("reactions", "a caught panic that calls for no reaction", print_reactions),
    ("storm", "a storm with the defaults", print_storm),
    ("storms", "storms with every way to go through one", print_storms),
    ("sizes", "a start and a first panic with 0, 60 and 600 MB of debug information more", print_sizes),
];

/// Tables that are printed only when asked for: the last ones.
const ON_REQUEST: usize = 2;

/// Prints every table but the last two, from `rounds` interleaved rounds.
pub fn print_all(rounds: usize) -> Result<(), String> {
    TABLES[..TABLES.len() - ON_REQUEST].iter().try_for_each(|(_, _, print)| print(rounds))
}

fn caught(frames: &str, rounds: usize) -> Result<(), String> {
    println!("\nA caught panic through {frames} frames of the program, panics following each other:");
    costs("cost", &SUBJECTS, frames, rounds)
}

fn print_rare(rounds: usize) -> Result<(), String> {
    println!("\nA caught panic after 25 ms of quiet (writer asleep), 20 frames:");
    costs("idle", &SUBJECTS[..4], "20", rounds)?;
    println!("\nThe first panic of a new thread, 20 frames:");
    costs("first", &SUBJECTS[..4], "20", rounds)
}

fn print_reactions(rounds: usize) -> Result<(), String> {
    println!("\nA caught panic through 20 frames, with and without reactions that wait for others:");
    costs("cost", &["panic-agent", "panic-agent, reacting"], "20", rounds)
}

fn print_threads(rounds: usize) -> Result<(), String> {
    println!("\nA thread that does nothing, spawned and joined:");
    costs("threads", &SUBJECTS[..3], "20000", rounds)
}

fn print_hook(rounds: usize) -> Result<(), String> {
    println!("\nThe agent's hook alone, for one call:");
    for frames in FRAMES {
        let runs = repeat(rounds, &["hook", frames])?;
        let [middle, _, physical] = runs[..] else { return Err(format!("hook: {runs:?}")) };
        println!(
            "  {frames:>2} frames of the program, {:>2.0} in all: {:>6.0} ns ({:.0}-{:.0})",
            physical.median, middle.median, middle.low, middle.high
        );
    }
    Ok(())
}

fn print_install(rounds: usize) -> Result<(), String> {
    let init = repeat(rounds.max(20), &["init"])?;
    let [time] = init[..] else { return Err(format!("init: {init:?}")) };
    println!(
        "\ninstall with a null sink: {:.0} us ({:.0}-{:.0})",
        time.median / 1e3,
        time.low / 1e3,
        time.high / 1e3
    );
    Ok(())
}

fn print_writer(rounds: usize) -> Result<(), String> {
    println!("\nThe writer on one stack, again and again:");
    let mut runs: [Vec<Vec<f64>>; 3] = Default::default();
    for _ in 0..rounds {
        let null = run(&["writer", "null", FRAMES_OF_36])?;
        let &[.., bytes] = &null[..] else { return Err(format!("writer: {null:?}")) };
        runs[1].push(run(&["writer", "file", FRAMES_OF_36])?);
        runs[2].push(run(&["writes", &bytes.to_string()])?);
        runs[0].push(null);
    }
    let [null, file, bare] = runs.map(spreads);
    for (sink, runs) in [("null", &null), ("file", &file)] {
        let [rate, of_thread, ..] = runs[..] else { return Err(format!("writer: {runs:?}")) };
        println!(
            "  {sink} sink: {:.0} reports/s ({:.0}-{:.0}); {:.0} per second that the writer ran ({:.0}-{:.0})",
            rate.median, rate.low, rate.high, of_thread.median, of_thread.low, of_thread.high
        );
    }
    let (&[_, _, frames, bytes], &[rate]) = (&null[..], &bare[..]) else {
        return Err(format!("writer: {null:?} {bare:?}"));
    };
    println!("  each with {:.0} frames, {:.0} bytes", frames.median, bytes.median);
    println!(
        "  write(2) of as many bytes and nothing else: {:.0} lines/s ({:.0}-{:.0})",
        rate.median, rate.low, rate.high
    );
    Ok(())
}

fn print_storm(rounds: usize) -> Result<(), String> {
    ["1", "2"].into_iter().try_for_each(|threads| storm(STORMS[0], threads, rounds.min(5)))
}

/// Storms with every overflow policy, with folding and with a rotated file.
pub fn print_storms(rounds: usize) -> Result<(), String> {
    for subject in STORMS {
        for threads in ["1", "2"] {
            storm(subject, threads, rounds)?;
        }
    }
    Ok(())
}

/// The middle, least and greatest of some rounds.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    pub median: f64,
    pub low: f64,
    pub high: f64,
}

impl Spread {
    /// `values` must not be empty.
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self { median: values[values.len() / 2], low: values[0], high: values[values.len() - 1] }
    }
}

/// Each number that a child prints, over some rounds.
fn repeat(rounds: usize, arguments: &[&str]) -> Result<Vec<Spread>, String> {
    let runs: Result<Vec<_>, _> = (0..rounds).map(|_| run(arguments)).collect();
    Ok(spreads(runs?))
}

/// Each number of some runs.
pub fn spreads(runs: Vec<Vec<f64>>) -> Vec<Spread> {
    let mut columns: Vec<Vec<f64>> = Vec::new();
    for numbers in runs {
        columns.resize_with(numbers.len(), Vec::new);
        columns.iter_mut().zip(numbers).for_each(|(column, number)| column.push(number));
    }
    columns.into_iter().map(Spread::of).collect()
}

fn costs(kind: &str, subjects: &[&str], frames: &str, rounds: usize) -> Result<(), String> {
    let mut medians = vec![Vec::new(); subjects.len()];
    let mut tails = medians.clone();
    let mut ratios = medians.clone();
    let mut written = medians.clone();
    for _ in 0..rounds {
        let mut baseline = f64::NAN;
        for (index, subject) in subjects.iter().enumerate() {
            let numbers = run(&[kind, subject, frames])?;
            let &[middle, tail, share] = &numbers[..] else { return Err(format!("{kind}: {numbers:?}")) };
            if index == 0 {
                baseline = middle;
            }
            medians[index].push(middle);
            tails[index].push(tail);
            ratios[index].push(middle / baseline);
            written[index].push(share);
        }
    }
    println!("{:<28} {:>10} {:>9} {:>8}  (range)", "hook", "median us", "p99 us", "x empty");
    let columns = medians.into_iter().zip(tails).zip(ratios).zip(written);
    for (subject, (((medians, tails), ratios), written)) in subjects.iter().zip(columns) {
        let (ratio, written) = (Spread::of(ratios), Spread::of(written));
        let note = match kind {
            "cost" if subject.starts_with("panic-agent") => {
                format!("  {:.1} % whole reports, the rest counted as lost", written.median * 100.0)
            }
            _ => String::new(),
        };
        println!(
            "{subject:<28} {:>10.2} {:>9.2} {:>8.2}  ({:.2}-{:.2}){note}",
            Spread::of(medians).median / 1e3,
            Spread::of(tails).median / 1e3,
            ratio.median,
            ratio.low,
            ratio.high,
        );
    }
    Ok(())
}

fn storm(subject: &str, threads: &str, rounds: usize) -> Result<(), String> {
    println!("\nStorm with {subject}, 500 000 panics on each of {threads} thread(s), 20 frames:");
    let mut ratios = Vec::new();
    for _ in 0..rounds {
        let empty = run(&["storm", "empty hook", threads])?;
        let agent = run(&["storm", subject, threads])?;
        let (&[base, ..], &[rate, panics, accounted, written, growth, flushed]) = (&empty[..], &agent[..])
        else {
            return Err(format!("storm: {empty:?} {agent:?}"));
        };
        if panics != accounted || flushed != 1.0 {
            return Err(format!("storm: {panics} panics, {accounted} accounted for, drained: {flushed}"));
        }
        ratios.push(rate / base);
        println!(
            "  {rate:.0}/s with the agent, {base:.0}/s without: {:.2} x; {panics:.0} panics = {written:.0} \
             written + {:.0} counted as lost or folded; resident memory +{growth:.0} KiB",
            rate / base,
            panics - written
        );
    }
    let ratio = Spread::of(ratios);
    println!("  median {:.2} x ({:.2}-{:.2})", ratio.median, ratio.low, ratio.high);
    Ok(())
}
