//! Which panics belong together: one that is raised while another unwinds is part of its incident.
//!
//! Runs on: the writer thread. Must not: grow beyond its bound.

use std::collections::VecDeque;

use crate::record::{PanicId, RawFlag, RawRecord};

/// Followers that are remembered: chains are short and their members follow each other at once.
const MAX_FOLLOWERS: usize = 256;

/// Incidents of recent panics that were not the first of theirs.
#[derive(Debug, Default)]
pub(crate) struct Chains {
    followers: VecDeque<(u64, PanicId)>,
}

impl Chains {
    /// The first panic of the chain that a record belongs to, and how the record is linked to it.
    pub(crate) fn link(&mut self, record: &RawRecord, id: PanicId) -> (PanicId, Option<String>) {
        let Some(outer) = outer_sequence(record) else { return (id, None) };
        let known = self.followers.iter().rev().find(|(sequence, _)| *sequence == outer);
        let first = known.map_or(PanicId::new(id.instance(), outer), |(_, first)| *first);
        if self.followers.len() == MAX_FOLLOWERS {
            self.followers.pop_front();
        }
        self.followers.push_back((record.sequence, first));
        let relation = if record.has_flag(RawFlag::CannotUnwind) {
            "cannot_unwind"
        } else if record.has_flag(RawFlag::InCleanup) {
            "in_cleanup"
        } else {
            "raised_while_unwinding"
        };
        (first, Some(relation.to_owned()))
    }
}

/// The full number of the panic that was unwinding; the record has its low 32 bits.
fn outer_sequence(record: &RawRecord) -> Option<u64> {
    if record.nested_in == 0 {
        return None;
    }
    let low = u64::from(record.nested_in);
    let high = record.sequence & !u64::from(u32::MAX);
    // The outer panic came first, so a larger number belongs to the round before.
    let outer = if high | low < record.sequence { high | low } else { (high | low).checked_sub(1 << 32)? };
    (outer < record.sequence).then_some(outer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::writer::samples::raw_record;

    #[test]
    fn a_chain_of_three_is_one_incident() {
        let mut chains = Chains::default();
        let mut record = raw_record();
        let mut link = |sequence: u64, nested_in: u32, flags: u32| {
            record.sequence = sequence;
            record.nested_in = nested_in;
            record.flags = flags;
            chains.link(&record, PanicId::new(1, sequence))
        };
        assert_eq!(link(5, 0, 0), (PanicId::new(1, 5), None));
        let nested = RawFlag::Nested as u32;
        assert_eq!(link(6, 5, nested), (PanicId::new(1, 5), Some("raised_while_unwinding".to_owned())));
        let third = link(7, 6, nested | RawFlag::InCleanup as u32);
        assert_eq!(third, (PanicId::new(1, 5), Some("in_cleanup".to_owned())));
        // The low 32 bits of the outer number, one round before.
        let wrapped = link((1 << 32) + 1, u32::MAX, nested);
        assert_eq!(wrapped.0, PanicId::new(1, u64::from(u32::MAX)));
        for sequence in 100..1000 {
            link(sequence, sequence as u32 - 1, nested);
        }
        assert_eq!(chains.followers.len(), MAX_FOLLOWERS);
    }
}
