//! The labels of a task: put in force while it runs, on whatever thread, and taken away while it does not.
//!
//! Runs on: threads that run tasks. Must not: leave a label of one task in force for another.

use super::arena::{self, Arena};
use crate::capture::breadcrumbs::TaskCrumbs;
use crate::record::start_of;

/// Labels that move with a task. While it does not run they are here; while it runs, those of the thread are.
pub(crate) struct Scope {
    arena: Box<Arena>,
    /// Its breadcrumbs, which move alike.
    crumbs: TaskCrumbs,
    /// Names the thread on which it ran last; 0 for none.
    thread: usize,
}

impl Scope {
    /// A copy of the labels that are in force on this thread.
    pub(crate) fn inherit() -> Self {
        Self { arena: arena::inherit(), crumbs: TaskCrumbs::new(), thread: 0 }
    }

    /// The same with more labels; `None` when there is none at all.
    pub(crate) fn inherit_with(labels: &[(String, String)]) -> Option<Self> {
        if labels.is_empty() && arena::is_empty() {
            return None;
        }
        let mut scope = Self::inherit();
        for (key, value) in labels {
            scope.push(key, value);
        }
        Some(scope)
    }

    /// Adds a label that stays as long as the task. What does not fit is cut or left out, and reports say so.
    pub(crate) fn push(&mut self, key: &str, value: &str) {
        let kept = start_of(key, super::KEY_BYTES);
        let cut = start_of(value, super::VALUE_BYTES);
        self.arena.push(0, kept, cut, kept.len() < key.len() || cut.len() < value.len());
    }

    /// From now on the task works for this request.
    #[cfg(feature = "tower")]
    pub(crate) fn work_for(&mut self, request: super::request::Ticket) {
        self.arena.request = request;
    }

    /// Puts the labels in force in place of the thread's, until the guard is dropped.
    ///
    /// # Cost
    /// No allocation; the bytes of both sets of labels change places.
    pub(crate) fn enter(&mut self) -> Entered<'_> {
        let here = arena::thread();
        if self.thread != here {
            // Guards stay on their thread: none can belong to labels that came from another.
            self.arena.disown();
            self.thread = here;
        }
        arena::swap(&mut self.arena);
        self.crumbs.swap();
        Entered(self)
    }

    /// Makes the labels those of this thread until it ends.
    pub(crate) fn stay(&self) {
        arena::swap(&mut self.arena.clone());
    }
}

/// The labels of a task are in force; see [`Scope::enter`].
pub(crate) struct Entered<'a>(&'a mut Scope);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        arena::swap(&mut self.0.arena);
        self.0.crumbs.swap();
        super::nesting::forget_if_landed();
    }
}
