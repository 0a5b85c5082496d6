//! A worker that is started again when it panics.
//!
//! Runs on: the worker's thread. Must not: start it more often than was asked for.

use core::hash::BuildHasher;
use std::collections::VecDeque;
use std::panic::Location;
use std::time::Duration;

use super::Caught;
use super::catch::guard;
use crate::probe::{Catcher, Event, PanicRef, wrapper_notes};
use crate::record::Notice;

/// The longest wait before a restart.
const LONGEST: Duration = Duration::from_secs(60);

/// Earlier panics that the last one carries; each is reported when it is raised, whatever happens here.
const EARLIER: usize = 16;

/// Calls `f` until it returns, or has panicked once more than it may be started again, which is `max` times. The error is the
/// last panic, which carries the earlier ones.
pub(super) fn run<T>(
    max: u32,
    first_wait: Duration,
    call: &Location<'_>,
    name: Option<&str>,
    f: &mut impl FnMut() -> T,
) -> Result<T, Caught> {
    let mut earlier = VecDeque::new();
    for restarts in 0_u32.. {
        let caught = match guard(Catcher::Supervisor, call, &mut *f) {
            Ok(value) => return Ok(value),
            Err(caught) => caught,
        };
        if restarts >= max {
            let panic = caught.panic().unwrap_or(PanicRef::NONE);
            let number = restarts.saturating_add(1);
            wrapper_notes::send(Event::Noticed { what: Notice::GaveUp, panic, number }, |entry| {
                entry.text.set(name.unwrap_or("<unnamed>"));
            });
            return Err(earlier.into_iter().fold(caught, Caught::with));
        }
        if earlier.len() == EARLIER {
            earlier.pop_front();
        }
        earlier.push_back(caught);
        std::thread::sleep(jittered(backoff(first_wait, restarts)));
    }
    unreachable!("the range has no end")
}

/// Doubles with each restart.
fn backoff(first: Duration, restarts: u32) -> Duration {
    first.saturating_mul(1_u32.checked_shl(restarts).unwrap_or(u32::MAX)).min(LONGEST)
}

/// Half to one and a half times as long, so that workers that died together do not come back together.
fn jittered(wait: Duration) -> Duration {
    // std's per-process random keys, counted on with each use.
    let random = std::hash::RandomState::new().hash_one(0) % 1024;
    wait / 2 + wait.mul_f64(random as f64 / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_a_minute() {
        let wait = |restarts| backoff(Duration::from_millis(10), restarts);
        assert_eq!([wait(0), wait(1), wait(5)].map(|wait| wait.as_millis()), [10, 20, 320]);
        assert_eq!([wait(31), wait(32), wait(u32::MAX)], [LONGEST; 3]);
    }

    #[test]
    fn the_wait_varies_by_a_half() {
        let waits: Vec<_> = (0..64).map(|_| jittered(Duration::from_secs(2)).as_millis()).collect();
        assert!(waits.iter().all(|wait| (1000..3000).contains(wait)), "{waits:?}");
        assert!(waits.iter().any(|wait| *wait != waits[0]), "{waits:?}");
    }
}
