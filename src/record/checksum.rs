//! A checksum that tells a whole record from a torn one. No protection against somebody who wants to deceive.
//!
//! Runs on: the panicking thread (once per record) and whoever reads a spool. Must not: allocate, panic; touch
//! bytes that the record does not use.

use super::{FixedText, RawRecord};

/// Odd constants with well-spread bits: the golden ratio and the square roots of 2, 3 and 5.
const MULTIPLIERS: [u64; LANES] =
    [0x9e37_79b9_7f4a_7c15, 0x6a09_e667_f3bc_c909, 0xbb67_ae85_84ca_a73b, 0x3c6e_f372_fe94_f82b];
/// Independent chains, so that the processor works on several words at once.
const LANES: usize = 4;

/// Collects words and bytes. The order counts, also across calls.
#[derive(Clone, Debug)]
pub(crate) struct Checksum([u64; LANES]);

impl Checksum {
    /// Begins with a number that stands for the place of what follows.
    pub(crate) const fn new(place: u64) -> Self {
        let [first, second, third, fourth] = MULTIPLIERS;
        Self([first ^ place, second, third, fourth])
    }

    /// Adds four words.
    fn four(&mut self, words: [u64; LANES]) {
        for ((lane, word), multiplier) in self.0.iter_mut().zip(words).zip(MULTIPLIERS) {
            *lane = (lane.rotate_left(29) ^ word).wrapping_mul(multiplier);
        }
    }

    /// Adds bytes and their number.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        let (whole, rest) = bytes.as_chunks::<{ LANES * 8 }>();
        for chunk in whole {
            self.four(words(chunk));
        }
        let mut last = [0; LANES * 8];
        if let Some(start) = last.get_mut(..rest.len()) {
            start.copy_from_slice(rest);
        }
        self.four(words(&last));
        self.four([bytes.len() as u64, 0, 0, 0]);
    }

    /// Adds addresses.
    fn addresses(&mut self, addresses: &[u64]) {
        let (whole, rest) = addresses.as_chunks::<LANES>();
        for &four in whole {
            self.four(four);
        }
        let mut last = [0; LANES];
        if let Some(start) = last.get_mut(..rest.len()) {
            start.copy_from_slice(rest);
        }
        self.four(last);
    }

    fn text<const N: usize>(&mut self, text: &FixedText<N>) {
        self.four([u64::from(text.total_len()), 0, 0, 0]);
        self.bytes(text.kept());
    }

    /// The sum of everything so far; never 0.
    pub(crate) fn finish(&self) -> u64 {
        let mut sum =
            self.0.iter().fold(0_u64, |sum, lane| (sum.rotate_left(23) ^ lane).wrapping_mul(MULTIPLIERS[0]));
        sum ^= sum >> 32;
        sum.max(1)
    }
}

fn words(bytes: &[u8; LANES * 8]) -> [u64; LANES] {
    let (chunks, _) = bytes.as_chunks::<8>();
    let mut words = [0; LANES];
    for (word, chunk) in words.iter_mut().zip(chunks) {
        *word = u64::from_le_bytes(*chunk);
    }
    words
}

impl RawRecord {
    /// The checksum of everything that the record uses, and of the place where it lies.
    ///
    /// # Cost
    /// About 0.1 ns per byte in use; no allocation.
    pub(crate) fn checksum(&self, place: u64) -> u64 {
        let pair = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
        let mut sum = Checksum::new(place);
        sum.four([self.sequence, self.wall_ns, self.mono_ns, self.std_thread_id]);
        sum.four([
            pair(self.pid, self.tid),
            pair(self.line, self.column),
            pair(self.flags, self.process_labels),
            pair(self.images, self.nested_in),
        ]);
        let walk = &self.walk;
        sum.four([
            walk.bytes_as_word([self.payload, self.detached]),
            pair(walk.len, walk.walked),
            pair(walk.stopper, walk.outermost_catch),
            u64::from(walk.search_start),
        ]);
        sum.text(&self.type_name);
        sum.text(&self.thread_name);
        sum.text(&self.file);
        sum.text(&self.message);
        sum.bytes(self.labels.as_bytes());
        sum.addresses(walk.landing());
        sum.addresses(walk.ips());
        sum.bytes(walk.actions());
        // Records with and without room for them have one sum when there are none.
        if !self.crumbs.as_bytes().is_empty() {
            sum.bytes(self.crumbs.as_bytes());
        }
        sum.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_in_use_and_the_place_count_and_stale_bytes_do_not() {
        let sample = || {
            let mut record = RawRecord::boxed();
            record.message.set("index out of bounds");
            record.labels.push("zone", "eu");
            record.walk.len = 3;
            record
        };
        let mut record = sample();
        let whole = record.checksum(7);
        assert_ne!(record.checksum(8), whole);
        let changes: [fn(&mut RawRecord); 8] = [
            |record| record.sequence = 1,
            |record| record.column = 1,
            |record| record.message.set("index out of bound"),
            |record| record.thread_name.set("a"),
            |record| assert!(record.labels.push("rack", "")),
            |record| record.walk.ips[2] = 1,
            |record| record.walk.actions[0] = 1,
            |record| record.walk.end = 1,
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let mut changed = sample();
            change(&mut changed);
            assert_ne!(changed.checksum(7), whole, "{number}");
        }
        record.walk.ips[3] = 1;
        assert_eq!(record.checksum(7), whole, "beyond the end of the walk");
    }

    #[test]
    fn the_border_between_two_texts_counts() {
        let of = |parts: [&[u8]; 2]| {
            let mut sum = Checksum::new(0);
            parts.iter().for_each(|part| sum.bytes(part));
            sum.finish()
        };
        assert_ne!(of([b"ab", b"c"]), of([b"a", b"bc"]));
        assert_ne!(of([b"a", b""]), of([b"", b"a"]));
        assert_ne!(of([b"\0", b""]), of([b"", b""]));
    }
}
