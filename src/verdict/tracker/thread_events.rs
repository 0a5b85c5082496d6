//! What threads did: began, ended, joined one another, ended the process.
//!
//! Runs on: the writer thread. Must not: grow without bound.

use super::{Lives, Saw, Thread};
use crate::record::Fate;
use crate::verdict::life::LifeEvent;

/// Panics of which it is remembered that a scope may speak. Of more, the oldest stay open until the process ends.
const AWAITING_SCOPES: usize = 256;

impl Lives {
    /// A thread began.
    pub(crate) fn started(&mut self, number: u64, thread: Thread) {
        self.threads.started(number, thread);
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
