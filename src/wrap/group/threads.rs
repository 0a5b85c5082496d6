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
use crate::wrap::cancel::{CancelToken, Stop};
use crate::wrap::catch::guard;

/// A group of tasks, each on its own thread. The first failure cancels the others, and [`wait`](Self::wait) returns all
/// outcomes.
///
/// A task gets the group's token and must stop when it is cancelled, because a thread cannot be stopped from outside. Tasks
/// inherit the labels, and with them the trace, in force where they are spawned. Dropping a group without `wait` cancels its
/// tasks, does not wait for them, loses their outcomes, and emits a finding.
///
/// # Examples
/// ```
/// use panic_agent::task::{Stop, TaskError, TaskGroup};
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

    /// Limits how many tasks run at a time; at least 1.
    pub fn limit(self, limit: usize) -> Self {
        self.shared.set_limit(limit);
        self
    }

    /// Failures do not cancel the other tasks: every task runs, and [`wait`](Self::wait) returns all outcomes.
    pub fn keep_going(self) -> Self {
        self.shared.keep_going();
        self
    }

    /// Cancels the group after this time.
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

    /// Number of tasks that are running.
    pub fn running(&self) -> usize {
        self.shared.running()
    }

    /// Spawns a task, and waits while the limit is reached. After the group is cancelled, a task does not run and counts as
    /// cancelled. If the operating system refuses to create a thread, the task counts as
    /// [`NotStarted`](TaskError::NotStarted).
    #[track_caller]
    pub fn spawn(&self, task: impl FnOnce(&CancelToken) -> Result<T, Stop<E>> + Send + 'static) {
        if self.shared.admit_blocking() {
            self.start(task, Location::caller());
        }
    }

    /// Spawns a task unless the limit is reached.
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
            let ended = guard(Catcher::Group, call, || task(&shared.cancel));
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
