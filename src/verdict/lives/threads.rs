//! What the probes told of threads: who started whom, and who joined or let go of whom.
//!
//! Runs on: the writer thread. Must not: grow without bound; ended threads are forgotten, oldest first.

use std::collections::{HashMap, VecDeque};

/// Ended threads that are remembered, for panics whose events come late.
const ENDED: usize = 4096;

/// Ancestors that are followed.
const LONGEST_LINE: usize = 32;

/// A thread that the probes saw start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Thread {
    /// OS thread id.
    pub(crate) tid: u32,
    /// Number of its parent, 0 when not known.
    pub(crate) parent: u64,
    /// OS thread id of its parent.
    pub(crate) parent_tid: u32,
    /// Return addresses of the call that spawned it, innermost first; empty unless somebody asked for it.
    pub(crate) spawned_at: Box<[u64]>,
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

    /// A thread and its ancestors, as far as their starts were seen: each names its parent. Bounded, whatever the
    /// numbers say.
    pub(crate) fn line_of(&self, number: u64) -> impl Iterator<Item = &Thread> {
        let parent = |thread: &&Thread| self.known.get(&thread.parent);
        core::iter::successors(self.known.get(&number), parent).take(LONGEST_LINE)
    }

    /// Whether `parent_tid` started the thread.
    pub(crate) fn is_child(&self, number: u64, parent_tid: u32) -> bool {
        self.known.get(&number).is_some_and(|thread| thread.parent_tid == parent_tid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thread(tid: u32, parent: u64, parent_tid: u32) -> Thread {
        Thread { tid, parent, parent_tid, spawned_at: Box::default() }
    }

    fn ancestors(threads: &Threads, number: u64) -> Vec<u32> {
        threads.line_of(number).map(|thread| thread.parent_tid).collect()
    }

    #[test]
    fn ancestors_are_listed_parent_first_and_the_memory_is_bounded() {
        let mut threads = Threads::default();
        threads.started(1, thread(11, 0, 10));
        threads.started(2, thread(12, 1, 11));
        assert_eq!(ancestors(&threads, 2), [11, 10]);
        assert!(threads.is_child(2, 11) && !threads.is_child(2, 10));
        for number in 3..10_000 {
            threads.started(number, thread(1, 0, 0));
            threads.ended(number);
        }
        assert!(threads.known.len() <= ENDED + 2);
        threads.started(5, thread(1, 5, 1));
        let claims = ancestors(&threads, 5).len();
        assert_eq!(claims, LONGEST_LINE, "a thread that claims to be its own parent ends the walk");
    }
}
