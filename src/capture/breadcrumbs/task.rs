//! The last breadcrumbs of a task: in its future while it waits, and in force on a thread while it runs there.
//!
//! Runs on: threads that run tasks, and the panicking thread (`copy_into`). Must not: allocate before a task leaves its first
//! breadcrumb; be found half written: while a ring is written it is nowhere to be found.

use core::cell::Cell;
use core::mem::{self, ManuallyDrop};

use super::ring::{CRUMBS, Crumb};
use crate::record::CrumbBytes;

thread_local! {
    /// Whose breadcrumbs are in force on this thread. No destructor, as for those of the thread.
    static CURRENT: Cell<Current> = const { Cell::new(Current::Thread) };
}

#[derive(Default)]
enum Current {
    /// The thread's own, or a task's that is being written at this moment.
    #[default]
    Thread,
    /// A task's; `None` until it leaves one. Dropped by [`TaskCrumbs`] alone.
    Task(Option<ManuallyDrop<Box<Ring>>>),
}

/// The breadcrumbs of a task that does not run; of the thread, while it does.
pub(crate) struct TaskCrumbs(Current);

impl TaskCrumbs {
    /// Those of a task that has left none.
    pub(crate) const fn new() -> Self {
        Self(Current::Task(None))
    }

    /// Exchanges them with those in force on this thread.
    ///
    /// # Cost
    /// No allocation; two pointers change places.
    pub(crate) fn swap(&mut self) {
        self.0 = CURRENT.replace(mem::take(&mut self.0));
    }
}

impl Drop for TaskCrumbs {
    fn drop(&mut self) {
        if let Current::Task(Some(ring)) = mem::take(&mut self.0) {
            drop(ManuallyDrop::into_inner(ring));
        }
    }
}

/// Gives a crumb to the task that runs on this thread; `false` when none does.
///
/// # Cost
/// One allocation for the first crumb of a task, one copy for each.
pub(super) fn put(crumb: &Crumb) -> bool {
    let Current::Task(ring) = CURRENT.take() else { return false };
    let mut ring = ring.unwrap_or_else(|| ManuallyDrop::new(Box::new(Ring::new())));
    ring.put(crumb);
    CURRENT.set(Current::Task(Some(ring)));
    true
}

/// Copies the crumbs of the task that runs on this thread; `false` when none does.
pub(super) fn copy_into(to: &mut CrumbBytes) -> bool {
    let Current::Task(ring) = CURRENT.take() else { return false };
    if let Some(ring) = &ring {
        ring.copy_into(to);
    }
    CURRENT.set(Current::Task(ring));
    true
}

/// The last breadcrumbs of a task.
struct Ring {
    crumbs: [Crumb; CRUMBS],
    /// How many were left.
    left: usize,
}

impl Ring {
    const fn new() -> Self {
        Self { crumbs: [Crumb::EMPTY; CRUMBS], left: 0 }
    }

    fn put(&mut self, crumb: &Crumb) {
        if let Some(place) = self.crumbs.get_mut(self.left % CRUMBS) {
            *place = *crumb;
        }
        self.left = self.left.wrapping_add(1);
    }

    /// Newest first, as many as fit.
    fn copy_into(&self, to: &mut CrumbBytes) {
        for back in 1..=self.left.min(CRUMBS) {
            let crumb = self.crumbs.get(self.left.wrapping_sub(back) % CRUMBS);
            if !crumb.is_some_and(|crumb| to.push(crumb.raw())) {
                return;
            }
        }
    }
}
