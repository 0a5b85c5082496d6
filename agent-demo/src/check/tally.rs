//! Counts what a build leaves unknown.
//!
//! Runs on: any thread of the parent. Must not: count a wrong word as an unknown one; the judge has refused it before.

use core::ops::AddAssign;

use panic_agent::record::{Fate, HandlerKind, Receipt};

use super::assign;
use crate::child::Observed;
use crate::{Delivery, Expectation};

/// Caught panics, and of how many something is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Panics that something caught which is no root of a thread or of `main`.
    pub caught: usize,
    /// Those whose fate is `unknown`.
    pub unknown_fates: usize,
    /// Those that are known to be caught, but not by whom.
    pub unnamed_catches: usize,
    /// Those of which it is not known who received the error.
    pub unknown_receipts: usize,
    /// Those of which it is not known whether they were silent.
    pub open_silent: usize,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.caught += other.caught;
        self.unknown_fates += other.unknown_fates;
        self.unnamed_catches += other.unnamed_catches;
        self.unknown_receipts += other.unknown_receipts;
        self.open_silent += other.open_silent;
    }
}

/// Counts what is not known although with debug information it is. Panics of a process that dies at once, or that is
/// flooded, do not count: what is known of them differs from run to run.
pub fn tally(expected: &Expectation, observed: &Observed) -> Tally {
    let mut counts = Tally::default();
    if expected.delivery != Delivery::Certain || !expected.ends_in_order {
        return counts;
    }
    let assigned = assign(&expected.panics, &observed.lines.panics, &mut Vec::new());
    for (report, panic) in assigned.pairs {
        let Some(word) = observed.lines.last_word(report) else { continue };
        if !matches!(panic.verdict.fate, Fate::Caught | Fate::RuntimeCaught) {
            continue;
        }
        let unnamed = word.landing.as_ref().is_none_or(|by| by.kind == HandlerKind::Unknown);
        counts += Tally {
            caught: 1,
            unknown_fates: usize::from(word.fate == Fate::Unknown),
            unnamed_catches: usize::from(word.fate != Fate::Unknown && unnamed),
            unknown_receipts: usize::from(
                word.receipt == Receipt::Unknown && panic.verdict.receipt != Some(Receipt::Unknown),
            ),
            open_silent: usize::from(word.silent.is_none() && panic.verdict.silent.is_some()),
        };
    }
    counts
}
