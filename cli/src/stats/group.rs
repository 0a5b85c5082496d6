//! Counts of panics that belong together.
//!
//! Runs on: the threads that read. Must not: grow with the number of panics.

/// Names that a group keeps of each sort.
const MAX_NAMES: usize = 8;
/// Buckets of time.
const BUCKETS: usize = 64;
/// The first buckets are a second wide: 2^10 ms.
const SHIFT: u32 = 10;

/// Panics with one key.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// Key as a text.
    pub(crate) name: String,
    pub(crate) count: u64,
    pub(crate) silent: u64,
    pub(crate) swallowed: u64,
    pub(crate) uncaught: u64,
    /// Of how many `silent` is not known.
    pub(crate) unknown: u64,
    pub(crate) first_ms: i64,
    pub(crate) last_ms: i64,
    pub(crate) hosts: Few,
    pub(crate) versions: Few,
    pub(crate) over_time: Histogram,
    /// Of the first panic.
    pub(crate) message: String,
    pub(crate) place: Option<String>,
    pub(crate) fingerprint: u64,
}

impl Group {
    pub(crate) fn new(name: String, ts_ms: i64) -> Self {
        Self {
            name,
            count: 0,
            silent: 0,
            swallowed: 0,
            uncaught: 0,
            unknown: 0,
            first_ms: ts_ms,
            last_ms: ts_ms,
            hosts: Few::default(),
            versions: Few::default(),
            over_time: Histogram::default(),
            message: String::new(),
            place: None,
            fingerprint: 0,
        }
    }

    pub(crate) fn add(&mut self, ts_ms: i64, count: u64) {
        self.count = self.count.saturating_add(count);
        self.first_ms = self.first_ms.min(ts_ms);
        self.last_ms = self.last_ms.max(ts_ms);
        self.over_time.add(ts_ms, count);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.silent = self.silent.saturating_add(other.silent);
        self.swallowed = self.swallowed.saturating_add(other.swallowed);
        self.uncaught = self.uncaught.saturating_add(other.uncaught);
        self.unknown = self.unknown.saturating_add(other.unknown);
        if other.first_ms < self.first_ms {
            self.message.clone_from(&other.message);
            self.place.clone_from(&other.place);
        }
        self.first_ms = self.first_ms.min(other.first_ms);
        self.last_ms = self.last_ms.max(other.last_ms);
        self.hosts.merge(&other.hosts);
        self.versions.merge(&other.versions);
        self.over_time.merge(&other.over_time);
    }
}

/// A few names, and whether there were more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Few {
    pub(crate) names: Vec<Box<str>>,
    pub(crate) more: bool,
}

impl Few {
    pub(crate) fn add(&mut self, name: &str) {
        if self.names.iter().any(|known| **known == *name) {
            return;
        }
        if self.names.len() < MAX_NAMES {
            self.names.push(name.into());
        } else {
            self.more = true;
        }
    }

    fn merge(&mut self, other: &Self) {
        self.more |= other.more;
        other.names.iter().for_each(|name| self.add(name));
    }

    /// `3`, or `more than 8`.
    pub(crate) fn count(&self) -> String {
        if self.more { format!(">{}", self.names.len()) } else { self.names.len().to_string() }
    }
}

/// How many when, in buckets that become wider as the time gets longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Histogram {
    shift: u32,
    /// Number of the first bucket since the epoch.
    base: i64,
    counts: [u64; BUCKETS],
    empty: bool,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { shift: SHIFT, base: 0, counts: [0; BUCKETS], empty: true }
    }
}

impl Histogram {
    pub(crate) fn add(&mut self, ts_ms: i64, count: u64) {
        if self.empty {
            (self.base, self.empty) = (ts_ms >> self.shift, false);
        }
        loop {
            let bucket = ts_ms >> self.shift;
            let last = self.last();
            let (low, high) = (self.base.min(bucket), last.max(bucket));
            if high.saturating_sub(low) < BUCKETS as i64 {
                self.rebase(low);
                let at = usize::try_from(bucket - self.base).unwrap_or(0);
                if let Some(slot) = self.counts.get_mut(at) {
                    *slot = slot.saturating_add(count);
                }
                return;
            }
            self.widen();
        }
    }

