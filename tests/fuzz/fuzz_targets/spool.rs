//! Any bytes as the input of `internals::spool::read_and_write`: from libFuzzer, or from the files that are named.
#![cfg_attr(feature = "libfuzzer", no_main)]

use panic_agent::internals::spool;

#[cfg(feature = "libfuzzer")]
libfuzzer_sys::fuzz_target!(|input: &[u8]| spool::read_and_write(input));

#[cfg(not(feature = "libfuzzer"))]
fn main() -> std::io::Result<()> {
    for path in std::env::args_os().skip(1) {
        spool::read_and_write(&std::fs::read(path)?);
    }
    Ok(())
}
