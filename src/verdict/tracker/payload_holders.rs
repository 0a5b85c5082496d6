//! Which thread holds which payload, and which panics are under way on which thread.
//!
//! Runs on: the writer thread. Must not: claim that a thread dropped what it never held.

use std::collections::HashMap;

use super::{Lives, Saw};
use crate::record::Fate;
use crate::verdict::life::{DroppedBy, LifeEvent};

impl Lives {
    /// The thread `tid` holds the payload from now on.
    pub(super) fn hold(&mut self, tid: u32, sequence: u64) {
        self.let_go(sequence);
        if let Some(kept) = self.kept.get_mut(&sequence) {
            kept.holder = tid;
            self.hands.entry(tid).or_default().push(sequence);
        }
    }

    /// Nobody holds the payload any more.
    pub(super) fn let_go(&mut self, sequence: u64) {
        let holder = self.kept.get_mut(&sequence).map_or(0, |kept| core::mem::take(&mut kept.holder));
        remove(&mut self.hands, holder, sequence);
    }

    /// A panic is under way on a thread.
    pub(super) fn open_on(&mut self, tid: u32, sequence: u64) {
        let open = self.open.entry(tid).or_default();
        if !open.contains(&sequence) {
            open.push(sequence);
        }
    }

    /// A thread panics anew: what it panicked with before is over, unless the new panic is nested in it, or the probes say
    /// that it is under way.
    pub(super) fn went_on(&mut self, tid: u32, nested_in: u64) {
        let open = self.open_before(tid, u64::MAX);
        for sequence in open.into_iter().filter(|sequence| *sequence > nested_in) {
            self.apply(sequence, LifeEvent::ThreadWentOn);
            if !self.is_under_way(sequence) {
                self.close_on(tid, sequence);
            }
        }
    }

    /// The stack of a thread shows that of the panics before `sequence` it unwinds `innermost` and what that is nested in, and
    /// no other.
    pub(super) fn left_behind(&mut self, tid: u32, sequence: u64, innermost: u64) {
        let around = self.around(innermost);
        let open = self.open_before(tid, sequence);
        for earlier in open.into_iter().filter(|earlier| !around.contains(earlier)) {
            self.apply(earlier, LifeEvent::LeftBehind);
        }
    }

    /// Panics that a thread unwinds, as far as the probes can tell, outermost first.
    pub(super) fn under_way_on(&self, tid: u32) -> Vec<u64> {
        let open = self.open_before(tid, u64::MAX).into_iter();
        open.filter(|sequence| self.is_under_way(*sequence)).collect()
    }

    pub(super) fn is_under_way(&self, sequence: u64) -> bool {
        self.kept.get(&sequence).is_some_and(|kept| kept.life.is_under_way())
    }

    /// Panics before `sequence` that were raised on a thread whose end has not been seen, outermost first.
    pub(super) fn open_before(&self, tid: u32, sequence: u64) -> Vec<u64> {
        let open = self.open.get(&tid).map(Vec::as_slice).unwrap_or_default();
        open.iter().copied().filter(|earlier| *earlier < sequence).collect()
    }

    /// A panic is over on a thread.
    pub(super) fn close_on(&mut self, tid: u32, sequence: u64) {
        remove(&mut self.open, tid, sequence);
    }

    /// Who dropped a payload, from what threads did before: the same in every build.
    pub(crate) fn dropped_by_whom(&self, sequence: u64, tid: u32) -> DroppedBy {
        self.dropper(sequence, tid).map_or(DroppedBy::Unknown, Saw::dropped_by)
    }

    /// The same as what is seen of it; `None` where that does not tell.
    pub(super) fn dropper(&self, sequence: u64, tid: u32) -> Option<Saw> {
        let kept = self.kept.get(&sequence)?;
        match kept.life.outcome().fate {
            // Somebody joined the thread and was given the payload, wherever it went from there; or the root of the dying
            // thread drops what nobody can join any more.
            Fate::ThreadDied if kept.given => Some(Saw::DroppedGiven),
            Fate::ThreadDied if kept.tid == tid => Some(Saw::DroppedByRoot),
            // Dropping a handle detaches first and drops the result then.
            Fate::ThreadDied if self.last_detached.get(&tid) == Some(&sequence) => {
                Some(Saw::DroppedWithHandle)
            }
            Fate::MainDied => Some(Saw::DroppedByMain),
            _ => None,
        }
    }
}

fn remove(lists: &mut HashMap<u32, Vec<u64>>, tid: u32, sequence: u64) {
    if let Some(list) = lists.get_mut(&tid) {
        list.retain(|other| *other != sequence);
        if list.is_empty() {
            lists.remove(&tid);
        }
    }
}
