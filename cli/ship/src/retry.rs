//! How long is waited: what the receiver says, or else longer and longer, by chance.
//!
//! Runs on: the thread of a destination.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// Backoff with full jitter.
#[derive(Debug)]
pub(crate) struct Backoff {
    min: Duration,
    max: Duration,
    failures: u32,
}

impl Backoff {
    pub(crate) fn new(min: Duration, max: Duration) -> Self {
        Self { min, max, failures: 0 }
    }

    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// The next wait: anything up to a limit that doubles.
    pub(crate) fn next(&mut self) -> Duration {
        let limit =
            self.min.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX)).min(self.max);
        self.failures = self.failures.saturating_add(1).min(31);
        limit.mul_f64(chance())
    }
}

/// From 0 to 1. Keys of hash maps are random, and each has another one.
fn chance() -> f64 {
    let random = RandomState::new().hash_one(0_u8) >> 11;
    random as f64 / (1_u64 << 53) as f64
}

/// `Retry-After`: seconds, or a date.
pub(crate) fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    // The date of HTTP is that of mail, with `GMT` for its zone.
    let until = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Duration::try_from(until.duration_since(now)).unwrap_or(Duration::ZERO))
}

/// `X-Sentry-Rate-Limits`: `60:error;default:key:reason, 2700::organization`. What concerns errors, or everything.
pub(crate) fn sentry_limits(text: &str) -> Option<Duration> {
    let limits = text.split(',').filter_map(|limit| {
        let mut parts = limit.trim().split(':');
        let seconds =
            parts.next()?.trim().parse::<f64>().ok().filter(|seconds| (0.0..1e9).contains(seconds))?;
        let categories = parts.next().unwrap_or_default().trim();
        let concerned = categories.is_empty() || categories.split(';').any(|category| category == "error");
        concerned.then(|| Duration::from_secs_f64(seconds))
    });
    limits.max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_limit_and_differ() {
        let (min, max) = (Duration::from_millis(100), Duration::from_secs(2));
        let mut waits = Vec::new();
        for _ in 0..200 {
            let mut backoff = Backoff::new(min, max);
            let first = backoff.next();
            assert!(first <= min);
            let last = (0..40).map(|_| backoff.next()).max().unwrap();
            assert!(last > min && last <= max, "{last:?}");
            waits.push(first);
        }
        waits.sort_unstable();
        waits.dedup();
        assert!(waits.len() > 150, "chance has a part in it");
        assert!(waits[0] < min / 10 && *waits.last().unwrap() > min * 9 / 10);
    }

    #[test]
    fn what_the_receiver_asks_for_is_understood_in_all_its_forms() {
        let now: Timestamp = "2026-11-28T08:00:00Z".parse().unwrap();
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(retry_after("120", now), seconds(120));
        assert_eq!(retry_after("Sat, 28 Nov 2026 08:02:00 GMT", now), seconds(120));
        assert_eq!(retry_after("Sat, 28 Nov 2026 07:00:00 GMT", now), seconds(0));
        assert_eq!(retry_after("soon", now), None);
        assert_eq!(sentry_limits("49:error;default;security:project"), seconds(49));
        assert_eq!(sentry_limits("60:transaction:key, 2700::organization"), seconds(2700));
        assert_eq!(sentry_limits("60:transaction:key"), None);
        assert_eq!(sentry_limits("x:error"), None);
    }
}
