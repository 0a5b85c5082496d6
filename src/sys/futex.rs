//! A word to wait on.
//!
//! Runs on: the writer (sleeping), and panicking threads that have decided to wait.
//! Must not: allocate, lock, panic.

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
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(crate) fn wait(&self, expected: u32, timeout: Option<Duration>) {
        let time = timeout.map(|timeout| libc::timespec {
            tv_sec: timeout.as_secs().try_into().unwrap_or(libc::time_t::MAX),
            // Always fits: below 1,000,000,000.
            tv_nsec: timeout.subsec_nanos() as _,
        });
        let time = time.as_ref().map_or(core::ptr::null(), |time| time as *const libc::timespec);
        // SAFETY: the word is a live, aligned `u32`, and `time` is null or points to a `timespec` on this
        // stack. Every outcome (woken, changed, interrupted, timed out) means the same to the caller, who
        // looks at the word again.
        unsafe {
            libc::syscall(
                libc::SYS_futex,
                self.0.as_ptr(),
                libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG,
                expected,
                time,
            );
        }
    }

    /// Wakes one waiter.
    ///
    /// # Cost
    /// One system call.
    pub(crate) fn wake_one(&self) {
        self.wake(1);
    }

    /// Wakes every waiter.
    ///
    /// # Cost
    /// One system call.
    pub(crate) fn wake_all(&self) {
        self.wake(i32::MAX);
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn wake(&self, count: i32) {
        // SAFETY: the word is a live, aligned `u32`; waking reads nothing else.
        unsafe {
            libc::syscall(
                libc::SYS_futex,
                self.0.as_ptr(),
                libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG,
                count,
            );
        }
    }

    /// The twin for systems without a futex: looks every millisecond.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(crate) fn wait(&self, expected: u32, timeout: Option<Duration>) {
        const LOOK: Duration = Duration::from_millis(1);
        let start = std::time::Instant::now();
        while self.0.load(core::sync::atomic::Ordering::Acquire) == expected {
            let left = timeout.map_or(LOOK, |timeout| timeout.saturating_sub(start.elapsed()));
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left.min(LOOK));
        }
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn wake(&self, _count: i32) {}
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
