//! Any bytes as the input of `internals::tables::eh_frame`: from libFuzzer, or from the files that are named.
#![cfg_attr(feature = "libfuzzer", no_main)]

use panic_agent::internals::tables;

#[cfg(feature = "libfuzzer")]
libfuzzer_sys::fuzz_target!(|input: &[u8]| tables::eh_frame(input));

#[cfg(not(feature = "libfuzzer"))]
fn main() -> std::io::Result<()> {
    for path in std::env::args_os().skip(1) {
        tables::eh_frame(&std::fs::read(path)?);
    }
    Ok(())
}
