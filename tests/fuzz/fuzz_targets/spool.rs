//! Any bytes as the input of `internals::spool::read_and_write`: from libFuzzer, or from the files that are named.
#![cfg_attr(fuzzing, no_main)]

use panic_agent::internals::spool;

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|input: &[u8]| spool::read_and_write(input));

#[cfg(not(fuzzing))]
fn main() -> std::io::Result<()> {
    for path in std::env::args_os().skip(1) {
        spool::read_and_write(&std::fs::read(path)?);
    }
    Ok(())
}
