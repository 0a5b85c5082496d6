//! FNV-1a, 64 bits: fixed for ever, unlike the hashers of std.
//!
//! Runs on: every thread. Must not: allocate, panic.
//! Source: draft-eastlake-fnv, section 2.

const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// The hash of the bytes so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fnv(u64);

impl Fnv {
    /// Of no bytes.
    pub(crate) const fn new() -> Self {
        Self(OFFSET_BASIS)
    }

    /// Adds bytes.
    pub(crate) fn add(&mut self, bytes: impl IntoIterator<Item = u8>) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(PRIME);
        }
    }

    /// The hash.
    pub(crate) const fn get(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_the_draft_come_out() {
        for (text, hash) in
            [("", OFFSET_BASIS), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)]
        {
            let mut fnv = Fnv::new();
            fnv.add(text.bytes());
            assert_eq!(fnv.get(), hash, "{text}");
        }
    }
}
