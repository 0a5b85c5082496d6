//! Which partition a record goes to.

use crate::facts::Facts;
use crate::record::Record;

/// The fingerprint of the incident's root, else that of the panic, else the process instance.
pub(super) fn key(record: &Record) -> String {
    let root = record.root.as_ref().map(|root| root.fingerprint.clone());
    let own = || Facts::of(record)?.fingerprint.as_deref().map(str::to_owned);
    root.or_else(own).unwrap_or_else(|| record.id.clone())
}

/// The same partition for the same key, as clients for Java choose it.
pub(super) fn of_key(key: &[u8], partitions: &[i32]) -> i32 {
    let hash = (murmur2(key) & 0x7fff_ffff) as usize;
    let index = hash.checked_rem(partitions.len()).unwrap_or(0);
    partitions.get(index).copied().unwrap_or(0)
}

/// MurmurHash2 with the seed of Kafka.
fn murmur2(bytes: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c ^ bytes.len() as u32;
    let (words, rest) = bytes.as_chunks::<4>();
    for word in words {
        let word = u32::from_le_bytes(*word).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ (word ^ (word >> 24)).wrapping_mul(M);
    }
    if !rest.is_empty() {
        for (index, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * index);
        }
        hash = hash.wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_client_for_java() {
        // From the tests of Apache Kafka, `UtilsTest.testMurmur2`.
        for (text, hash) in [
            ("21", -973_932_308_i32),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ] {
            assert_eq!(murmur2(text.as_bytes()) as i32, hash, "{text}");
        }
        assert_eq!((of_key(b"foobar", &[4]), of_key(b"foobar", &[])), (4, 0));
        let partitions = [0, 1, 2];
        assert_eq!(of_key(b"21", &partitions), ((-973_932_308_i32 & 0x7fff_ffff) % 3));
    }
}
