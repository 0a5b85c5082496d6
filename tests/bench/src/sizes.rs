//! What the size of the debug information costs: the same start and the same first panic in builds of this bench to which more
//! and more of it was linked.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::measure::run_by;
use crate::table::spreads;

/// Megabytes that are linked to the bench, besides its own.
const MEGABYTES: [u32; 3] = [0, 60, 600];
const HOOKS: [&str; 2] = ["empty hook", "panic-agent"];

/// Builds the programs and measures them in interleaved rounds.
pub fn print_sizes(rounds: usize) -> Result<(), String> {
    let programs: Vec<PathBuf> = MEGABYTES.into_iter().map(built).collect::<Result<_, _>>()?;
    let mut runs = vec![Vec::new(); programs.len() * HOOKS.len()];
    for _ in 0..rounds {
        let subjects = programs.iter().flat_map(|program| HOOKS.map(|hook| (program, hook)));
        for ((program, hook), runs) in subjects.zip(&mut runs) {
            let mut numbers = run_by(program, &["start", hook])?;
            numbers.extend(run_by(program, &["line", hook, "20"])?);
            runs.push(numbers);
        }
    }
    println!("\nA start and the first panic, by the size of the debug information:");
    println!(
        "{:>9} {:<12} {:>10} {:>8} {:>10} {:>11} {:>10}",
        "MB", "hook", "call us", "KiB", "panic us", "line ms", "KiB then"
    );
    let mut runs = runs.into_iter();
    for program in &programs {
        let size = std::fs::metadata(program).map_err(|error| error.to_string())?.len() / 1_000_000;
        for (hook, runs) in HOOKS.iter().zip(&mut runs) {
            let columns: Vec<f64> = spreads(runs).iter().map(|spread| spread.median).collect();
            let [call, _, _, started, _, _, panic, line, grown] = columns[..] else {
                return Err(format!("{hook}: {columns:?}"));
            };
            let (call, panic, line) = (call / 1e3, panic / 1e3, line / 1e6);
            println!(
                "{size:>9} {hook:<12} {call:>10.0} {started:>8.0} {panic:>10.1} {line:>11.1} {grown:>10.0}"
            );
        }
    }
    Ok(())
}

/// This bench with so much more to read; in the directory of the build, under a name of its own.
fn built(megabytes: u32) -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let copy = own.with_file_name(format!("panic-bench-{megabytes}"));
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = manifest.join("target/sizes");
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "--target-dir"]).arg(&target).current_dir(manifest);
    if megabytes > 0 {
        cargo.env("PANIC_BENCH_BULK_MB", megabytes.to_string());
    }
    let status = cargo.status().map_err(|error| format!("cannot start cargo: {error}"))?;
    if !status.success() {
        return Err(format!("the bench with {megabytes} MB more cannot be built: {status}"));
    }
    let built = target.join("release").join(own.file_name().unwrap_or_default());
    std::fs::copy(&built, &copy).map_err(|error| format!("{}: {error}", built.display()))?;
    Ok(copy)
}
