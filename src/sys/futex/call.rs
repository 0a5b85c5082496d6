//! The twin for systems without a futex: looks every millisecond.
//!
//! Runs on: see `futex`. Must not: allocate, lock, panic.

use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

const LOOK: Duration = Duration::from_millis(1);

pub(super) fn wait(word: &AtomicU32, expected: u32, timeout: Option<Duration>) {
    let start = std::time::Instant::now();
    while word.load(Ordering::Acquire) == expected {
        let left = timeout.map_or(LOOK, |timeout| timeout.saturating_sub(start.elapsed()));
        if left.is_zero() {
            return;
        }
        std::thread::sleep(left.min(LOOK));
    }
}

/// Whoever waits looks.
pub(super) fn wake(_: &AtomicU32, _: i32) {}
