//! Instants at which programs are killed.
//!
//! Runs on: the threads that judge, and those of programs. Must not: sleep.

use std::time::{Duration, Instant};

/// A small generator of reproducible instants (xorshift).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// Busy, because a sleep ends at instants that the scheduler likes.
pub(crate) fn busy(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        std::hint::spin_loop();
    }
}
