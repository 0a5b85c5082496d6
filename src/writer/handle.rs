//! The writer seen from other threads: flush, finish, subscribe.
//!
//! Runs on: any thread, also in an `atexit` handler. Must not: wait without a deadline, or wait on the
//! writer thread for itself.

use core::cell::Cell;
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use super::caught_reports::Board;
use super::naming_budget::Budget;
use crate::act::Counts;
use crate::channel::Channel;
use crate::config::user_code::guarded;
use crate::record::{ExitPlace, Line, LossCounters, LossReason};

thread_local! {
    /// Whether this is a writer thread. No destructor, so it can be read at any time of a thread's life.
    static IS_WRITER: Cell<bool> = const { Cell::new(false) };
}

/// Marks the calling thread as a writer, for the whole of its life.
pub(crate) fn enter_writer_thread() {
    IS_WRITER.set(true);
}

/// The locks are std's, for a forked child with an agent of its own: see `sys::fork_lock`.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the writer and its handles share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// Number of the newest flush request.
    ///
    /// Acquire/Release: who sees a request also sees what was published before it was made.
    requested: AtomicU64,
    finish: AtomicBool,
    /// Requests that are not done, oldest first. Held while a request gets its number.
    waiting: Mutex<Vec<Waiting>>,
    /// `panic` lines that every sink took. Relaxed: the count publishes no other memory.
    written: AtomicU64,
    /// What became of panics, as far as lines told, in the order of [`Counts`]. Relaxed, as `written`.
    counts: [AtomicU64; 4],
    progress: Mutex<Progress>,
    moved: Condvar,
    subscribers: Mutex<Vec<Subscriber>>,
    /// Length of `subscribers`, so that the usual case of none takes no lock.
    subscribed: AtomicUsize,
    /// Reports for wrappers.
    pub(crate) board: Board,
    /// Whether somebody wants the debug information of the program to be read. Release when set, like a request.
    wants_names: AtomicBool,
    /// Who ends the process, until the writer takes it.
    exit: Mutex<Option<ExitPlace>>,
}

/// A request whose maker waits.
#[derive(Debug)]
struct Waiting {
    request: u64,
    budget: Budget,
    /// The process ends when its maker has waited long enough.
    ending: bool,
}

#[derive(Debug, Default)]
struct Progress {
    /// Newest request that is done.
    done: u64,
    finished: bool,
    /// Whether the debug information of the program is read.
    named: bool,
}

impl Shared {
    /// Newest request.
    pub(crate) fn requested(&self) -> u64 {
        self.requested.load(Ordering::Acquire)
    }

    /// A new request; with a budget when its maker waits that long.
    pub(crate) fn request(&self, budget: Option<Budget>, ending: bool) -> u64 {
        let mut waiting = locked(&self.waiting);
        let request = self.requested.fetch_add(1, Ordering::AcqRel).wrapping_add(1);
        waiting.extend(budget.map(|budget| Waiting { request, budget, ending }));
        request
    }

    /// Writer: the time of those that wait for a request. Who gave up waiting has no more to give, but at
    /// the end of the process every moment may be the last.
    pub(crate) fn budgets(&self, now: Instant) -> Vec<Budget> {
        let waiting = locked(&self.waiting);
        waiting.iter().filter(|one| one.ending || !one.budget.is_over(now)).map(|one| one.budget).collect()
    }

    /// Whether the end was asked for.
    pub(crate) fn finish_requested(&self) -> bool {
        self.finish.load(Ordering::Acquire)
    }

    /// Writer: everything up to request `done` is delivered.
    pub(crate) fn advance(&self, done: u64, finished: bool) {
        let mut progress = locked(&self.progress);
        if progress.done == done && progress.finished == finished {
            return;
        }
        *progress = Progress { done, finished, ..*progress };
        drop(progress);
        locked(&self.waiting).retain(|one| one.request > done);
        self.moved.notify_all();
    }

    /// Writer: whether somebody wants names to be ready, once.
    pub(crate) fn wants_names(&self) -> bool {
        self.wants_names.load(Ordering::Relaxed) && self.wants_names.swap(false, Ordering::Acquire)
    }

    /// Writer: whether the debug information of the program is read.
    pub(crate) fn names_are_read(&self, named: bool) {
        let mut progress = locked(&self.progress);
        if core::mem::replace(&mut progress.named, named) != named {
            drop(progress);
            self.moved.notify_all();
        }
    }

    /// Writer: who ends the process, once.
    pub(crate) fn take_exit(&self) -> Option<ExitPlace> {
        locked(&self.exit).take()
    }

    /// Writer: when the process began to end, by the monotonic clock in nanoseconds, if a thread said so.
    pub(crate) fn exit_ns(&self) -> Option<u64> {
        locked(&self.exit).as_ref().map(|exit| exit.mono_ns)
    }

    /// Writer: OS id of the thread that ends the process, if one said so.
    pub(crate) fn exit_thread(&self) -> Option<u32> {
        locked(&self.exit).as_ref().map(|exit| exit.tid)
    }

    /// Writer: one more `panic` line is out.
    pub(crate) fn count_written(&self) {
        self.written.fetch_add(1, Ordering::Relaxed);
    }

    /// `panic` lines that every sink took.
    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Writer: what became of panics so far.
    pub(crate) fn set_counts(&self, counts: Counts) {
        let Counts { silent, uncaught, tasks_died, swallowed } = counts;
        for (count, now) in self.counts.iter().zip([silent, uncaught, tasks_died, swallowed]) {
            count.store(now, Ordering::Relaxed);
        }
    }

