//! What a group knows of its tasks.
//!
//! Runs on: threads and tasks of the program. Must not: run code of the program (destructors of results, wakers)
//! while it holds its lock.

use core::task::Waker;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use super::{GroupError, TaskError};
use crate::probe::{Event, PanicRef, wrapper_notes};
use crate::record::Notice;
use crate::wrap::Caught;
use crate::wrap::cancel::{CancelToken, Stop};

/// How a task ended.
pub(in crate::wrap) type Ended<T, E> = Result<Result<T, Stop<E>>, Caught>;

/// Shared by a group and its tasks.
pub(in crate::wrap) struct Shared<T, E> {
    pub(in crate::wrap) cancel: CancelToken,
    state: Mutex<State<T, E>>,
    changed: Condvar,
}

struct State<T, E> {
    limit: usize,
    /// Failures cancel nobody.
    keep_going: bool,
    running: usize,
    /// Tasks that were given to the group.
    tasks: usize,
    completed: Vec<T>,
    failures: Vec<TaskError<E>>,
    cancelled: usize,
    /// The group is gone: nobody will see what comes now.
    abandoned: bool,
    wakers: Vec<Waker>,
}

impl<T, E> Default for Shared<T, E> {
    fn default() -> Self {
        let state = State {
            limit: usize::MAX,
            keep_going: false,
            running: 0,
            tasks: 0,
            completed: Vec::new(),
            failures: Vec::new(),
            cancelled: 0,
            abandoned: false,
            wakers: Vec::new(),
        };
        Self { cancel: CancelToken::new(), state: Mutex::new(state), changed: Condvar::new() }
    }
}

/// What to do with a task that wants to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::wrap) enum Admission {
    /// It counts as running.
    Start,
    /// The group is cancelled; it counts as such.
    Cancelled,
    /// Not now.
    Full,
}

impl<T, E> Shared<T, E> {
    pub(in crate::wrap) fn set_limit(&self, limit: usize) {
        self.state.lock().limit = limit.max(1);
        self.changed.notify_all();
    }

    pub(in crate::wrap) fn keep_going(&self) {
        self.state.lock().keep_going = true;
    }

    /// Counts a task as running that waits for its place elsewhere.
    #[cfg(feature = "tokio")]
    pub(in crate::wrap) fn count(&self) {
        let mut state = self.state.lock();
        state.tasks += 1;
        state.running += 1;
    }

    /// Asks for a place.
    pub(in crate::wrap) fn admit(&self) -> Admission {
        let is_cancelled = self.cancel.is_cancelled();
        let mut state = self.state.lock();
        if is_cancelled {
            state.tasks += 1;
            state.cancelled += 1;
            return Admission::Cancelled;
        }
        if state.running < state.limit {
            state.tasks += 1;
            state.running += 1;
            return Admission::Start;
        }
        Admission::Full
    }

    /// Waits for a place; whether the task may start.
    pub(in crate::wrap) fn admit_blocking(&self) -> bool {
        loop {
            match self.admit() {
                Admission::Start => return true,
                Admission::Cancelled => return false,
                Admission::Full => {}
            }
            let mut state = self.state.lock();
            if state.running >= state.limit {
                self.changed.wait(&mut state);
            }
        }
    }

    /// A task that counts as running ended.
    pub(in crate::wrap) fn ended(&self, ended: Ended<T, E>) {
        let failure = match ended {
            Ok(Ok(value)) => return self.leave(|state| state.completed.push(value)),
            Ok(Err(Stop::Cancelled)) => return self.leave(|state| state.cancelled += 1),
            Ok(Err(Stop::Failed(error))) => TaskError::Failed(error),
            Err(caught) => TaskError::Panicked(caught),
        };
        self.failed(failure);
    }

    /// A task that counts as running has no result.
    pub(in crate::wrap) fn failed(&self, failure: TaskError<E>) {
        // Noted first: whoever is cancelled for it comes after it.
        let mut state = self.state.lock();
        let keep_going = state.keep_going;
        let abandoned = if state.abandoned {
            Some(failure)
        } else {
            state.failures.push(failure);
            None
        };
        drop(state);
        drop(abandoned);
        if !keep_going {
            self.cancel.cancel();
        }
        self.leave(|_| {});
    }

    /// Whether all tasks have ended; otherwise wakes the waker when that may have changed.
    #[cfg(feature = "tokio")]
    pub(in crate::wrap) fn is_over(&self, waker: &Waker) -> bool {
        let mut state = self.state.lock();
        if state.running > 0 && !state.wakers.iter().any(|known| known.will_wake(waker)) {
            state.wakers.push(waker.clone());
        }
        state.running == 0
    }

    /// Waits for all tasks, at most until then; whether they have ended.
    pub(in crate::wrap) fn wait(&self, until: Option<Instant>) -> bool {
        let mut state = self.state.lock();
        let runs = |state: &mut State<T, E>| state.running > 0;
        match until {
            Some(until) => !self.changed.wait_while_until(&mut state, runs, until).timed_out(),
            None => {
                self.changed.wait_while(&mut state, runs);
                true
            }
        }
    }

    /// Everything that happened, for the program. All tasks have ended.
    pub(in crate::wrap) fn take(&self) -> Result<Vec<T>, GroupError<T, E>> {
        let (completed, failures, cancelled) = {
            let mut state = self.state.lock();
            state.tasks = 0;
            let failures = std::mem::take(&mut state.failures);
            (std::mem::take(&mut state.completed), failures, std::mem::take(&mut state.cancelled))
        };
        let mut failures = failures.into_iter().map(|failure| match failure {
            TaskError::Panicked(caught) => TaskError::Panicked(caught.handed_over()),
            other => other,
        });
        let cause = match failures.next() {
            Some(cause) => cause,
            None if cancelled > 0 => TaskError::Cancelled,
            None => return Ok(completed),
        };
        Err(GroupError { cause, others: failures.collect(), cancelled, completed })
    }

    /// The group is dropped. What it holds, and what its tasks still come to, nobody will see.
    pub(in crate::wrap) fn abandon(&self) {
        let (failures, completed, unseen) = {
            let mut state = self.state.lock();
            if state.tasks == 0 {
                return;
            }
            state.abandoned = true;
            let unseen = state.running + state.failures.len();
            (std::mem::take(&mut state.failures), std::mem::take(&mut state.completed), unseen)
        };
        let anchor = 0_u8;
        let number = u32::try_from(unseen).unwrap_or(u32::MAX);
        wrapper_notes::send(
            Event::Noticed { what: Notice::GroupDropped, panic: PanicRef::NONE, number },
            |entry| {
                wrapper_notes::place(entry, (&raw const anchor).addr());
            },
        );
        self.cancel.cancel();
        drop((failures, completed));
    }

    /// Tasks that run now.
    pub(in crate::wrap) fn running(&self) -> usize {
        self.state.lock().running
    }

    fn leave(&self, note: impl FnOnce(&mut State<T, E>)) {
        let (value, wakers) = {
            let mut state = self.state.lock();
            note(&mut state);
            state.running -= 1;
            let value = if state.abandoned { std::mem::take(&mut state.completed) } else { Vec::new() };
            (value, std::mem::take(&mut state.wakers))
        };
        self.changed.notify_all();
        wakers.into_iter().for_each(Waker::wake);
        drop(value);
    }
}
