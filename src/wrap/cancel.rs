//! The word that everybody in a group is to stop.
//!
//! Runs on: threads and tasks of the program. Must not: wake anybody while it holds its lock.

use core::pin::Pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, Waker};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// Tells tasks to stop. Clones share one state.
///
/// # Examples
/// ```
/// use std::time::Duration;
///
/// let token = panic_agent::task::CancelToken::new();
/// let theirs = token.clone();
/// let worker = std::thread::spawn(move || theirs.wait_timeout(Duration::from_secs(60)));
/// token.cancel();
/// assert!(worker.join().unwrap());
/// ```
#[derive(Clone, Debug, Default)]
pub struct CancelToken(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Set once. Release when set, acquire when read: what came before the cancellation is seen after it.
    cancelled: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    deadline: Option<Instant>,
    wakers: BTreeMap<u64, Waker>,
    next_waker: u64,
}

impl CancelToken {
    /// A token that is not cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels the token. Further calls have no effect.
    pub fn cancel(&self) {
        if self.0.cancelled.swap(true, Ordering::AcqRel) {
            return;
        }
        let wakers = std::mem::take(&mut self.0.state.lock().wakers);
        self.0.changed.notify_all();
        wakers.into_values().for_each(Waker::wake);
    }

    /// Cancels at this time, unless an earlier one was said already. Threads that ask or wait notice it themselves;
    /// tasks that await [`cancelled`](Self::cancelled) need somebody to call [`cancel`](Self::cancel).
    pub(super) fn cancel_at(&self, deadline: Instant) {
        let mut state = self.0.state.lock();
        state.deadline = Some(state.deadline.map_or(deadline, |known| known.min(deadline)));
        drop(state);
        self.0.changed.notify_all();
    }

    /// Whether the token is cancelled.
    pub fn is_cancelled(&self) -> bool {
        if self.0.cancelled.load(Ordering::Acquire) {
            return true;
        }
        let over = self.0.state.lock().deadline.is_some_and(|deadline| deadline <= Instant::now());
        if over {
            self.cancel();
        }
        over
    }

    /// Returns `Err(Stop::Cancelled)` if the token is cancelled; for `?` in a task.
    ///
    /// # Errors
    /// If the token is cancelled.
    pub fn check<E>(&self) -> Result<(), Stop<E>> {
        if self.is_cancelled() { Err(Stop::Cancelled) } else { Ok(()) }
    }

    /// Blocks this thread until the token is cancelled, at most for `timeout`. Returns whether it is cancelled.
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        let until = Instant::now().checked_add(timeout);
        let mut state = self.0.state.lock();
        loop {
            if self.0.cancelled.load(Ordering::Acquire) {
                return true;
            }
            let now = Instant::now();
            if state.deadline.is_some_and(|deadline| deadline <= now) {
                drop(state);
                self.cancel();
                return true;
            }
            if until.is_some_and(|until| until <= now) {
                return false;
            }
            match state.deadline.into_iter().chain(until).min() {
                Some(next) => _ = self.0.changed.wait_until(&mut state, next),
                None => self.0.changed.wait(&mut state),
            }
        }
    }

    /// Returns a future that completes when the token is cancelled. It needs no runtime.
    pub fn cancelled(&self) -> Cancelled {
        Cancelled { token: self.clone(), waker: None }
    }
}

/// Completes when its token is cancelled; see [`CancelToken::cancelled`].
#[derive(Debug)]
#[must_use = "futures do nothing unless they are polled"]
pub struct Cancelled {
    token: CancelToken,
    waker: Option<u64>,
}

impl Future for Cancelled {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.token.is_cancelled() {
            return Poll::Ready(());
        }
        let shared = self.token.0.clone();
        let mut state = shared.state.lock();
        let number = *self.waker.get_or_insert_with(|| {
            state.next_waker = state.next_waker.wrapping_add(1);
            state.next_waker
        });
        state.wakers.insert(number, context.waker().clone());
        drop(state);
        // `cancel` sets the flag before it takes the wakers.
        if shared.cancelled.load(Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for Cancelled {
    fn drop(&mut self) {
        if let Some(number) = self.waker {
            let waker = self.token.0.state.lock().wakers.remove(&number);
            drop(waker);
        }
    }
}

/// Why a task ended without a result. `?` converts an error into `Failed`, and [`CancelToken::check`] returns `Cancelled`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stop<E> {
    /// The task failed. Its siblings are cancelled.
    Failed(E),
    /// The task stopped because it was cancelled. This is not a failure.
    Cancelled,
}

impl<E> From<E> for Stop<E> {
    fn from(error: E) -> Self {
        Self::Failed(error)
    }
}
