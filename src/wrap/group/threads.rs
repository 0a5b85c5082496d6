//! A group of threads.
//!
//! Runs on: threads of the program. Must not: outlive its tasks unnoticed.

use core::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::state::{Admission, Shared};
use super::{Full, GroupError, TaskError};
use crate::capture::labels::scope::Scope;
use crate::probe::Catcher;
use crate::wrap::catch::{Console, guard};
use crate::wrap::{CancelToken, Stop};

/// Tasks on threads of their own that belong together: the first failure cancels the others, and
/// [`wait`](Self::wait) gives everything that happened.
///
/// A task gets the group's token and stops when it is cancelled; no thread can be stopped from outside. Tasks inherit
/// the labels, and so the trace, that are in force where they are spawned. A group that is dropped without `wait` is
/// a finding: it cancels its tasks, does not wait for them, and nobody sees how they end.
///
/// # Examples
/// ```
/// use panic_agent::{Stop, TaskError, TaskGroup};
///
/// let group = TaskGroup::<u32, String>::new().limit(8);
/// for number in 0..10 {
///     group.spawn(move |cancel| {
///         cancel.check()?;
///         if number == 3 { Err("three is not welcome".to_owned())? }
///         Ok(number)
///     });
/// }
/// let error = group.wait().unwrap_err();
/// assert!(matches!(&error.cause, TaskError::Failed(text) if text == "three is not welcome"));
/// assert_eq!(error.completed.len() + error.cancelled + error.others.len() + 1, 10);
/// ```
#[must_use = "a group that is dropped without `wait` cancels its tasks, and nobody sees how they end"]
pub struct TaskGroup<T, E> {
    shared: Arc<Shared<T, E>>,
}

impl<T: Send + 'static, E: Send + 'static> TaskGroup<T, E> {
    /// A group without tasks, and without a limit.
    pub fn new() -> Self {
        Self { shared: Arc::default() }
    }

    /// At most this many tasks at a time; at least 1.
    pub fn limit(self, limit: usize) -> Self {
        self.shared.set_limit(limit);
        self
    }

    /// Failures cancel nobody: every task runs, and [`wait`](Self::wait) gives all that happened.
    pub fn keep_going(self) -> Self {
        self.shared.keep_going();
        self
    }

    /// Cancels the group when this much time has passed.
    pub fn cancel_after(self, time: Duration) -> Self {
        if let Some(deadline) = Instant::now().checked_add(time) {
            self.shared.cancel.cancel_at(deadline);
        }
        self
    }

    /// The token that every task gets.
    pub fn token(&self) -> CancelToken {
        self.shared.cancel.clone()
    }

    /// Tasks that run now.
    pub fn running(&self) -> usize {
        self.shared.running()
    }

    /// Starts a task. Waits while the limit is reached. A task that comes after the group was cancelled does not run
    /// and counts as cancelled; one whose thread the operating system refuses counts as
    /// [`NotStarted`](TaskError::NotStarted).
    #[track_caller]
    pub fn spawn(&self, task: impl FnOnce(&CancelToken) -> Result<T, Stop<E>> + Send + 'static) {
        if self.shared.admit_blocking() {
            self.start(task, Location::caller());
        }
    }

    /// Starts a task unless the limit is reached.
    ///
    /// # Errors
    /// [`Full`] with the task, when the limit is reached.
    #[track_caller]
    pub fn try_spawn<F>(&self, task: F) -> Result<(), Full<F>>
    where
        F: FnOnce(&CancelToken) -> Result<T, Stop<E>> + Send + 'static,
    {
        match self.shared.admit() {
            Admission::Start => self.start(task, Location::caller()),
            Admission::Cancelled => {}
            Admission::Full => return Err(Full(task)),
        }
        Ok(())
    }

    /// Waits for all tasks: their results, in the order in which they ended.
    ///
    /// # Errors
    /// What went wrong first as the cause, and everything else that happened.
    pub fn wait(self) -> Result<Vec<T>, GroupError<T, E>> {
        self.shared.wait(None);
        self.shared.take()
    }

    /// Like [`wait`](Self::wait), for at most this long; it cancels nothing.
    ///
    /// # Errors
    /// The group itself, when tasks still run.
    pub fn wait_timeout(self, timeout: Duration) -> Result<Result<Vec<T>, GroupError<T, E>>, Self> {
        if self.shared.wait(Instant::now().checked_add(timeout)) { Ok(self.shared.take()) } else { Err(self) }
    }

    fn start(
        &self,
        task: impl FnOnce(&CancelToken) -> Result<T, Stop<E>> + Send + 'static,
        call: &'static Location<'static>,
    ) {
        let shared = self.shared.clone();
        let scope = Scope::inherit_with(&[]);
        let started = thread::Builder::new().spawn(move || {
            if let Some(scope) = &scope {
                scope.stay();
            }
            let ended = guard(Catcher::Group, Console::AsUsual, call, || task(&shared.cancel));
            shared.ended(ended);
        });
        if let Err(error) = started {
            self.shared.failed(TaskError::NotStarted(error));
        }
    }
}

impl<T: Send + 'static, E: Send + 'static> Default for TaskGroup<T, E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, E> Drop for TaskGroup<T, E> {
    fn drop(&mut self) {
        self.shared.abandon();
    }
}

impl<T, E> fmt::Debug for TaskGroup<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskGroup").field("running", &self.shared.running()).finish_non_exhaustive()
    }
}
