//! A word to wait on.
//!
//! Runs on: the writer (sleeping), and panicking threads that have decided to wait.
//! Must not: allocate, lock, panic.

// Under its own name the twin of other systems, which polls.
#[cfg_attr(any(target_os = "linux", target_os = "android"), path = "call_linux.rs")]
mod call;

use core::sync::atomic::AtomicU32;
use core::time::Duration;

/// An atomic word whose waiters sleep in the kernel. All zero is a valid value.
///
/// The contract that everything above relies on: `wait(expected)` returns at once when the word is not
/// `expected`, and a `wake` that comes after the word was changed reaches every thread that had seen
/// `expected` before. It may also return for no reason.
#[derive(Debug, Default)]
#[repr(transparent)]
pub(crate) struct Futex(AtomicU32);

impl Futex {
    #[cfg(test)]
    pub(crate) const fn new(value: u32) -> Self {
        Self(AtomicU32::new(value))
    }

    /// The word.
    pub(crate) fn word(&self) -> &AtomicU32 {
        &self.0
    }

    /// Sleeps while the word is `expected`, at most `timeout`, or for ever with `None`.
    ///
    /// # Cost
    /// One system call.
    pub(crate) fn wait(&self, expected: u32, timeout: Option<Duration>) {
        call::wait(&self.0, expected, timeout);
    }

    /// Wakes one waiter.
    ///
    /// # Cost
    /// One system call.
    pub(crate) fn wake_one(&self) {
        call::wake(&self.0, 1);
    }

    /// Wakes every waiter.
    ///
    /// # Cost
    /// One system call.
    pub(crate) fn wake_all(&self) {
        call::wake(&self.0, i32::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::sync::atomic::Ordering;
    use std::time::Instant;

    #[test]
    fn waiting_ends_when_the_word_differs_when_woken_and_at_the_timeout() {
        let futex = Futex::new(1);
        futex.wait(0, None);
        let start = Instant::now();
        futex.wait(1, Some(Duration::from_millis(5)));
        assert!(start.elapsed() < Duration::from_secs(30));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while futex.word().load(Ordering::Acquire) == 1 {
                    futex.wait(1, None);
                }
            });
            futex.word().store(2, Ordering::Release);
            futex.wake_all();
            futex.wake_one();
        });
    }
}
