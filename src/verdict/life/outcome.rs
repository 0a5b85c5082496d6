//! From a life to the words of a verdict.
//!
//! Runs on: the writer thread. Must not: do I/O.

use std::sync::Arc;

use super::{Doom, DroppedBy, Landing, Life, Payload};
use crate::record::{AbortReason, Basis, DetachState, Fate, Handler, Place, Receipt, worded};
use crate::verdict::reason::{
    ABORT_WITHOUT_SYMBOLS, DETACHED_THREAD_OR_SCOPE, DROPPED_AT_UNNAMED_PLACE, EVENTS_LOST, HANDLER_UNKNOWN,
    LEFT_BEHIND, NAMES_DESTRUCTOR, PAYLOAD_MOVED, PAYLOAD_NOT_TRACED, PERHAPS_SCOPED,
};

/// The verdict on one panic, as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) fate: Fate,
    pub(crate) basis: Basis,
    pub(crate) receipt: Receipt,
    /// `None` when the fate is unknown.
    pub(crate) uncaught: Option<bool>,
    /// `None` while it is open, and when it cannot be told.
    pub(crate) silent: Option<bool>,
    /// `None` while it is open, and when it cannot be told.
    pub(crate) swallowed: Option<bool>,
    pub(crate) abort_reason: Option<AbortReason>,
    /// Why something is unknown.
    pub(crate) reason: Option<&'static str>,
    /// Who caught it, once it has landed.
    pub(crate) landing: Option<Arc<Handler>>,
    /// Where the payload was read, or dropped unread by the program.
    pub(crate) received_at: Option<Place>,
    /// Re-raises of the same payload.
    pub(crate) hops: u32,
}

worded! {
    /// A life that does not add up.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub(crate) enum Imbalance {
        /// Two hook calls claim the same panic.
        HookedTwice = "hooked_twice",
        /// The payload was thrown again before it had landed.
        ThrownWhileUnwinding = "thrown_while_unwinding",
        /// A landing that no throw explains.
        LandedWithoutThrow = "landed_without_throw",
        /// The payload was touched after it had been dropped.
        TouchedAfterDrop = "touched_after_drop",
    }
}

impl Life {
    /// The verdict as it stands.
    pub(crate) fn outcome(&self) -> Outcome {
        let (fate, basis) = self.fate();
        let (receipt, mut reason, received_at) = self.receipt(fate);
        let silent = self.rule(fate, receipt).silent();
        let is_open = self.scope_ambiguous || (silent.is_none() && self.is_scopes_to_tell(fate, receipt));
        if is_open && reason.is_none() {
            reason = Some(PERHAPS_SCOPED);
        }
        let abort_reason = self.abort_reason();
        if fate == Fate::Aborted && abort_reason.is_none() {
            reason = Some(ABORT_WITHOUT_SYMBOLS);
        }
        if self.is_left_behind() {
            reason = Some(LEFT_BEHIND);
        }
        if fate == Fate::Unknown && self.doubted {
            reason = Some(NAMES_DESTRUCTOR);
        }
        if fate == Fate::Unknown && reason.is_none() {
            reason = Some(HANDLER_UNKNOWN);
        }
        Outcome {
            fate,
            basis,
            receipt,
            uncaught: self.uncaught(fate),
            silent,
            swallowed: self.swallowed(receipt),
            abort_reason,
            reason,
            landing: self.settled_landing().and_then(|landing| landing.at.handler.clone()),
            received_at,
            hops: self.throws.saturating_sub(1),
        }
    }

    fn uncaught(&self, fate: Fate) -> Option<bool> {
        if fate != Fate::Unknown {
            return Some(fate.is_uncaught());
        }
        if self.is_left_behind() {
            return None;
        }
        let inside = match (self.settled_landing(), &self.predicted) {
            (Some(landing), _) => landing.at.inside_root,
            (None, Some(predicted)) => self.throws <= 1 && predicted.at.inside_root,
            (None, None) => false,
        };
        inside.then_some(false)
    }

