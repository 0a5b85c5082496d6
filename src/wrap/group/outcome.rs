//! How tasks of a group end, and the group as a whole.
//!
//! Runs on: threads of the program. Must not: hold anything back.

use core::fmt;
use std::error::Error;
use std::io;

use crate::wrap::Caught;

/// Why a task of a group has no result.
#[derive(Debug)]
#[non_exhaustive]
pub enum TaskError<E> {
    /// It panicked.
    Panicked(Caught),
    /// It returned an error.
    Failed(E),
    /// The operating system refused its thread, so it never ran.
    NotStarted(io::Error),
    /// It was cancelled. Only as the cause of a group in which nothing else went wrong: the group itself was
    /// cancelled, or its time was over.
    Cancelled,
}

impl<E: fmt::Display> fmt::Display for TaskError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(caught) => write!(f, "a task {caught}"),
            Self::Failed(error) => write!(f, "a task failed: {error}"),
            Self::NotStarted(error) => write!(f, "a task could not be started: {error}"),
            Self::Cancelled => f.write_str("the group was cancelled"),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> Error for TaskError<E> {}

/// A group in which not every task has a result. Everything that happened is in it.
#[derive(Debug)]
#[must_use = "this holds every panic and error of the group"]
#[non_exhaustive]
pub struct GroupError<T, E> {
    /// What went wrong first, for which the others were cancelled.
    pub cause: TaskError<E>,
    /// Everything else that went wrong, in the order in which it did.
    pub others: Vec<TaskError<E>>,
    /// Tasks that stopped because they were told to, or were not started any more.
    pub cancelled: usize,
    /// Results of the tasks that have one, in the order in which they ended.
    pub completed: Vec<T>,
}

impl<T, E> GroupError<T, E> {
    /// The cause and the others.
    pub fn failures(&self) -> impl Iterator<Item = &TaskError<E>> {
        std::iter::once(&self.cause).chain(&self.others)
    }

    /// The panics among them.
    pub fn panics(&self) -> impl Iterator<Item = &Caught> {
        self.failures().filter_map(|failure| match failure {
            TaskError::Panicked(caught) => Some(caught),
            _ => None,
        })
    }
}

impl<T, E: fmt::Display> fmt::Display for GroupError<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cause, others, cancelled, completed } = self;
        let (others, completed) = (others.len(), completed.len());
        write!(f, "{cause}; {others} others went wrong, {cancelled} were cancelled, {completed} completed")
    }
}

impl<T: fmt::Debug, E: fmt::Debug + fmt::Display> Error for GroupError<T, E> {}

/// The limit of the group is reached; the task comes back unstarted.
pub struct Full<F>(pub F);

impl<F> fmt::Debug for Full<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Full(..)")
    }
}

impl<F> fmt::Display for Full<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the group runs as many tasks as its limit allows; wait for one, or use `spawn`")
    }
}

impl<F> Error for Full<F> {}
