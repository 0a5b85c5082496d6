//! The two clocks of a record.
//!
//! Runs on: every thread. Must not: allocate, lock, panic.

/// Nanoseconds since the Unix epoch; 0 when the clock cannot be read.
///
/// # Cost
/// One `clock_gettime`, on Linux without a system call.
pub(crate) fn wall_ns() -> u64 {
    read(libc::CLOCK_REALTIME)
}

/// Nanoseconds of the monotonic clock, from a start that only this machine knows; 0 when it cannot be read.
///
/// # Cost
/// One `clock_gettime`, on Linux without a system call.
pub(crate) fn mono_ns() -> u64 {
    read(libc::CLOCK_MONOTONIC)
}

fn read(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place for one `timespec` and lives until the call returns.
    let status = unsafe { libc::clock_gettime(clock, &raw mut time) };
    if status != 0 {
        return 0;
    }
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_clocks_run_and_the_wall_clock_agrees_with_std() {
        let before = mono_ns();
        let wall = wall_ns();
        let std = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        assert!(mono_ns() >= before && before > 0);
        assert!((std.as_nanos() as u64).abs_diff(wall) < 60_000_000_000, "{std:?} {wall}");
    }
}
