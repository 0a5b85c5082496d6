//! Any bytes as the input of `internals::tables::lsda`: from libFuzzer, or from the files that are named.
#![cfg_attr(fuzzing, no_main)]

use panic_agent::internals::tables;

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|input: &[u8]| tables::lsda(input));

#[cfg(not(fuzzing))]
fn main() -> std::io::Result<()> {
    for path in std::env::args_os().skip(1) {
        tables::lsda(&std::fs::read(path)?);
    }
    Ok(())
}
