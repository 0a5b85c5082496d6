//! Reads the debug information of the process once, on a thread of its own, and says when that is done.
//!
//! The first look-up of a large unoptimized program takes seconds of processor time. The `backtrace` crate
//! holds one lock meanwhile, so a writer that looked up a name then would wait for all of it.
//!
//! Runs on: the thread `panic-agent-symbols`, which ends when it is done, and the writer (`is_ready`).
//! Must not: be waited for without a deadline.

use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread;

use super::guarded::guarded;
use super::inbox::Inbox;
use crate::symbolize::Resolve;

/// Name of the thread.
const THREAD_NAME: &str = "panic-agent-symbols";
/// Reading debug information needs room, whatever `RUST_MIN_STACK` says.
const STACK_BYTES: usize = 2 * 1024 * 1024;
/// Frames of the thread's own stack that are looked up: this crate's, and std's around it.
const FRAMES: usize = 24;

/// Whether names can be looked up without a long wait.
#[derive(Debug)]
pub(crate) struct Readiness {
    /// Set once. Release when set, Acquire when read: who sees it finds the debug information read.
    ready: AtomicBool,
}

impl Readiness {
    /// For a resolver that needs no preparation.
    pub(crate) fn ready() -> Arc<Self> {
        Arc::new(Self { ready: AtomicBool::new(true) })
    }

    /// For a warm-up that has not ended.
    pub(crate) fn not_ready() -> Arc<Self> {
        Arc::new(Self { ready: AtomicBool::new(false) })
    }

    /// Whether a look-up is quick.
    pub(crate) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }
}

/// Starts the thread. It inherits the signal mask of the writer: all are blocked. `enter` is called on it
/// first.
///
/// When it cannot be started the answer is ready at once: the writer reads for itself then.
pub(crate) fn warm_up(
    mut resolver: Box<dyn Resolve>,
    inbox: &'static dyn Inbox,
    enter: fn(),
) -> Arc<Readiness> {
    let readiness = Readiness::not_ready();
    let done = Done { readiness: readiness.clone(), inbox };
    let body = move || {
        // Dropped last, also when the body is never run.
        let _done = done;
        enter();
        guarded(|| look_up_own_stack(&mut *resolver));
    };
    // It ends by itself, and nobody waits for it; a failure to start drops the body.
    let _ends_by_itself =
        thread::Builder::new().name(THREAD_NAME.to_owned()).stack_size(STACK_BYTES).spawn(body);
    readiness
}

/// Whatever becomes of the thread, the writer stops waiting for it.
struct Done {
    readiness: Arc<Readiness>,
    inbox: &'static dyn Inbox,
}

impl Drop for Done {
    fn drop(&mut self) {
        self.readiness.ready.store(true, Ordering::Release);
        self.inbox.wake();
    }
}

/// The executable's index is read at the first look-up; the rest reads the parts about std's own panic
/// and thread functions, which are in every report.
fn look_up_own_stack(resolver: &mut dyn Resolve) {
    let mut ips = Vec::with_capacity(FRAMES);
    backtrace::trace(|frame| {
        ips.push(frame.ip().addr() as u64);
        ips.len() < FRAMES
    });
    for ip in ips {
        resolver.resolve(ip, &mut |_| {});
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::symbolize::Found;
    use crate::writer::samples::FakeInbox;

    /// Answers the first look-up when the test says so; then panics, if it is told to.
    struct Slow(mpsc::Receiver<bool>);

    impl Resolve for Slow {
        fn resolve(&mut self, _: u64, _: &mut dyn FnMut(Found<'_>)) {
            if self.0.recv() == Ok(true) {
                std::panic::resume_unwind(Box::new("in the resolver"));
            }
        }
    }

    #[test]
    fn it_is_ready_when_the_look_up_is_done_and_the_inbox_is_woken() {
        for panics in [false, true] {
            let (go, slow) = mpsc::channel();
            let inbox = FakeInbox::leaked();
            let readiness = warm_up(Box::new(Slow(slow)), inbox, || ());
            assert!(!readiness.is_ready());
            go.send(panics).unwrap();
            drop(go);
            // Returns when somebody wakes the inbox.
            inbox.hold(None);
            assert!(readiness.is_ready());
        }
    }
}
