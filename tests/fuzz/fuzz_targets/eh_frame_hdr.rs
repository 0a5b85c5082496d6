//! Any bytes as the input of `internals::tables::eh_frame_hdr`: from libFuzzer, or from the files that are named.
#![cfg_attr(fuzzing, no_main)]

use panic_agent::internals::tables;

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|input: &[u8]| tables::eh_frame_hdr(input));

#[cfg(not(fuzzing))]
fn main() -> std::io::Result<()> {
    for path in std::env::args_os().skip(1) {
        tables::eh_frame_hdr(&std::fs::read(path)?);
    }
    Ok(())
}
