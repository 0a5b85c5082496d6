//! The rule that makes `silent` what it is.
//!
//! Runs on: the writer thread. Must not: have two rules for one case.

use super::Life;
use crate::record::{Fate, Receipt, worded};

worded! {
    /// Why `silent` is what it is: the first of these that fits. The words are part of the schema.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Rule {
        /// A `thread::scope` reported the death.
        ScopeSpoke = "scope_spoke",
        /// A later panic carried the error on.
        CarriedOn = "carried_on",
        /// A scope reported a death, and this is one of several that it may have meant.
        ScopeUnclear = "scope_unclear",
        /// The process ended with it.
        EndedProcess = "ended_process",
        /// Somebody examined the error.
        Read = "read",
        /// The program had the error, and dropped it.
        Received = "received",
        /// Where it stopped or what became of the error is not known.
        NotKnown = "not_known",
        /// A scope may have spawned the thread, and has not reported its death yet.
        ScopeToSpeak = "scope_to_speak",
        /// Nobody can see the error any more.
        Discarded = "discarded",
        /// The process ended, and nobody had taken the error.
        KeptToTheEnd = "kept_to_the_end",
        /// Somebody may still take the error.
        Open = "open",
    }
}

impl Rule {
    /// What the rule says: whether the process goes on and nobody finds out.
    pub(crate) fn silent(self) -> Option<bool> {
        match self {
            Self::ScopeSpoke | Self::CarriedOn | Self::EndedProcess | Self::Read | Self::Received => {
                Some(false)
            }
            Self::Discarded | Self::KeptToTheEnd => Some(true),
            Self::ScopeUnclear | Self::NotKnown | Self::ScopeToSpeak | Self::Open => None,
        }
    }
}

impl Life {
    /// The rule that decides for this fate and receipt.
    pub(crate) fn rule(&self, fate: Fate, receipt: Receipt) -> Rule {
        match (fate, receipt) {
            _ if self.scope_observed => Rule::ScopeSpoke,
            _ if self.carried => Rule::CarriedOn,
            _ if self.scope_ambiguous => Rule::ScopeUnclear,
            (Fate::Aborted | Fate::Interrupted | Fate::MainDied, _) => Rule::EndedProcess,
            (_, Receipt::Read) => Rule::Read,
            (_, Receipt::Received) => Rule::Received,
            (Fate::Unknown, _) | (_, Receipt::Unknown) => Rule::NotKnown,
            _ if self.is_scopes_to_tell(fate, receipt) && !self.is_over() => Rule::ScopeToSpeak,
            (_, Receipt::Discarded) => Rule::Discarded,
            (_, Receipt::Pending) if self.is_over() => Rule::KeptToTheEnd,
            (_, Receipt::Pending) => Rule::Open,
        }
    }
}
