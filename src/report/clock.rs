//! Time stamps as text.
//!
//! Runs on: the writer thread. Must not: read the time zone.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::record::digits;

/// Formats nanoseconds since the epoch as RFC 3339 in UTC; remembers the text of the last second, since
/// reports come in bursts.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    second: Option<i64>,
    /// `2026-01-31T23:59:59`
    prefix: String,
}

/// A moment in both forms of the schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) ts: String,
    pub(crate) ts_ms: i64,
}

impl Clock {
    /// The two forms of a moment.
    pub(crate) fn stamp(&mut self, wall_ns: u64) -> Stamp {
        // Never wraps: 2^64 nanoseconds are 584 years.
        let second = (wall_ns / 1_000_000_000) as i64;
        if self.second != Some(second) {
            self.prefix =
                jiff::Timestamp::from_second(second).map_or_else(|_| String::new(), |at| at.to_string());
            self.prefix.truncate(self.prefix.trim_end_matches('Z').len());
            self.second = Some(second);
        }
        let mut ts = String::with_capacity(self.prefix.len() + 11);
        ts.push_str(&self.prefix);
        ts.push('.');
        digits::push(&mut ts, &digits::digits::<9>(wall_ns % 1_000_000_000, 10));
        ts.push('Z');
        Stamp { ts, ts_ms: (wall_ns / 1_000_000) as i64 }
    }

    /// The two forms of this moment.
    pub(crate) fn now(&mut self) -> Stamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.stamp(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_what_jiff_reads_back() {
        let mut clock = Clock::default();
        for ns in [0, 1, 999_999_999, 1_000_000_000, 1_760_000_000_123_456_789, u64::MAX] {
            let stamp = clock.stamp(ns);
            let back: jiff::Timestamp = stamp.ts.parse().unwrap();
            assert_eq!(back.as_nanosecond(), i128::from(ns), "{}", stamp.ts);
            assert_eq!(stamp.ts_ms, back.as_millisecond());
            assert!(stamp.ts.ends_with('Z') && stamp.ts.len() == "2026-01-31T23:59:59.000000000Z".len());
        }
    }
}
