//! Which verdicts have changed since they were last said.
//!
//! Runs on: the writer thread. Must not: say a verdict twice.

use super::{Change, Lives};
use crate::verdict::life::Imbalance;

impl Lives {
    /// The verdict on one panic as it stands, which counts as said from now on.
    pub(crate) fn publish(&mut self, sequence: u64) -> Option<Change> {
        let change = self.change(sequence)?;
        self.kept.get_mut(&sequence)?.published = Some(change.clone());
        Some(change)
    }

    /// Whether the verdict on a panic can still change before the process ends.
    pub(crate) fn is_settled(&self, sequence: u64) -> bool {
        self.kept.get(&sequence).is_none_or(|kept| kept.life.is_settled())
    }

    /// Panics to which something happened since the last call and whose verdict differs from what was said,
    /// in order. [`publish`](Self::publish) says it.
    pub(crate) fn take_changed(&mut self) -> Vec<u64> {
        let mut changed = core::mem::take(&mut self.touched);
        for sequence in &changed {
            if let Some(kept) = self.kept.get_mut(sequence) {
                kept.touched = false;
            }
        }
        changed.retain(|sequence| self.differs(*sequence));
        changed.sort_unstable();
        changed
    }

    /// Whether the verdict on a panic whose record has arrived differs from what was said.
    pub(crate) fn differs(&self, sequence: u64) -> bool {
        self.kept
            .get(&sequence)
            .is_some_and(|kept| kept.raise.is_some() && self.change(sequence) != kept.published)
    }

    /// Lives that did not add up since the last call.
    pub(crate) fn take_imbalances(&mut self) -> Vec<(u64, Imbalance)> {
        std::mem::take(&mut self.imbalances)
    }

    pub(super) fn change(&self, sequence: u64) -> Option<Change> {
        let kept = self.kept.get(&sequence)?;
        let (incident, relation) = (kept.incident, kept.relation);
        Some(Change { sequence, incident, relation, outcome: kept.life.outcome() })
    }

    /// The verdict on a panic may have changed.
    pub(super) fn touch(&mut self, sequence: u64) {
        let Some(kept) = self.kept.get_mut(&sequence) else { return };
        if !core::mem::replace(&mut kept.touched, true) {
            self.touched.push(sequence);
        }
    }
}
