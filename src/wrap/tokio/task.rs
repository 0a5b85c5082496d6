//! One task.
//!
//! Runs on: the thread that spawns, the worker that polls, and whoever awaits. Must not: change when a task is
//! cancelled or what a cancellation means.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::panic::Location;
use std::sync::Arc;

use ::tokio::task::{self, AbortHandle, Id};
use parking_lot::Mutex;
use pin_project_lite::pin_project;

use crate::capture::labels::label;
use crate::capture::labels::scope::Scope;
use crate::probe::Catcher;
use crate::wrap::Caught;
use crate::wrap::catch::guard;
use crate::wrap::future::{CatchPanic, Labelled};

/// Starts a task. Its labels are those in force here and `tokio_task`.
///
/// # Panics
/// Outside of a runtime, as [`tokio::spawn`](::tokio::spawn) does.
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let (future, late) = wrap(future, Location::caller());
    JoinHandle { task: task::spawn(future), late }
}

/// Runs a function that blocks, on a thread for that. Its labels are those in force here and `tokio_task`.
///
/// # Panics
/// Outside of a runtime.
#[track_caller]
pub fn spawn_blocking<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    let blocking = wrap_blocking(f, Location::caller());
    JoinHandle { task: task::spawn_blocking(blocking), late: Late::default() }
}

/// Starts a task that stays on this thread, in a [`LocalSet`](::tokio::task::LocalSet). See [`spawn`].
///
/// # Panics
/// Outside of a `LocalSet`, as [`tokio::task::spawn_local`](::tokio::task::spawn_local) does.
///
/// # Examples
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// let local = tokio::task::LocalSet::new();
/// local.block_on(&runtime, async {
///     let not_send = std::rc::Rc::new(17);
///     let task = panic_agent::tokio::spawn_local(async move { panic!("order {not_send}") });
///     assert!(task.await.map(|(): ()| ()).unwrap_err().to_string().ends_with(": order 17"));
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn spawn_local<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let (future, late) = wrap(future, Location::caller());
    JoinHandle { task: task::spawn_local(future), late }
}

/// A task that can be awaited. Dropped before that, the task goes on, and its panic is reported as discarded.
#[derive(Debug)]
pub struct JoinHandle<T> {
    task: task::JoinHandle<Result<T, Caught>>,
    late: Late,
}

impl<T> JoinHandle<T> {
    /// Cancels the task at its next await.
    pub fn abort(&self) {
        self.task.abort();
    }

    /// A handle that can only cancel.
    pub fn abort_handle(&self) -> AbortHandle {
        self.task.abort_handle()
    }

    /// Whether the task has ended.
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// Id of the task, which is its label `tokio_task`.
    pub fn id(&self) -> Id {
        self.task.id()
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let ended = ready!(Pin::new(&mut self.task).poll(context));
        Poll::Ready(joined(ended, Some(&self.late)))
    }
}

/// Why a task has no result.
#[derive(Debug)]
#[non_exhaustive]
pub enum JoinError {
    /// It panicked, or its destructor did when it was cancelled.
    Panicked(Caught),
    /// It was cancelled.
    Cancelled(Id),
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(caught) => write!(f, "the task {caught}"),
            Self::Cancelled(id) => write!(f, "task {id} was cancelled"),
        }
    }
}

impl std::error::Error for JoinError {}

/// Hands the outcome of a task to the program.
pub(super) fn joined<T>(
    ended: Result<Result<T, Caught>, task::JoinError>,
    late: Option<&Late>,
) -> Result<T, JoinError> {
    let error = match ended {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(caught)) => return Err(JoinError::Panicked(caught.handed_over())),
        Err(error) => error,
    };
    if let Some(caught) = late.and_then(|late| late.lock().take()) {
        return Err(JoinError::Panicked(caught.handed_over()));
    }
    let id = error.id();
    // Something of the runtime's own panicked around the wrapper.
    Err(match error.try_into_panic() {
        Ok(payload) => JoinError::Panicked(Caught::adopt(payload, Catcher::Task)),
        Err(_) => JoinError::Cancelled(id),
    })
}

/// A panic of the destructor of a task that was cancelled, which the runtime does not get to know.
pub(super) type Late = Arc<Mutex<Option<Caught>>>;

pin_project! {
    /// The future of a task: its panics are results.
    pub(super) struct Task<F> {
        #[pin]
        inner: CatchPanic<F>,
        late: Late,
        begun: bool,
    }

    impl<F> PinnedDrop for Task<F> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            begin(this.begun);
            if let Some(caught) = this.inner.drop_kept() {
                *this.late.lock() = Some(caught);
            }
        }
    }
}

impl<F: Future> Future for Task<F> {
    type Output = Result<F::Output, Caught>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        begin(this.begun);
        this.inner.poll_kept(context)
    }
}

/// Puts the task's id among its labels, the first time.
pub(super) fn begin(begun: &mut bool) {
    if !std::mem::replace(begun, true)
        && let Some(id) = task::try_id()
    {
        // In force as long as the labels of the task are.
        std::mem::forget(label("tokio_task", id));
    }
}

/// The future of a task that is spawned at `call`, and where a panic of its destructor is left.
pub(super) fn wrap<F: Future>(future: F, call: &'static Location<'static>) -> (Labelled<Task<F>>, Late) {
    let late = Late::default();
    let task = Task { inner: CatchPanic::new(future, Catcher::Task, call), late: late.clone(), begun: false };
    (Labelled::with(task, Scope::inherit()), late)
}

/// The same for a function that blocks.
pub(super) fn wrap_blocking<T>(
    f: impl FnOnce() -> T,
    call: &'static Location<'static>,
) -> impl FnOnce() -> Result<T, Caught> {
    let mut scope = Scope::inherit();
    move || {
        let _entered = scope.enter();
        begin(&mut false);
        guard(Catcher::Blocking, call, f)
    }
}
