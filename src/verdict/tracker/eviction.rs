//! Keeps the number of lives within its bound.
//!
//! Runs on: the writer thread. Must not: forget a life that may still change while one that is settled is old.

use super::{Kept, Lives};

/// Lives that are kept, so that later panics can be linked to them. About 1 KiB each.
pub(super) const KEPT: usize = 4096;
/// A settled life this much older than the newest makes room; a younger one stays, because what speaks of it
/// may be on its way.
const OLD: u64 = KEPT as u64 / 2;

impl Lives {
    /// The life of a panic; begins it if this is the first that is heard of it.
    pub(super) fn keep(&mut self, sequence: u64) -> &mut Kept {
        let new = || Kept { incident: sequence, ..Kept::default() };
        self.kept.entry(sequence).or_insert_with(|| Box::new(new()))
    }

    /// Forgets one life if a new one would be one too many: the oldest that is settled, else the oldest.
    pub(super) fn make_room_for(&mut self, sequence: u64) -> Option<u64> {
        if self.kept.len() < KEPT || self.kept.contains_key(&sequence) {
            return None;
        }
        let old = |settled: &u64| settled.saturating_add(OLD) <= sequence;
        let victim =
            self.settled.first().copied().filter(old).or_else(|| self.kept.keys().next().copied())?;
        self.forgotten_up_to = self.forgotten_up_to.max(victim);
        self.let_go(victim);
        self.settled.remove(&victim);
        if let Some(kept) = self.kept.remove(&victim) {
            self.by_serial.remove(&kept.serial);
            self.close_on(kept.tid, victim);
            if self.dying.get(&kept.tid) == Some(&victim) {
                self.dying.remove(&kept.tid);
            }
        }
        Some(victim)
    }
}
