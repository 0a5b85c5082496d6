//! Lines as values, inside the process.
//!
//! Runs on: the subscriber's thread or task. Must not: hold up the writer.

use core::task::{Context, Poll};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, TryRecvError};

use crate::record::{Line, PanicId, Receipt, RecvError, Verdict};
use crate::writer::SharedWaker;

/// A bounded queue of lines: panics, verdicts, findings and the others, in the order in which they are written.
///
/// Dropping it ends the subscription. It is closed when there is no agent, and once the agent has written its `end` line.
///
/// # Examples
/// ```
/// use panic_agent::sink::MemorySink;
/// use panic_agent::Line;
///
/// let _agent = panic_agent::Agent::builder().sink(MemorySink::new()).install()?;
/// let lines = panic_agent::subscribe(64);
/// std::thread::spawn(|| panic!("out of cheese")).join().unwrap_err();
///
/// let panic = lines.iter().find_map(|line| match line {
///     Line::Panic(report) => Some(report),
///     _ => None,
/// });
/// assert_eq!(panic.unwrap().message.as_deref(), Some("out of cheese"));
/// # Ok::<(), panic_agent::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping it ends the subscription"]
pub struct Subscription {
    lines: Option<(Receiver<Line>, SharedWaker)>,
}

impl Subscription {
    pub(super) fn new(lines: Option<(Receiver<Line>, SharedWaker)>) -> Self {
        Self { lines }
    }

    fn receiver(&self) -> Result<&Receiver<Line>, RecvError> {
        self.lines.as_ref().map(|(receiver, _)| receiver).ok_or(RecvError::Closed)
    }

    /// The next line, if one is waiting.
    ///
    /// # Errors
    /// [`RecvError::Empty`] or [`RecvError::Closed`].
    pub fn try_recv(&self) -> Result<Line, RecvError> {
        self.receiver()?.try_recv().map_err(|error| match error {
            TryRecvError::Empty => RecvError::Empty,
            TryRecvError::Disconnected => RecvError::Closed,
        })
    }

    /// The next line; waits for it.
    ///
    /// # Errors
    /// [`RecvError::Closed`].
    pub fn recv(&self) -> Result<Line, RecvError> {
        self.receiver()?.recv().map_err(|_| RecvError::Closed)
    }

    /// The next line; waits for it at most this long.
    ///
    /// # Errors
    /// [`RecvError::TimedOut`] or [`RecvError::Closed`].
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Line, RecvError> {
        self.receiver()?.recv_timeout(timeout).map_err(|error| match error {
            RecvTimeoutError::Timeout => RecvError::TimedOut,
            RecvTimeoutError::Disconnected => RecvError::Closed,
        })
    }

    /// Waits, at most this long, for the line that tells whether anybody received the error of a panic: the first one with
    /// its id whose receipt is no longer `pending`. That is a [`Line::Panic`] when it was known at once, else a
    /// [`Line::Verdict`]. Lines that come before it are taken out of the queue.
    ///
    /// A later verdict may still say more, such as that a received error was read.
    ///
    /// # Errors
    /// [`RecvError::TimedOut`] or [`RecvError::Closed`].
    pub fn recv_verdict(&self, id: PanicId, timeout: Duration) -> Result<Line, RecvError> {
        let until = Instant::now().checked_add(timeout);
        loop {
            let left = until.map_or(timeout, |until| until.saturating_duration_since(Instant::now()));
            let line = self.recv_timeout(left)?;
            let is_known =
                |verdict: Verdict<'_>| verdict.head.id == id && verdict.receipt != Receipt::Pending;
            if line.verdict().is_some_and(is_known) {
                return Ok(line);
            }
        }
    }

    /// Waits for each line until the subscription is closed.
    pub fn iter(&self) -> impl Iterator<Item = Line> + '_ {
        core::iter::from_fn(|| self.recv().ok())
    }

    /// The next line for a task, which is woken when one comes; `None` when the subscription is closed. Needs no runtime.
    pub fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Option<Line>> {
        let first = self.try_recv();
        let Some((_, waker)) = &self.lines else { return Poll::Ready(None) };
        let answer = match first {
            Err(RecvError::Empty) => {
                waker.set(context.waker());
                // One may have come before the waker was there.
                self.try_recv()
            }
            other => other,
        };
        match answer {
            Ok(line) => Poll::Ready(Some(line)),
            Err(RecvError::Empty) => Poll::Pending,
            Err(_) => Poll::Ready(None),
        }
    }
}

#[cfg(feature = "tokio")]
impl futures_core::Stream for Subscription {
    type Item = Line;

    fn poll_next(mut self: core::pin::Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Line>> {
        self.poll_recv(context)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use super::*;
    use crate::channel::Channel;
    use crate::record::LossCounters;
    use crate::testing::samples::line_of_any_kind;
    use crate::writer::WriterHandle;
    use crate::writer::handle::Shared;

    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn subscription(capacity: usize) -> (Arc<Shared>, Subscription) {
        let shared = Arc::new(Shared::default());
        let handle = WriterHandle::new(shared.clone(), Channel::leaked());
        let subscription = Subscription::new(Some(handle.subscribe(capacity)));
        (shared, subscription)
    }

    #[test]
    fn empty_and_closed_are_told_apart_and_what_waits_is_still_received() {
        let (shared, lines) = subscription(2);
        let losses = LossCounters::default();
        assert_eq!(lines.try_recv(), Err(RecvError::Empty));
        assert_eq!(lines.recv_timeout(Duration::from_millis(1)), Err(RecvError::TimedOut));
        shared.publish(&line_of_any_kind(), &losses);
        shared.close_subscriptions();
        assert_eq!(lines.iter().count(), 1);
        for closed in [lines.try_recv(), lines.recv(), lines.recv_timeout(Duration::from_secs(60))] {
            assert_eq!(closed, Err(RecvError::Closed));
        }
        assert_eq!(Subscription::new(None).recv(), Err(RecvError::Closed));
    }

    #[test]
    fn a_task_is_woken_by_a_line_and_by_the_end() {
        let (shared, mut lines) = subscription(2);
        let woken = Arc::new(Woken(AtomicUsize::new(0)));
        let waker = Waker::from(woken.clone());
        let mut context = Context::from_waker(&waker);
        assert_eq!(lines.poll_recv(&mut context), Poll::Pending);
        shared.publish(&line_of_any_kind(), &LossCounters::default());
        assert_eq!(woken.0.load(Ordering::SeqCst), 1);
        assert_eq!(lines.poll_recv(&mut context), Poll::Ready(Some(line_of_any_kind())));
        assert_eq!(lines.poll_recv(&mut context), Poll::Pending);
        shared.close_subscriptions();
        assert_eq!(woken.0.load(Ordering::SeqCst), 2);
        assert_eq!(lines.poll_recv(&mut context), Poll::Ready(None));
    }

    #[cfg(feature = "tokio")]
    #[test]
    fn it_is_a_stream() {
        let (shared, lines) = subscription(2);
        shared.publish(&line_of_any_kind(), &LossCounters::default());
        shared.close_subscriptions();
        let mut lines = core::pin::pin!(lines);
        let mut context = Context::from_waker(Waker::noop());
        let mut next = || futures_core::Stream::poll_next(lines.as_mut(), &mut context);
        assert_eq!((next(), next()), (Poll::Ready(Some(line_of_any_kind())), Poll::Ready(None)));
    }
}
