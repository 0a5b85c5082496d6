//! What the probes told of threads: who started whom, and who joined or let go of whom.
//!
//! Runs on: the writer thread. Must not: grow without bound; ended threads are forgotten, oldest first.

use crate::probe::SeenThreads;

/// Ended threads that are remembered, for panics whose events come late.
const ENDED: usize = 4096;

/// Ancestors that are followed.
const LONGEST_LINE: usize = 32;

/// A thread that the probes saw start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Thread {
    /// OS thread id.
    pub(crate) tid: u32,
    /// When it began, by the monotonic clock.
    pub(crate) began_ns: u64,
    /// Number of its parent, 0 when not known.
    pub(crate) parent: u64,
    /// OS thread id of its parent.
    pub(crate) parent_tid: u32,
    /// Return addresses of the call that spawned it, innermost first; empty unless somebody asked for it.
    pub(crate) spawned_at: Box<[u64]>,
}

impl Default for SeenThreads<Thread> {
    fn default() -> Self {
        Self::new(ENDED)
    }
}

impl SeenThreads<Thread> {
    /// A thread began.
    pub(crate) fn started(&mut self, number: u64, thread: Thread) {
        let kept = self.began(number, thread.tid, thread.began_ns);
        *kept = thread;
    }

    /// Number of the thread that had this OS id at that time, 0 when its start was not seen.
    pub(crate) fn number(&self, tid: u32, mono_ns: u64) -> u64 {
        let newest = self.with_tid(tid, mono_ns);
        let had_it = newest.filter(|(_, thread)| thread.ended_ns.is_none_or(|ended| mono_ns <= ended));
        had_it.map_or(0, |(number, _)| number)
    }

    /// A thread and its ancestors, as far as their starts were seen: each names its parent. Bounded, whatever the
    /// numbers say.
    pub(crate) fn line_of(&self, number: u64) -> impl Iterator<Item = &Thread> {
        let thread = |number| self.get(number).map(|known| &known.of);
        core::iter::successors(thread(number), move |child| thread(child.parent)).take(LONGEST_LINE)
    }

    /// Whether the thread is known to have ended.
    pub(crate) fn has_ended(&self, number: u64) -> bool {
        self.get(number).is_some_and(|known| known.ended_ns.is_some())
    }

    /// Whether `ancestor_tid` started the thread, or one that did so in turn.
    pub(crate) fn is_descendant(&self, number: u64, ancestor_tid: u32) -> bool {
        self.line_of(number).any(|thread| thread.parent_tid == ancestor_tid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thread(tid: u32, parent: u64, parent_tid: u32) -> Thread {
        Thread { tid, began_ns: u64::from(tid), parent, parent_tid, spawned_at: Box::default() }
    }

    fn ancestors(threads: &SeenThreads<Thread>, number: u64) -> Vec<u32> {
        threads.line_of(number).map(|thread| thread.parent_tid).collect()
    }

    #[test]
    fn ancestors_are_listed_parent_first_and_the_memory_is_bounded() {
        let mut threads = SeenThreads::default();
        threads.started(1, thread(11, 0, 10));
        threads.started(2, thread(12, 1, 11));
        assert_eq!(ancestors(&threads, 2), [11, 10]);
        assert!(threads.is_descendant(2, 11) && threads.is_descendant(2, 10));
        assert!(threads.is_descendant(1, 10) && !threads.is_descendant(1, 11));
        for number in 3..10_000 {
            threads.started(number, thread(1, 0, 0));
            threads.ended(number, number);
        }
        assert!(threads.size() <= ENDED + 2);
        threads.started(5, thread(1, 5, 1));
        let claims = ancestors(&threads, 5).len();
        assert_eq!(claims, LONGEST_LINE, "a thread that claims to be its own parent ends the walk");
    }

    #[test]
    fn an_os_id_is_that_of_the_thread_which_had_it_at_the_time() {
        let mut threads = SeenThreads::default();
        let began = |began_ns| Thread { began_ns, ..thread(11, 0, 10) };
        threads.started(1, began(100));
        assert_eq!([99, 100, 150].map(|ns| threads.number(11, ns)), [0, 1, 1]);
        threads.ended(1, 200);
        assert_eq!(
            [199, 200, 201].map(|ns| threads.number(11, ns)),
            [1, 1, 0],
            "by one whose start was not seen"
        );
        threads.started(2, began(300));
        assert_eq!([150, 250, 350].map(|ns| threads.number(11, ns)), [1, 0, 2]);
        assert_eq!(threads.number(12, 350), 0);
    }
}
