//! The two clocks of a record.
//!
//! Runs on: every thread. Must not: allocate, lock, panic.

/// Nanoseconds since the Unix epoch; 0 when the clock cannot be read.
///
/// # Cost
/// One `clock_gettime`, on Linux without a system call.
#[cfg(unix)]
pub(crate) fn wall_ns() -> u64 {
    read(libc::CLOCK_REALTIME)
}

/// Nanoseconds of the monotonic clock, from a start that only this machine knows; 0 when it cannot be read.
///
/// # Cost
/// One `clock_gettime`, on Linux without a system call.
#[cfg(unix)]
pub(crate) fn mono_ns() -> u64 {
    read(libc::CLOCK_MONOTONIC)
}

#[cfg(unix)]
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

/// The twin for systems without `clock_gettime`.
#[cfg(not(unix))]
pub(crate) fn wall_ns() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// The twin for systems without `clock_gettime`: counts from the first call.
#[cfg(not(unix))]
pub(crate) fn mono_ns() -> u64 {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    let since = START.get_or_init(std::time::Instant::now).elapsed();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX).saturating_add(1)
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
