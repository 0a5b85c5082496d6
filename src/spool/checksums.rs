//! The checksums of a spool: of its header, of the facts, of the position in the log.
//!
//! Runs on: the thread that makes a spool, the writer thread, recoveries. Must not: be changed without a new version of the
//! format, `docs/spool-format.md`.

use crate::channel::layout::fixed;
use crate::record::Checksum;

/// Where the log ended before the last batch of lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogPosition {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) offset: u64,
    /// Nanoseconds since the Unix epoch.
    pub(crate) noted_ns: u64,
}

/// The checksum of a fixed header.
pub(crate) fn header_checksum(bytes: &[u8]) -> u64 {
    let mut sum = Checksum::new(0);
    sum.bytes(bytes.get(..fixed::COVERED).unwrap_or_default());
    sum.finish()
}

/// The checksum of a copy of the facts.
pub(crate) fn facts_checksum(generation: u64, text: &[u8]) -> u64 {
    let mut sum = Checksum::new(generation);
    sum.bytes(text);
    sum.finish()
}

/// The checksum of a log position.
pub(crate) fn log_checksum(generation: u64, position: LogPosition) -> u64 {
    let LogPosition { device, inode, offset, noted_ns } = position;
    let mut sum = Checksum::new(generation);
    [device, inode, offset, noted_ns].iter().for_each(|word| sum.bytes(&word.to_ne_bytes()));
    sum.finish()
}
