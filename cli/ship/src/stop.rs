//! The wish to end, at once or when everything is shipped, and waits that heed it.
//!
//! Runs on: every thread. Must not: miss a wish.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Asks a shipper for its end. Clones ask the same one.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<(Mutex<Wish>, Condvar)>);

#[derive(Debug, Default)]
struct Wish {
    asked: bool,
    /// What is there is to be shipped until then.
    drain: Option<Instant>,
}

impl Stop {
    /// What is being sent is sent; nothing else is begun.
    pub fn ask(&self) {
        self.wish().asked = true;
        self.0.1.notify_all();
    }

    /// Whether the end was asked for.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.wish().asked
    }

    pub(crate) fn drain(&self, within: Duration) {
        let now = Instant::now();
        // A time that no clock shows is far away.
        self.wish().drain = Some(now.checked_add(within).unwrap_or(now + Duration::from_secs(1 << 32)));
        self.0.1.notify_all();
    }

    /// Until when what is there is to be shipped. `None`: as long as nobody asks for the end.
    pub(crate) fn draining(&self) -> Option<Instant> {
        self.wish().drain
    }

    fn wish(&self) -> MutexGuard<'_, Wish> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits, at most until everything is to be drained. False: the end is asked for.
    pub(crate) fn wait(&self, duration: Duration) -> bool {
        self.wait_unless(duration, |_| false)
    }

    /// The same for news: also until draining begins.
    pub(crate) fn wait_for_news(&self, duration: Duration) -> bool {
        self.wait_unless(duration, |wish| wish.drain.is_some())
    }

    fn wait_unless(&self, duration: Duration, is_over: impl Fn(&Wish) -> bool) -> bool {
        let until = Instant::now().checked_add(duration);
        let mut wish = self.wish();
        loop {
            if wish.asked {
                return false;
            }
            if is_over(&wish) {
                return true;
            }
            let until = wish.drain.into_iter().chain(until).min();
            let left = until
                .map_or(Duration::from_secs(3600), |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return true;
            }
            wish = self.0.1.wait_timeout(wish, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
