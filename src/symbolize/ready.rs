//! Reads debug information on a thread of its own, and says when that is done.
//!
//! The first look-up in a large unoptimized program takes long. A lock is held meanwhile, so a writer that looked up
//! a name then would wait for all of it.
//!
//! Runs on: the thread `panic-agent-symbols`, which ends when it is done, and the writer (`is_ready`).
//! Must not: be waited for without a deadline.

use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use crate::config::user_code::guarded;
use crate::platform;
use crate::symbolize::{ImageAt, Resolve};

/// Name of the thread.
const THREAD_NAME: &str = "panic-agent-symbols";
/// Reading debug information needs room, whatever `RUST_MIN_STACK` says.
const STACK_BYTES: usize = 2 * 1024 * 1024;

/// A return address whose name is wanted, and the place of its call.
pub(crate) type Wanted = (u64, Option<ImageAt>);

/// Starts to read what is wanted.
pub(crate) type Reader = Box<dyn FnMut(Vec<Wanted>) -> Arc<Readiness> + Send>;

/// Whether names can be looked up without a long wait.
#[derive(Debug, Default)]
pub(crate) struct Readiness {
    /// How long it took. Set once, when it is done: who sees it finds the debug information read.
    took: OnceLock<Duration>,
}

impl Readiness {
    /// For a resolver that needs no preparation, or of which nothing was asked yet.
    pub(crate) fn ready() -> Arc<Self> {
        Self::after(Duration::ZERO)
    }

    /// For a thread that reads.
    pub(crate) fn not_ready() -> Arc<Self> {
        Arc::default()
    }

    /// For a reading that took this long.
    pub(crate) fn after(took: Duration) -> Arc<Self> {
        Arc::new(Self { took: took.into() })
    }

    /// By whoever reads: it is done.
    pub(crate) fn set(&self, took: Duration) {
        self.took.get_or_init(|| took);
    }

    /// How long it took to read what was wanted; 0 until that is done.
    pub(crate) fn took(&self) -> Duration {
        self.took.get().copied().unwrap_or_default()
    }

    /// Whether a look-up is quick.
    pub(crate) fn is_ready(&self) -> bool {
        self.took.get().is_some()
    }
}

/// An address of the program, as a return address.
pub(crate) fn own_ip() -> u64 {
    platform::std().entry().unwrap_or(own_ip as *const () as usize as u64 + 1)
}

/// Starts the thread, which looks up what is wanted. It inherits the signal mask of the writer: all are blocked. `enter` is
/// called on it first.
///
/// When it cannot be started the answer is ready at once: the writer reads for itself then.
pub(crate) fn read(
    mut resolver: Box<dyn Resolve>,
    wanted: Vec<Wanted>,
    wake: impl Fn() + Send + 'static,
    enter: fn(),
) -> Arc<Readiness> {
    let readiness = Readiness::not_ready();
    let done = Done { readiness: readiness.clone(), wake, started: Instant::now() };
    let body = move || {
        // Dropped last, also when the body is never run.
        let _done = done;
        enter();
        guarded(|| {
            for (return_address, at) in &wanted {
                resolver.resolve(*return_address, at.as_ref(), &mut |_| ());
            }
            resolver.rest();
        });
    };
    // It ends by itself, and nobody waits for it; a failure to start drops the body.
    let _ends_by_itself =
        thread::Builder::new().name(THREAD_NAME.to_owned()).stack_size(STACK_BYTES).spawn(body);
    readiness
}

/// Whatever becomes of the thread, the writer stops waiting for it.
struct Done<W: Fn()> {
    readiness: Arc<Readiness>,
    wake: W,
    started: Instant,
}

impl<W: Fn()> Drop for Done<W> {
    fn drop(&mut self) {
        self.readiness.set(self.started.elapsed());
        (self.wake)();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::channel::Channel;
    use crate::record::Inlining;
    use crate::symbolize::{Found, ImageAt};

    /// Answers the first look-up when the test says so; then panics, if it is told to.
    struct Slow(mpsc::Receiver<bool>);

    impl Resolve for Slow {
        fn resolve(&mut self, _: u64, _: Option<&ImageAt>, _: &mut dyn FnMut(Found<'_>)) -> Inlining {
            if self.0.recv() == Ok(true) {
                std::panic::resume_unwind(Box::new("in the resolver"));
            }
            Inlining::Unknown
        }
    }

    #[test]
    fn it_is_ready_when_the_look_up_is_done_and_the_inbox_is_woken() {
        for panics in [false, true] {
            let (go, slow) = mpsc::channel();
            let inbox = Channel::leaked();
            let wanted = vec![(own_ip(), None)];
            let readiness = read(Box::new(Slow(slow)), wanted, || inbox.wake(), || ());
            assert!(!readiness.is_ready());
            go.send(panics).unwrap();
            drop(go);
            // Returns when somebody wakes the inbox.
            inbox.hold(None);
            assert!(readiness.is_ready());
        }
    }
}
