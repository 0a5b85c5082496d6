//! Remembers the facts of return addresses, so that a warm frame costs one probe.
//!
//! An insert-only hash table of atomics: a key is claimed once by compare-and-swap and never changes; its
//! value is published after it. Two threads that compute the same facts compute the same word, so it does
//! not matter who stores it. A new snapshot of the images begins with an empty table.
//!
//! Runs on: panicking threads. Must not: allocate after `new`, wait, panic.

use core::sync::atomic::{AtomicU64, Ordering};

use super::FrameFacts;

/// Addresses that are remembered, 16 bytes each. Panicking stacks of a large program share most of their
/// frames; when the table is full, facts are simply computed again.
const ENTRIES: usize = 8192;
const _: () = assert!(ENTRIES.is_power_of_two());

/// Neighbours that are tried.
const PROBES: usize = 8;

#[derive(Debug, Default)]
struct Entry {
    /// 0 while the entry is free.
    address: AtomicU64,
    /// A packed [`FrameFacts`]; 0 until it is stored.
    facts: AtomicU64,
}

/// Facts by lookup address (return address minus one).
#[derive(Debug)]
pub(crate) struct FactTable {
    entries: Box<[Entry]>,
}

impl FactTable {
    pub(crate) fn new() -> Self {
        Self { entries: core::iter::repeat_with(Entry::default).take(ENTRIES).collect() }
    }

    /// What is remembered about an address.
    ///
    /// # Cost
    /// No allocation; at most [`PROBES`] loads of neighbouring entries, mostly one.
    #[inline]
    pub(crate) fn find(&self, address: u64) -> Option<FrameFacts> {
        for entry in self.probe(address) {
            // Relaxed: the key says only whose value this is; the value is complete in itself.
            match entry.address.load(Ordering::Relaxed) {
                0 => return None,
                key if key == address => {
                    return match entry.facts.load(Ordering::Relaxed) {
                        0 => None,
                        word => Some(FrameFacts::unpack(word)),
                    };
                }
                _ => {}
            }
        }
        None
    }

    /// Remembers facts if there is room.
    pub(crate) fn insert(&self, address: u64, facts: FrameFacts) {
        let Some(word) = facts.pack() else { return };
        for entry in self.probe(address) {
            // Relaxed: see `find`.
            match entry.address.compare_exchange(0, address, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return entry.facts.store(word, Ordering::Relaxed),
                Err(key) if key == address => return entry.facts.store(word, Ordering::Relaxed),
                Err(_) => {}
            }
        }
    }

    #[inline]
    fn probe(&self, address: u64) -> impl Iterator<Item = &Entry> {
        // Fibonacci hashing: the upper bits of the product mix all bits of the address.
        let hash = address.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let start = usize::try_from(hash).unwrap_or(0);
        (0..PROBES).filter_map(move |step| self.entries.get(start.wrapping_add(step) & (ENTRIES - 1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Way;
    use crate::record::EhAction;

    fn facts(action: EhAction) -> FrameFacts {
        FrameFacts { action, way: Way::Bottom }
    }

    #[test]
    fn what_was_inserted_is_found_and_nothing_else() {
        let table = FactTable::new();
        table.insert(0x1000, facts(EhAction::Catch));
        assert_eq!(table.find(0x1000), Some(facts(EhAction::Catch)));
        assert_eq!(table.find(0x1001), None);
    }

    #[test]
    fn a_full_table_keeps_what_it_has_and_invents_nothing() {
        let table = FactTable::new();
        let addresses = || (1..=3 * ENTRIES as u64).map(|index| index * 7);
        for address in addresses() {
            let action = if address % 2 == 0 { EhAction::Catch } else { EhAction::None };
            table.insert(address, facts(action));
        }
        let mut found = 0;
        for address in addresses() {
            if let Some(seen) = table.find(address) {
                let action = if address % 2 == 0 { EhAction::Catch } else { EhAction::None };
                assert_eq!(seen, facts(action));
                found += 1;
            }
        }
        assert!(found > ENTRIES / 2 && found <= ENTRIES, "{found}");
    }

    #[test]
    fn threads_that_insert_at_once_agree() {
        let table = FactTable::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for address in 1..2000_u64 {
                        table.insert(address, facts(EhAction::from_u8((address % 5) as u8)));
                        if let Some(seen) = table.find(address) {
                            assert_eq!(seen.action, EhAction::from_u8((address % 5) as u8));
                        }
                    }
                });
            }
        });
    }
}