    /// The last bucket with something in it.
    fn last(&self) -> i64 {
        let at = self.counts.iter().rposition(|count| *count > 0).unwrap_or(0);
        self.base + at as i64
    }

    /// Begins at an earlier bucket.
    fn rebase(&mut self, low: i64) {
        let by = usize::try_from(self.base.saturating_sub(low)).unwrap_or(0);
        if by > 0 {
            self.counts.rotate_right(by % BUCKETS);
            self.base = low;
        }
    }

    fn widen(&mut self) {
        let old = std::mem::replace(&mut self.counts, [0; BUCKETS]);
        let base = self.base >> 1;
        for (at, count) in old.iter().enumerate() {
            let bucket = (self.base + at as i64) >> 1;
            if let Some(slot) = usize::try_from(bucket - base).ok().and_then(|at| self.counts.get_mut(at)) {
                *slot = slot.saturating_add(*count);
            }
        }
        (self.base, self.shift) = (base, self.shift + 1);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (ts_ms, count) in other.points() {
            self.add(ts_ms, count);
        }
    }

    /// Begin of each bucket that is not empty, and its count.
    fn points(&self) -> impl Iterator<Item = (i64, u64)> + '_ {
        let counts = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        counts.map(|(at, count)| ((self.base + at as i64) << self.shift, *count))
    }

    /// Counts over a range of time, in so many columns.
    pub(crate) fn columns(&self, first_ms: i64, last_ms: i64, columns: usize) -> Vec<u64> {
        let mut out = vec![0_u64; columns];
        let (from, span) = (i128::from(first_ms), (i128::from(last_ms) - i128::from(first_ms)).max(1));
        for (ts_ms, count) in self.points() {
            let ts_ms = i128::from(ts_ms).max(from).min(i128::from(last_ms).max(from));
            let at = (ts_ms - from) * columns as i128 / (span + 1);
            if let Some(slot) = usize::try_from(at).ok().and_then(|at| out.get_mut(at)) {
                *slot = slot.saturating_add(count);
            }
        }
        out
    }
}

/// Counts as a line of bars; the highest is full.
pub(crate) fn sparkline(counts: &[u64]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let bar = |count: &u64| match count {
        0 => ' ',
        count => {
            let at = (u128::from(*count) * 8).div_ceil(u128::from(most)).clamp(1, 8) - 1;
            BARS.get(at as usize).copied().unwrap_or('█')
        }
    };
    counts.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_panic_is_lost_however_wide_the_time_becomes() {
        let mut whole = Histogram::default();
        let mut parts = [Histogram::default(), Histogram::default()];
        let times = [
            1_800_000_000_000,
            0,
            1_795_897_615_502,
            1_795_897_615_503,
            4_000_000_000_000,
            1_795_897_000_000,
        ];
        for (number, ts_ms) in times.into_iter().enumerate() {
            whole.add(ts_ms, 1);
            parts[number % 2].add(ts_ms, 1);
        }
        let [mut left, right] = parts;
        left.merge(&right);
        for histogram in [whole, left] {
            assert_eq!(histogram.columns(0, 4_000_000_000_000, 16).iter().sum::<u64>(), 6);
        }
        let mut extreme = Histogram::default();
        for ts_ms in [i64::MAX, i64::MIN, 0] {
            extreme.add(ts_ms, 1);
        }
        assert_eq!(extreme.counts.iter().sum::<u64>(), 3);
    }

    #[test]
    fn a_bar_is_there_for_the_smallest_count() {
        assert_eq!(sparkline(&[0, 1, 1000, 500]), " ▁█▄");
    }
}
