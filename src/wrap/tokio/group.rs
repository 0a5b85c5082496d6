//! A group of tasks.
//!
//! Runs on: threads of a runtime. Must not: count a task that the runtime dropped as anything but cancelled.

use core::fmt;
use core::future::poll_fn;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, ready};
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use ::tokio::sync::{OwnedSemaphorePermit, Semaphore};
use ::tokio::task::{self, AbortHandle};
use pin_project_lite::pin_project;

use super::task::begin;
use crate::capture::labels::scope::Scope;
use crate::probe::Catcher;
use crate::wrap::cancel::{CancelToken, Stop};
use crate::wrap::future::{CatchPanic, Labelled};
use crate::wrap::group::Shared;
use crate::wrap::group::{Full, GroupError};

/// Tasks of a runtime that belong together: the first failure cancels the others, and [`wait`](Self::wait) gives
/// everything that happened. As [`panic_agent::task::TaskGroup`](crate::task::TaskGroup), without blocking.
///
/// A task gets the group's token and stops when it is cancelled, which it can await. Tasks inherit the labels, and so
/// the trace, that are in force where they are spawned. A group that is dropped without `wait` is a finding.
///
/// # Examples
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// use panic_agent::task::{Stop, TaskError};
/// use panic_agent::tokio::TaskGroup;
///
/// let group = TaskGroup::<u32, String>::new().limit(8);
/// group.spawn(|_cancel| async { panic!("the first failure") });
/// for _ in 0..9 {
///     group.spawn(|cancel| async move {
///         cancel.cancelled().await;
///         Err(Stop::Cancelled)
///     });
/// }
/// let error = group.wait().await.unwrap_err();
/// assert!(matches!(&error.cause, TaskError::Panicked(caught) if caught.message() == Some("the first failure")));
/// assert_eq!(error.cancelled, 9);
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "a group that is dropped without `wait` cancels its tasks, and nobody sees how they end"]
pub struct TaskGroup<T, E> {
    shared: Arc<Shared<T, E>>,
    places: Arc<Semaphore>,
    /// Cancels the group when its time is over.
    timer: Option<AbortHandle>,
}

impl<T: Send + 'static, E: Send + 'static> TaskGroup<T, E> {
    /// A group without tasks, and without a limit.
    pub fn new() -> Self {
        let places = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
        Self { shared: Arc::default(), places, timer: None }
    }

    /// At most this many tasks at a time, at least 1; for tasks that are spawned from here on.
    pub fn limit(mut self, limit: usize) -> Self {
        self.places = Arc::new(Semaphore::new(limit.clamp(1, Semaphore::MAX_PERMITS)));
        self
    }

    /// Failures do not cancel the other tasks: every task runs, and [`wait`](Self::wait) returns all outcomes.
    pub fn keep_going(self) -> Self {
        self.shared.keep_going();
        self
    }

    /// Cancels the group when this much time has passed.
    ///
    /// # Panics
    /// Outside of a runtime with a timer.
    pub fn cancel_after(mut self, time: Duration) -> Self {
        let token = self.token();
        let timer = task::spawn(async move {
            ::tokio::time::sleep(time).await;
            token.cancel();
        });
        if let Some(earlier) = self.timer.replace(timer.abort_handle()) {
            earlier.abort();
        }
        self
    }

    /// The token that every task gets.
    pub fn token(&self) -> CancelToken {
        self.shared.cancel.clone()
    }

    /// Tasks that have not ended, those that wait for their place included.
    pub fn unfinished(&self) -> usize {
        self.shared.running()
    }

