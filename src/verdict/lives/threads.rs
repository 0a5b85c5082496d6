//! What the probes told of threads: who started whom, and who joined or let go of whom.
//!
//! Runs on: the writer thread. Must not: grow without bound; ended threads are forgotten, oldest first.

use std::collections::{HashMap, VecDeque};

/// Ended threads that are remembered, for panics whose events come late.
const ENDED: usize = 4096;

/// A thread that the probes saw start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Thread {
    /// OS thread id.
    pub(crate) tid: u32,
    /// Number of its parent, 0 when not known.
    pub(crate) parent: u64,
    /// OS thread id of its parent.
    pub(crate) parent_tid: u32,
}

/// Threads by the probes' numbers.
#[derive(Debug, Default)]
pub(crate) struct Threads {
    known: HashMap<u64, Thread>,
    ended: VecDeque<u64>,
}

impl Threads {
    /// A thread began.
    pub(crate) fn started(&mut self, number: u64, thread: Thread) {
        self.known.insert(number, thread);
    }

    /// A thread ended; it stays known for a while.
    pub(crate) fn ended(&mut self, number: u64) {
        self.ended.push_back(number);
        if self.ended.len() > ENDED
            && let Some(oldest) = self.ended.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    /// Ancestors of a thread as OS thread ids, parent first. Bounded, whatever the numbers say.
    pub(crate) fn ancestors(&self, number: u64) -> Vec<u32> {
        let mut tids = Vec::new();
        let mut next = self.known.get(&number);
        while let Some(thread) = next.filter(|_| tids.len() < 32) {
            tids.push(thread.parent_tid);
            next = self.known.get(&thread.parent);
        }
        tids
    }

    /// Whether `parent_tid` started the thread.
    pub(crate) fn is_child(&self, number: u64, parent_tid: u32) -> bool {
        self.known.get(&number).is_some_and(|thread| thread.parent_tid == parent_tid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ancestors_are_listed_parent_first_and_the_memory_is_bounded() {
        let mut threads = Threads::default();
        threads.started(1, Thread { tid: 11, parent: 0, parent_tid: 10 });
        threads.started(2, Thread { tid: 12, parent: 1, parent_tid: 11 });
        assert_eq!(threads.ancestors(2), [11, 10]);
        assert!(threads.is_child(2, 11) && !threads.is_child(2, 10));
        for number in 3..10_000 {
            threads.started(number, Thread { tid: 1, parent: 0, parent_tid: 0 });
            threads.ended(number);
        }
        assert!(threads.known.len() <= ENDED + 2);
        threads.started(5, Thread { tid: 1, parent: 5, parent_tid: 1 });
        assert_eq!(threads.ancestors(5).len(), 32, "a thread that claims to be its own parent ends the walk");
    }
}
