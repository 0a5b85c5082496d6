//! Any bytes as the input of `internals::lines::read`: from libFuzzer, or from the files that are named.
#![cfg_attr(fuzzing, no_main)]

use panic_agent::internals::lines;

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|input: &[u8]| lines::read(input));

#[cfg(not(fuzzing))]
fn main() -> std::io::Result<()> {
    for path in std::env::args_os().skip(1) {
        lines::read(&std::fs::read(path)?);
    }
    Ok(())
}
