//! What the probes told of threads: who started whom, who joined or let go of whom, and which ended, or ended the process.
//!
//! Runs on: the writer thread. Must not: grow without bound; ended threads are forgotten, oldest first.

use super::{Lives, Saw};
use crate::probe::SeenThreads;
use crate::record::Fate;
use crate::verdict::life::LifeEvent;

/// Ended threads that are remembered, for panics whose events come late.
const ENDED: usize = 4096;

/// Ancestors that are followed.
const LONGEST_LINE: usize = 32;

/// Panics of which it is remembered that a scope may speak. Of more, the oldest stay open until the process ends.
const AWAITING_SCOPES: usize = 256;

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

impl Lives {
    /// A thread began.
    pub(crate) fn started(&mut self, number: u64, thread: Thread) {
        let kept = self.threads.began(number, thread.tid, thread.began_ns);
        *kept = thread;
    }

    /// A thread ended, at that time of the monotonic clock.
    pub(crate) fn exited(&mut self, number: u64, tid: u32, mono_ns: u64) {
        self.last_read.remove(&tid);
        self.last_detached.remove(&tid);
        for sequence in self.under_way_on(tid) {
            self.apply(sequence, LifeEvent::LeftBehind);
        }
        self.open.remove(&tid);
        if let Some(sequence) = self.dying.remove(&tid) {
            self.saw(sequence, Saw::ThreadEnded);
        }
        self.threads.ended(number, mono_ns);
    }

    /// The thread `tid` joined a thread whose last panic has this serial.
    pub(crate) fn joined(&mut self, tid: u32, last_panic: u64) {
        let Some(&sequence) = self.by_serial.get(&last_panic) else { return };
        // A joined thread is gone, and so is what else could have stopped its last panic, unless something did.
        let root = |fate| matches!(fate, Fate::ThreadDied | Fate::Unknown);
        if self.kept.get(&sequence).is_some_and(|kept| root(kept.life.outcome().fate)) {
            self.saw(sequence, Saw::Joined);
            self.give(tid, sequence);
        }
    }

    /// The thread `tid` has the payload, and the program knows it.
    pub(super) fn give(&mut self, tid: u32, sequence: u64) {
        self.hold(tid, sequence);
        if let Some(kept) = self.kept.get_mut(&sequence) {
            kept.given = true;
        }
    }

    /// The thread `tid` dropped the handle of a thread whose last panic has this serial.
    pub(crate) fn detached(&mut self, tid: u32, last_panic: u64) {
        if let Some(&sequence) = self.by_serial.get(&last_panic) {
            self.last_detached.insert(tid, sequence);
            self.saw(sequence, Saw::Detached);
        }
    }

    /// The thread `tid` ends the process, while it unwinds the panic whose number ends in `inside` and what that is nested
    /// in, and nothing else; 0 for none.
    pub(crate) fn exits(&mut self, tid: u32, inside: u32) {
        let open = self.open.get(&tid).map(Vec::as_slice).unwrap_or_default();
        let innermost = match inside {
            0 => Some(0),
            // It may have landed, and its destructors run on in the frame of the catch.
            inside => {
                let is_it = |sequence: &u64| *sequence as u32 == inside;
                let landed = || self.kept.keys().copied().rfind(is_it);
                open.iter().copied().rfind(is_it).or_else(landed)
            }
        };
        if let Some(innermost) = innermost {
            self.left_behind(tid, u64::MAX, innermost);
        }
    }

    /// The thread of a panic and its ancestors, as far as their starts were seen: each names its parent.
    pub(crate) fn line_of_panic(&self, sequence: u64) -> impl Iterator<Item = &Thread> {
        self.threads.line_of(self.kept.get(&sequence).map_or(0, |kept| kept.thread))
    }

    /// A `thread::scope` may have spawned the thread of this panic, and waits for it then.
    pub(crate) fn awaits_scope(&mut self, sequence: u64) {
        self.apply(sequence, LifeEvent::AwaitsScope);
        if self.awaiting_scopes.len() >= AWAITING_SCOPES {
            self.awaiting_scopes.pop_front();
        }
        self.awaiting_scopes.push_back(sequence);
    }

    /// Panics that may still be told of by a scope on the thread with this number, or by one further out.
    pub(crate) fn awaiting_scopes_on(&self, number: u64) -> Vec<u64> {
        let below = |sequence: &&u64| self.line_of_panic(**sequence).any(|child| child.parent == number);
        self.awaiting_scopes.iter().filter(below).copied().collect()
    }

    /// Every thread whose scope could have spoken of this panic has ended.
    pub(crate) fn scopes_are_over(&mut self, sequence: u64) {
        self.awaiting_scopes.retain(|awaiting| *awaiting != sequence);
        self.apply(sequence, LifeEvent::ScopesAreOver);
    }

    /// Whether the parent of this thread is known to have ended.
    pub(crate) fn parent_ended(&self, thread: &Thread) -> bool {
        self.threads.has_ended(thread.parent)
    }

    /// The thread with this OS id at that time of the monotonic clock, and its ancestors, as far as their starts were
    /// seen.
    pub(crate) fn line_of(&self, tid: u32, mono_ns: u64) -> impl Iterator<Item = &Thread> {
        self.threads.line_of(self.threads.number(tid, mono_ns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thread(tid: u32, parent: u64, parent_tid: u32) -> Thread {
        Thread { tid, began_ns: u64::from(tid), parent, parent_tid, spawned_at: Box::default() }
    }

    fn ancestors(lives: &Lives, number: u64) -> Vec<u32> {
        lives.threads.line_of(number).map(|thread| thread.parent_tid).collect()
    }

    #[test]
    fn ancestors_are_listed_parent_first_and_the_memory_is_bounded() {
        let mut lives = Lives::default();
        lives.started(1, thread(11, 0, 10));
        lives.started(2, thread(12, 1, 11));
        assert_eq!(ancestors(&lives, 2), [11, 10]);
        assert!(lives.threads.is_descendant(2, 11) && lives.threads.is_descendant(2, 10));
        assert!(lives.threads.is_descendant(1, 10) && !lives.threads.is_descendant(1, 11));
        for number in 3..10_000 {
            lives.started(number, thread(1, 0, 0));
            lives.threads.ended(number, number);
        }
        assert!(lives.threads.size() <= ENDED + 2);
        lives.started(5, thread(1, 5, 1));
        let claims = ancestors(&lives, 5).len();
        assert_eq!(claims, LONGEST_LINE, "a thread that claims to be its own parent ends the walk");
    }

    #[test]
    fn an_os_id_is_that_of_the_thread_which_had_it_at_the_time() {
        let mut lives = Lives::default();
        let began = |began_ns| Thread { began_ns, ..thread(11, 0, 10) };
        lives.started(1, began(100));
        assert_eq!([99, 100, 150].map(|ns| lives.threads.number(11, ns)), [0, 1, 1]);
        lives.threads.ended(1, 200);
        assert_eq!(
            [199, 200, 201].map(|ns| lives.threads.number(11, ns)),
            [1, 1, 0],
            "by one whose start was not seen"
        );
        lives.started(2, began(300));
        assert_eq!([150, 250, 350].map(|ns| lives.threads.number(11, ns)), [1, 0, 2]);
        assert_eq!(lives.threads.number(12, 350), 0);
    }
}