    /// What became of panics so far.
    pub(crate) fn counts(&self) -> Counts {
        let counts = self.counts.each_ref().map(|count| count.load(Ordering::Relaxed));
        let [silent, uncaught, tasks_died, swallowed] = counts;
        Counts { silent, uncaught, tasks_died, swallowed }
    }

    /// Writer: gives a line to everybody who asked for lines.
    pub(crate) fn publish(&self, line: &Line, losses: &LossCounters) {
        if self.subscribed.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut wakers = Vec::new();
        let mut subscribers = locked(&self.subscribers);
        subscribers.retain(|subscriber| match subscriber.lines.try_send(line.clone()) {
            Ok(()) => {
                wakers.push(subscriber.waker.clone());
                true
            }
            Err(TrySendError::Full(_)) => {
                losses.record(LossReason::SubscriberFull);
                true
            }
            Err(TrySendError::Disconnected(_)) => false,
        });
        self.subscribed.store(subscribers.len(), Ordering::Release);
        drop(subscribers);
        // A task that is woken may run here, and may subscribe.
        wakers.iter().for_each(SharedWaker::wake);
    }

    /// Waits for something that the writer does; `false` when the time was over before, and on the writer itself.
    fn wait(&self, deadline: Duration, is_done: impl Fn(&Progress) -> bool) -> bool {
        let progress = locked(&self.progress);
        if IS_WRITER.get() {
            return is_done(&progress);
        }
        let waited = self.moved.wait_timeout_while(progress, deadline, |progress| !is_done(progress));
        let (_progress, outcome) = waited.unwrap_or_else(PoisonError::into_inner);
        !outcome.timed_out()
    }

    /// Writer: no line comes any more.
    pub(crate) fn close_subscriptions(&self) {
        let closed = core::mem::take(&mut *locked(&self.subscribers));
        self.subscribed.store(0, Ordering::Release);
        for Subscriber { lines, waker } in closed {
            drop(lines);
            waker.wake();
        }
    }
}

/// One who asked for lines.
#[derive(Debug)]
struct Subscriber {
    lines: Sender<Line>,
    waker: SharedWaker,
}

/// Wakes the task that waits for lines, if one does.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedWaker(Arc<Mutex<Option<Waker>>>);

impl SharedWaker {
    /// Wakes this task, in place of another one, at the next line.
    pub(crate) fn set(&self, waker: &Waker) {
        let mut kept = locked(&self.0);
        if !kept.as_ref().is_some_and(|kept| kept.will_wake(waker)) {
            *kept = Some(waker.clone());
        }
    }

    fn wake(&self) {
        let waker = locked(&self.0).take();
        if let Some(waker) = waker {
            // A runtime's code, which may panic.
            let _woken = guarded(|| waker.wake());
        }
    }
}

/// Talks to the writer thread. Clones talk to the same one.
#[derive(Clone)]
pub(crate) struct WriterHandle {
    pub(crate) shared: Arc<Shared>,
    inbox: &'static Channel,
}

impl WriterHandle {
    pub(crate) fn new(shared: Arc<Shared>, inbox: &'static Channel) -> Self {
        Self { shared, inbox }
    }

    /// Waits until everything that was published before this call is written and every sink is flushed.
    ///
    /// `false` when the time was over before, and at once on the writer thread itself, which cannot wait
    /// for what it is about to do.
    pub(crate) fn flush(&self, deadline: Duration) -> bool {
        self.wait(deadline, false)
    }

    /// Lets the debug information of the program be read and waits for it; `false` when the time was over before.
    pub(crate) fn warm_up(&self, deadline: Duration) -> bool {
        self.shared.wants_names.store(true, Ordering::Release);
        self.inbox.wake();
        self.shared.wait(deadline, |progress| progress.named)
    }

    /// Says who ends the process, before [`finish`](Self::finish).
    pub(crate) fn note_exit(&self, place: ExitPlace) {
        locked(&self.shared.exit).get_or_insert(place);
    }

    /// Like [`flush`](Self::flush), and then writes the totals and the `end` line. Further calls write no
    /// second `end` line; panics that come later are still written.
    pub(crate) fn finish(&self, deadline: Duration) -> bool {
        self.shared.finish.store(true, Ordering::Release);
        if locked(&self.shared.progress).finished {
            return true;
        }
        self.wait(deadline, true)
    }

    /// Lines from now on, as they are written. When `capacity` lines wait the next one is dropped for
    /// this subscriber and counted.
    pub(crate) fn subscribe(&self, capacity: usize) -> (Receiver<Line>, SharedWaker) {
        let (lines, receiver) = bounded(capacity.max(1));
        let waker = SharedWaker::default();
        let mut subscribers = locked(&self.shared.subscribers);
        subscribers.push(Subscriber { lines, waker: waker.clone() });
        self.shared.subscribed.store(subscribers.len(), Ordering::Release);
        (receiver, waker)
    }

    fn wait(&self, deadline: Duration, finish: bool) -> bool {
        let now = Instant::now();
        let waits = !deadline.is_zero() && !IS_WRITER.get();
        let budget = waits.then(|| Budget::new(now, deadline));
        let request = self.shared.request(budget, finish);
        self.inbox.wake();
        self.shared.wait(deadline, |progress| progress.done >= request && (!finish || progress.finished))
    }
}
