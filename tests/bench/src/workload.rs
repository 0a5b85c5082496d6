//! Panics that are caught, at a given depth of user frames, each with a destructor to run.

use std::hint::black_box;
use std::panic::catch_unwind;
use std::time::{Duration, Instant};

struct Droppable(usize);

impl Drop for Droppable {
    fn drop(&mut self) {
        black_box(self.0);
    }
}

#[inline(never)]
fn descend(frames: usize) -> usize {
    let local = Droppable(frames);
    if frames <= 1 {
        panic!("index {} is out of range", black_box(frames));
    }
    let below = descend(black_box(frames - 1));
    black_box(local.0) + below
}

/// One panic, caught; `frames` frames of the program lie between the catch and the `panic!`.
pub fn caught_panic(frames: usize) {
    let result = catch_unwind(|| descend(black_box(frames)));
    drop(black_box(result));
}

/// Nanoseconds of each of `count` panics, or as many as `limit` allows, after a warm-up.
pub fn sample(frames: usize, count: usize, limit: Duration) -> Vec<u64> {
    let begin = Instant::now();
    for _ in 0..(count / 10).max(3) {
        caught_panic(frames);
        if begin.elapsed() > limit / 4 {
            break;
        }
    }
    let mut samples = Vec::with_capacity(count);
    let begin = Instant::now();
    while samples.len() < count && (samples.len() < 5 || begin.elapsed() < limit) {
        let start = Instant::now();
        caught_panic(frames);
        samples.push(start.elapsed().as_nanos() as u64);
    }
    samples
}
