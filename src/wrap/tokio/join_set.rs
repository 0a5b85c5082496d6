//! A set of tasks.
//!
//! Runs on: threads of a runtime. Must not: keep what belongs to a task that is gone.

use core::fmt;
use std::collections::HashMap;
use std::panic::Location;

use ::tokio::task::{self, AbortHandle, Id};

use super::JoinError;
use super::task::{Late, joined, wrap, wrap_blocking};
use crate::wrap::Caught;

/// Tasks whose results come as they end; as [`tokio::task::JoinSet`](::tokio::task::JoinSet), with panics as
/// errors. Dropped, it cancels its tasks, and panics that nobody asked for are reported as discarded.
///
/// # Examples
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let mut set = panic_agent::tokio::JoinSet::new();
/// set.spawn(async { 1 });
/// set.spawn(async { panic!("two") });
/// let mut panics = 0;
/// while let Some(result) = set.join_next().await {
///     panics += usize::from(result.is_err_and(|error| error.to_string().ends_with(": two")));
/// }
/// assert_eq!(panics, 1);
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct JoinSet<T> {
    set: task::JoinSet<Result<T, Caught>>,
    /// For each task that has not been joined.
    late: HashMap<Id, Late>,
}

impl<T: Send + 'static> JoinSet<T> {
    /// An empty set.
    pub fn new() -> Self {
        Self { set: task::JoinSet::new(), late: HashMap::new() }
    }

    /// Starts a task; see [`spawn`](super::spawn).
    ///
    /// # Panics
    /// Outside of a runtime.
    #[track_caller]
    pub fn spawn<F>(&mut self, future: F) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
    {
        let (future, late) = wrap(future, Location::caller());
        let handle = self.set.spawn(future);
        self.late.insert(handle.id(), late);
        handle
    }

    /// Starts a task that stays on this thread; see [`spawn_local`](super::spawn_local).
    ///
    /// # Panics
    /// Outside of a [`LocalSet`](::tokio::task::LocalSet).
    #[track_caller]
    pub fn spawn_local<F>(&mut self, future: F) -> AbortHandle
    where
        F: Future<Output = T> + 'static,
    {
        let (future, late) = wrap(future, Location::caller());
        let handle = self.set.spawn_local(future);
        self.late.insert(handle.id(), late);
        handle
    }

    /// Runs a function that blocks; see [`spawn_blocking`](super::spawn_blocking).
    ///
    /// # Panics
    /// Outside of a runtime.
    #[track_caller]
    pub fn spawn_blocking(&mut self, f: impl FnOnce() -> T + Send + 'static) -> AbortHandle {
        self.set.spawn_blocking(wrap_blocking(f, Location::caller()))
    }

    /// The next task that ends; `None` when there is none left.
    pub async fn join_next(&mut self) -> Option<Result<T, JoinError>> {
        let ended = self.set.join_next_with_id().await?;
        Some(self.left(ended))
    }

    /// A task that has ended, without waiting; `None` when there is none.
    pub fn try_join_next(&mut self) -> Option<Result<T, JoinError>> {
        let ended = self.set.try_join_next_with_id()?;
        Some(self.left(ended))
    }

    /// Waits for all tasks: what came of each, in the order in which they ended. A panic is not thrown again.
    pub async fn join_all(mut self) -> Vec<Result<T, JoinError>> {
        let mut all = Vec::with_capacity(self.len());
        while let Some(ended) = self.join_next().await {
            all.push(ended);
        }
        all
    }

    /// Cancels every task and waits until all have ended. Their panics are reported as discarded.
    pub async fn shutdown(&mut self) {
        self.set.shutdown().await;
        self.late.clear();
    }

    /// Lets every task go on without the set. Their panics are reported as discarded.
    pub fn detach_all(&mut self) {
        self.set.detach_all();
        self.late.clear();
    }

    /// A task left the set.
    fn left(&mut self, ended: Result<(Id, Result<T, Caught>), task::JoinError>) -> Result<T, JoinError> {
        let (id, ended) = match ended {
            Ok((id, result)) => (id, Ok(result)),
            Err(error) => (error.id(), Err(error)),
        };
        let late = self.late.remove(&id);
        joined(ended, late.as_ref())
    }

    /// Cancels every task.
    pub fn abort_all(&mut self) {
        self.set.abort_all();
    }

    /// Tasks that have not been joined.
    pub fn len(&self) -> usize {
        self.set.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }
}

impl<T: Send + 'static> Default for JoinSet<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for JoinSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinSet").field("len", &self.set.len()).finish_non_exhaustive()
    }
}
