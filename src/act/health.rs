//! One answer for supervisors: is this process still whole?
//!
//! Runs on: any thread. Must not: wait.

use core::fmt;

/// Whether the process is whole, as far as panics go. See [`Stats::health`](crate::Stats::health).
///
/// # Examples
/// ```
/// let health = panic_agent::stats().health();
/// assert!(health.is_ok());
/// assert_eq!(health.to_string(), "ok");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// Panics that nobody can ever see; see [`Event::Silent`](super::Event::Silent).
    pub silent: u64,
    /// Threads that died of a panic.
    pub threads_died: u64,
    /// Tasks that died of a panic and that nobody awaits.
    pub tasks_died: u64,
    /// Reports that were lost, so that the other numbers may be too small.
    pub lost: u64,
}

impl Health {
    /// Whether nothing died unseen and nothing was lost. A thread that died and was joined is no reason for concern.
    pub fn is_ok(&self) -> bool {
        self.silent == 0 && self.tasks_died == 0 && self.lost == 0
    }

    /// What is the matter, in words; empty when all is well.
    pub fn reasons(&self) -> Vec<String> {
        counted([
            (self.silent, "panic that nobody can ever see", "panics that nobody can ever see"),
            (self.tasks_died, "task died unawaited", "tasks died unawaited"),
            (self.lost, "report lost", "reports lost"),
        ])
    }
}

/// Counts in words, each with its singular and its plural; nothing is said of what is 0.
pub(crate) fn counted<const N: usize>(counts: [(u64, &str, &str); N]) -> Vec<String> {
    let words = |(count, one, many)| format!("{count} {}", if count == 1 { one } else { many });
    counts.into_iter().filter(|(count, ..)| *count > 0).map(words).collect()
}

/// `ok`, or `degraded: ` and the reasons.
impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reasons = self.reasons();
        if reasons.is_empty() { f.write_str("ok") } else { write!(f, "degraded: {}", reasons.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_joined_death_is_no_concern_and_an_unseen_one_is() {
        let joined = Health { threads_died: 3, ..Health::default() };
        assert!(joined.is_ok());
        let unseen = Health { threads_died: 1, silent: 1, lost: 2, ..Health::default() };
        assert!(!unseen.is_ok());
        assert_eq!(unseen.to_string(), "degraded: 1 panic that nobody can ever see, 2 reports lost");
    }
}