    /// Starts a task, which waits for its place while the limit is reached. One that is still waiting when the group
    /// is cancelled does not run and counts as cancelled.
    ///
    /// # Panics
    /// Outside of a runtime.
    #[track_caller]
    pub fn spawn<F>(&self, task: impl FnOnce(CancelToken) -> F + Send + 'static)
    where
        F: Future<Output = Result<T, Stop<E>>> + Send + 'static,
    {
        let (places, token) = (self.places.clone(), self.token());
        let place = async move {
            let mut cancelled = pin!(token.cancelled());
            let mut place = pin!(places.acquire_owned());
            poll_fn(|context| {
                if cancelled.as_mut().poll(context).is_ready() {
                    return Poll::Ready(None);
                }
                // The semaphore is never closed.
                place.as_mut().poll(context).map(Result::ok)
            })
            .await
        };
        self.start(Place::Awaited(Box::pin(place)), task, Location::caller());
    }

    /// Starts a task unless the limit is reached. One that comes after the group was cancelled does not run and
    /// counts as cancelled.
    ///
    /// # Errors
    /// [`Full`] with the task, when the limit is reached.
    ///
    /// # Panics
    /// Outside of a runtime.
    #[track_caller]
    pub fn try_spawn<F, G>(&self, task: G) -> Result<(), Full<G>>
    where
        G: FnOnce(CancelToken) -> F + Send + 'static,
        F: Future<Output = Result<T, Stop<E>>> + Send + 'static,
    {
        let place = if self.shared.cancel.is_cancelled() {
            Place::Refused
        } else {
            match self.places.clone().try_acquire_owned() {
                Ok(place) => Place::Taken { _place: place },
                Err(_) => return Err(Full(task)),
            }
        };
        self.start(place, task, Location::caller());
        Ok(())
    }

    /// Waits for all tasks: their results, in the order in which they ended.
    ///
    /// # Errors
    /// What went wrong first as the cause, and everything else that happened.
    pub async fn wait(self) -> Result<Vec<T>, GroupError<T, E>> {
        self.all_ended().await;
        self.shared.take()
    }

    /// Like [`wait`](Self::wait), for at most this long; it cancels nothing.
    ///
    /// # Errors
    /// The group itself, when tasks have not ended.
    ///
    /// # Panics
    /// Outside of a runtime with a timer.
    pub async fn wait_timeout(self, timeout: Duration) -> Result<Result<Vec<T>, GroupError<T, E>>, Self> {
        match ::tokio::time::timeout(timeout, self.all_ended()).await {
            Ok(()) => Ok(self.shared.take()),
            Err(_) => Err(self),
        }
    }

    async fn all_ended(&self) {
        let poll = |is_over| if is_over { Poll::Ready(()) } else { Poll::Pending };
        poll_fn(|context| poll(self.shared.is_over(context.waker()))).await;
    }

    fn start<F>(
        &self,
        place: Place,
        task: impl FnOnce(CancelToken) -> F + Send + 'static,
        call: &'static Location<'static>,
    ) where
        F: Future<Output = Result<T, Stop<E>>> + Send + 'static,
    {
        let token = self.token();
        let future = async move { task(token).await };
        let inner = CatchPanic::new(future, Catcher::Group, call);
        self.shared.count();
        let member = Member { inner, place, shared: Some(self.shared.clone()), begun: false };
        task::spawn(Labelled::with(member, Scope::inherit()));
    }
}

/// Where a task stands that may have to wait for others.
enum Place {
    /// It waits.
    Awaited(Pin<Box<dyn Future<Output = Option<OwnedSemaphorePermit>> + Send>>),
    /// It may run; another may when this is dropped.
    Taken { _place: OwnedSemaphorePermit },
    /// It must not run any more.
    Refused,
}

pin_project! {
    /// A task of a group, which says how it ended whatever happens to it.
    struct Member<F, T, E> {
        #[pin]
        inner: CatchPanic<F>,
        place: Place,
        // Empty once the end was said.
        shared: Option<Arc<Shared<T, E>>>,
        begun: bool,
    }

    impl<F, T, E> PinnedDrop for Member<F, T, E> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            let dropped = this.inner.drop_kept();
            if let Some(shared) = this.shared.take() {
                // The runtime gives up on it.
                *this.place = Place::Refused;
                shared.ended(dropped.map_or(Ok(Err(Stop::Cancelled)), Err));
            }
        }
    }
}

impl<F, T, E> Future for Member<F, T, E>
where
    F: Future<Output = Result<T, Stop<E>>>,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        begin(this.begun);
        if let Place::Awaited(place) = this.place {
            let place = ready!(place.as_mut().poll(context));
            *this.place = place.map_or(Place::Refused, |place| Place::Taken { _place: place });
        }
        let ended = match this.place {
            Place::Taken { .. } => ready!(this.inner.poll_kept(context)),
            _ => this.inner.as_mut().drop_kept().map_or(Ok(Err(Stop::Cancelled)), Err),
        };
        if let Some(shared) = this.shared.take() {
            shared.ended(ended);
        }
        *this.place = Place::Refused;
        Poll::Ready(())
    }
}

impl<T: Send + 'static, E: Send + 'static> Default for TaskGroup<T, E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, E> Drop for TaskGroup<T, E> {
    fn drop(&mut self) {
        if let Some(timer) = &self.timer {
            timer.abort();
        }
        self.shared.abandon();
    }
}

impl<T, E> fmt::Debug for TaskGroup<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskGroup").field("unfinished", &self.shared.running()).finish_non_exhaustive()
    }
}
