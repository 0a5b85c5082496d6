//! A bounded map that keeps what was used lately.
//!
//! Runs on: the writer thread. Must not: grow beyond its bound.

use std::collections::HashMap;
use std::hash::Hash;

/// Two generations: when the young one is full the old one is dropped and the young one becomes old. An
/// entry that is used moves to the young generation, so what is used in every round is never lost.
pub(crate) struct Recent<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    /// Entries per generation.
    bound: usize,
}

impl<K: Hash + Eq + Copy, V: Clone> Recent<K, V> {
    /// Holds at most `bound` entries, rounded up to an even number.
    pub(crate) fn new(bound: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), bound: bound.div_ceil(2).max(1) }
    }

    /// The value of a key, if it is still there.
    pub(crate) fn get(&mut self, key: K) -> Option<V> {
        if let Some(value) = self.young.get(&key) {
            return Some(value.clone());
        }
        let value = self.old.remove(&key)?;
        self.insert(key, value.clone());
        Some(value)
    }

    /// Adds or replaces a value.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        if self.young.len() >= self.bound && !self.young.contains_key(&key) {
            self.old = core::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_holds_and_what_is_used_stays() {
        let mut recent = Recent::new(8);
        recent.insert(0, 0);
        for key in 1..100 {
            recent.insert(key, key);
            assert_eq!(recent.get(0), Some(0), "used in every round");
            assert!(recent.young.len() + recent.old.len() <= 8);
        }
        assert_eq!(recent.get(1), None);
        recent.clear();
        assert_eq!(recent.get(0), None);
    }
}
