//! Whether a program is started again, and when.

use std::collections::VecDeque;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use super::args::{Restart, SuperviseArgs};

/// What follows an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// It is started again after this time; the budget that is used with it.
    Restart { wait: Duration, used: usize, most: u32 },
    /// It died too often.
    Exhausted { used: usize, within: Duration },
    /// It is not started again.
    Stop,
}

/// Restarts of the last seconds.
pub(super) struct Budget {
    when: Restart,
    most: u32,
    within: Duration,
    first_wait: Duration,
    longest_wait: Duration,
    restarts: VecDeque<Instant>,
}

impl Budget {
    pub(super) fn new(args: &SuperviseArgs) -> Self {
        let (most, within) = args.max_restarts;
        Self {
            when: args.restart,
            most,
            within,
            first_wait: args.backoff,
            longest_wait: args.max_backoff,
            restarts: VecDeque::new(),
        }
    }

    /// What follows an end with this status, now.
    pub(super) fn decide(&mut self, status: &ExitStatus) -> Decision {
        self.decide_at(status.success(), Instant::now())
    }

    fn decide_at(&mut self, success: bool, now: Instant) -> Decision {
        match self.when {
            Restart::Never => return Decision::Stop,
            Restart::OnFailure if success => return Decision::Stop,
            Restart::OnFailure | Restart::Always => {}
        }
        while self.restarts.front().is_some_and(|at| now.duration_since(*at) > self.within) {
            self.restarts.pop_front();
        }
        let used = self.restarts.len();
        if used >= self.most as usize {
            return Decision::Exhausted { used: used + 1, within: self.within };
        }
        self.restarts.push_back(now);
        // Those that are long ago no longer count: a program that ran well begins with a short wait.
        let doubled = 1_u32.checked_shl(u32::try_from(used).unwrap_or(u32::MAX)).unwrap_or(u32::MAX);
        let wait = self.first_wait.saturating_mul(doubled).min(self.longest_wait);
        Decision::Restart { wait, used: used + 1, most: self.most }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(when: Restart) -> Budget {
        Budget {
            when,
            most: 3,
            within: Duration::from_secs(60),
            first_wait: Duration::from_millis(100),
            longest_wait: Duration::from_millis(300),
            restarts: VecDeque::new(),
        }
    }

    fn wait(decision: Decision) -> Option<u128> {
        match decision {
            Decision::Restart { wait, .. } => Some(wait.as_millis()),
            Decision::Exhausted { .. } | Decision::Stop => None,
        }
    }

    #[test]
    fn waits_double_up_to_the_longest_and_end_with_the_budget() {
        let now = Instant::now();
        let mut budget = budget(Restart::OnFailure);
        let waits: Vec<_> = (0..3).map(|_| wait(budget.decide_at(false, now))).collect();
        assert_eq!(waits, [Some(100), Some(200), Some(300)]);
        let within = Duration::from_secs(60);
        assert_eq!(budget.decide_at(false, now), Decision::Exhausted { used: 4, within });
        assert_eq!(wait(budget.decide_at(false, now + Duration::from_secs(61))), Some(100));
    }

    #[test]
    fn success_is_a_failure_for_nobody_but_always() {
        let now = Instant::now();
        assert_eq!(budget(Restart::OnFailure).decide_at(true, now), Decision::Stop);
        assert_eq!(wait(budget(Restart::Always).decide_at(true, now)), Some(100));
        assert_eq!(budget(Restart::Never).decide_at(false, now), Decision::Stop);
    }
}