    /// The last landing, unless the payload was thrown again since.
    fn settled_landing(&self) -> Option<&Landing> {
        self.landed.as_ref().filter(|_| self.doom.is_none() && !self.is_unwinding())
    }

    fn fate(&self) -> (Fate, Basis) {
        match (self.doom, self.settled_landing(), &self.predicted) {
            (Some(Doom::Aborted(_)), ..) => (Fate::Aborted, Basis::Confirmed),
            (Some(Doom::Interrupted), ..) => (Fate::Interrupted, Basis::Confirmed),
            (None, Some(landing), _) => (landing.at.fate, landing.basis),
            (None, None, _) if self.is_left_behind() || self.doubted => (Fate::Unknown, Basis::Predicted),
            // A prediction speaks of the first throw only; a payload thrown again goes elsewhere.
            (None, None, Some(predicted)) if self.throws <= 1 => (predicted.at.fate, Basis::Predicted),
            (None, None, _) => (Fate::Unknown, Basis::Predicted),
        }
    }

    fn abort_reason(&self) -> Option<AbortReason> {
        match (self.doom, self.settled_landing(), &self.predicted) {
            (Some(Doom::Aborted(reason)), ..) => reason,
            (None, None, _) if self.is_left_behind() || self.doubted => None,
            (None, None, Some(predicted)) if self.throws <= 1 => predicted.abort_reason,
            _ => None,
        }
    }

    fn receipt(&self, fate: Fate) -> (Receipt, Option<&'static str>, Option<Place>) {
        match &self.payload {
            Payload::Read(place) => (Receipt::Read, None, Some(place.clone())),
            Payload::Dropped(DroppedBy::Program, place) => (Receipt::Received, None, Some(place.clone())),
            Payload::Dropped(DroppedBy::Runtime, _) => (Receipt::Discarded, None, None),
            Payload::Dropped(DroppedBy::Unknown, place) => {
                (Receipt::Unknown, Some(DROPPED_AT_UNNAMED_PLACE), Some(place.clone()))
            }
            // The process dies before anybody can look.
            Payload::Held if self.doom.is_some() || fate == Fate::Aborted => (Receipt::Discarded, None, None),
            Payload::Held if self.scope_observed => (Receipt::Discarded, None, None),
            Payload::Held if self.evidence_lost => (Receipt::Unknown, Some(EVENTS_LOST), None),
            Payload::Held if self.is_left_behind() => (Receipt::Unknown, Some(LEFT_BEHIND), None),
            Payload::Held if self.perhaps_moved => (Receipt::Unknown, Some(PAYLOAD_MOVED), None),
            Payload::Held if self.traced => (Receipt::Pending, None, None),
            // Untraced. Who is dying of it is known; who looks at it is not, except where nobody can.
            Payload::Held if fate == Fate::MainDied => (Receipt::Discarded, None, None),
            Payload::Held if self.ended || self.landed.is_some() => {
                (Receipt::Unknown, Some(self.untraced_reason()), None)
            }
            Payload::Held => (Receipt::Pending, None, None),
        }
    }

    fn untraced_reason(&self) -> &'static str {
        match &self.predicted {
            Some(predicted) if predicted.detached == DetachState::Detached => DETACHED_THREAD_OR_SCOPE,
            _ => PAYLOAD_NOT_TRACED,
        }
    }

    /// Whether the error is gone and a scope has yet to tell of it. Of what a runtime caught no scope speaks.
    pub(crate) fn is_scopes_to_tell(&self, fate: Fate, receipt: Receipt) -> bool {
        let is_gone = receipt == Receipt::Discarded && fate != Fate::RuntimeCaught;
        is_gone && self.awaits_scope && !self.scope_observed
    }

    /// Whether the process ends with this panic at rest.
    pub(super) fn is_over(&self) -> bool {
        self.ended && !self.is_unwinding()
    }

    fn swallowed(&self, receipt: Receipt) -> Option<bool> {
        match receipt {
            Receipt::Received => Some(!self.carried),
            Receipt::Read | Receipt::Discarded => Some(false),
            Receipt::Pending => self.is_over().then_some(false),
            Receipt::Unknown => None,
        }
    }
}
