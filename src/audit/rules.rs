//! The rules: what a panic is, from what is known of it at the end.
//!
//! Runs on: threads that audit. Must not: look at anything but its argument, or make a finding of what is not known.

use crate::record::{Fate, HandlerKind, Receipt};

use super::Class;

/// What the rules look at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'a> {
    pub(super) fate: Fate,
    pub(super) receipt: Receipt,
    pub(super) silent: Option<bool>,
    pub(super) swallowed: Option<bool>,
    /// Who stopped it, or will stop it by the tables.
    pub(super) handler: Option<HandlerKind>,
    /// Whether its test had ended when it was raised.
    pub(super) ended: Option<bool>,
    /// Whether its test passed, in the harness's opinion.
    pub(super) passed: Option<bool>,
    /// Whether it was raised in the package under test.
    pub(super) in_package: Option<bool>,
    /// Whether a signal ended the process.
    pub(super) killed: bool,
    /// Why something is unknown, in the verdict's words.
    pub(super) reason: Option<&'a str>,
}

/// What the rules say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// Somebody saw it, or the test failed of it as tests do.
    Ordinary,
    /// Nobody did.
    Finding(Class),
    /// It cannot be told, for this reason.
    Unknown(String),
}

/// Applies the rules; the first that fits decides.
pub(super) fn judge(known: &Known<'_>) -> Judgement {
    let Known { fate, receipt, silent, swallowed, .. } = *known;
    if receipt == Receipt::Read {
        return Judgement::Ordinary;
    }
    match fate {
        // The process says so itself, by its status or by the signal.
        Fate::Aborted | Fate::MainDied => return Judgement::Ordinary,
        Fate::Interrupted if known.ended == Some(true) => return Judgement::Finding(Class::Late),
        // Such as by the `abort` at a border that no panic may cross.
        Fate::Interrupted if known.killed => return Judgement::Ordinary,
        Fate::Interrupted => return Judgement::Finding(Class::HarnessEnd),
        Fate::RuntimeCaught if known.handler == Some(HandlerKind::TestHarness) => return in_harness(known),
        Fate::RuntimeCaught | Fate::ThreadDied | Fate::Caught => {}
        Fate::Unknown => return known.unknown("fate_unknown"),
    }
    let nobody = match receipt {
        Receipt::Received => swallowed,
        Receipt::Discarded | Receipt::Pending => silent,
        Receipt::Read | Receipt::Unknown => None,
    };
    match nobody {
        None => known.unknown(if receipt == Receipt::Pending { "pending" } else { "receipt_unknown" }),
        // A later panic, or the scope of its thread, carried it on.
        Some(false) => Judgement::Ordinary,
        Some(true) if known.ended == Some(true) => Judgement::Finding(Class::Late),
        Some(true) => match (fate, receipt) {
            (Fate::Caught, Receipt::Received) => Judgement::Finding(Class::Swallowed),
            // By a task, perhaps, whose handle was dropped.
            (Fate::Caught, _) if known.handler == Some(HandlerKind::Unknown) => {
                known.unknown("handler_unknown")
            }
            // Kept for later by whoever caught it, who may have had every reason to.
            (Fate::Caught, _) => Judgement::Ordinary,
            (_, Receipt::Received) => Judgement::Finding(Class::Received),
            _ => Judgement::Finding(Class::SilentDeath),
        },
    }
}

/// A panic that the harness caught: the test failed of it, or was to panic. libtest reads the payload only to compare it
/// with an `expected` text.
fn in_harness(known: &Known<'_>) -> Judgement {
    match (known.passed, known.in_package) {
        (None | Some(false), _) | (_, Some(true)) => Judgement::Ordinary,
        (Some(true), None) => known.unknown("package_unknown"),
        (Some(true), Some(false)) if known.receipt == Receipt::Unknown => known.unknown("receipt_unknown"),
        (Some(true), Some(false)) => Judgement::Finding(Class::WrongShouldPanic),
    }
}

impl Known<'_> {
    fn unknown(&self, otherwise: &str) -> Judgement {
        Judgement::Unknown(self.reason.unwrap_or(otherwise).to_owned())
    }
}

#[cfg(test)]
mod tests;
