//! Runs each target over its seeds and over copies of them with changed, cut and doubled bytes.

use std::fs;
use std::path::Path;

use panic_agent::internals::{lines, spool, tables};

const COPIES: u32 = 20_000;
/// Bytes of a changed copy at most.
const LONGEST: usize = 32 * 1024;

/// A small generator of reproducible changes (xorshift).
struct Changes(u64);

impl Changes {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            match self.below(4) {
                0 if !bytes.is_empty() => bytes[at] = self.below(256) as u8,
                1 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
                2 => bytes.truncate(at),
                _ => bytes.extend_from_within(at.min(bytes.len())..),
            }
        }
        bytes.truncate(LONGEST);
    }
}

fn run(name: &str, copies: u32, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(name);
    let mut changes = Changes(0x2545_f491_4f6c_dd1d);
    let mut seeds = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let seed = fs::read(entry.unwrap().path()).unwrap();
        target(&seed);
        seeds += 1;
        for _ in 0..copies {
            let mut bytes = seed.clone();
            changes.change(&mut bytes);
            target(&bytes);
        }
    }
    assert!(seeds > 0, "no seeds of {name}");
}

#[test]
fn eh_frame_hdr_returns_for_any_bytes() {
    run("eh_frame_hdr", COPIES, tables::eh_frame_hdr);
}

#[test]
fn eh_frame_returns_for_any_bytes() {
    run("eh_frame", COPIES, tables::eh_frame);
}

#[test]
fn lsda_returns_for_any_bytes() {
    run("lsda", COPIES, tables::lsda);
}

#[test]
fn lines_returns_for_any_bytes() {
    run("lines", COPIES / 20, lines::read);
}

#[test]
fn spool_returns_for_any_bytes() {
    // Each one is expanded to a whole file.
    let asked = std::env::var("FUZZ_COPIES").ok().and_then(|copies| copies.parse().ok());
    run("spool", asked.unwrap_or(COPIES / 10), spool::read_and_write);
}
