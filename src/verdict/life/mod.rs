//! The life of one panic: a pure function from what was seen to a verdict.
//!
//! Runs on: the writer thread. Must not: do I/O, read clocks, or know where its events come from.
//!
//! A life is raised, thrown, landed and disposed; a re-raise throws the same payload again. Every throw
//! ends in exactly one of landed, aborted, interrupted, left behind: that is the balance, and [`Life::imbalance`] says
//! when it does not hold.

mod event;
mod outcome;
mod rule;
#[cfg(test)]
mod tests;

pub(crate) use event::{DroppedBy, LifeEvent, Predicted, Stop};
pub(crate) use outcome::{Imbalance, Outcome};
#[cfg(all(feature = "symbols", panic_agent_spool))]
pub(crate) use rule::Rule;

use crate::record::{AbortReason, Basis, Place, StopKind};
use crate::verdict::reason::{
    DROPPED_AT_UNNAMED_PLACE, EVENTS_LOST, LEFT_BEHIND, PAYLOAD_MOVED, PAYLOAD_NOT_TRACED,
};

/// Everything that is known of one panic.
#[derive(Clone, Debug, Default)]
pub(crate) struct Life {
    predicted: Option<Predicted>,
    /// Times the unwinder was entered for this payload; more than one means it was re-raised.
    throws: u32,
    /// Times a catch's landing pad was entered.
    landings: u32,
    /// Whether the payload's reads and drops are visible.
    traced: bool,
    /// The last landing.
    landed: Option<Landing>,
    doom: Option<Doom>,
    payload: Payload,
    carried: bool,
    awaits_scope: bool,
    scope_observed: bool,
    scope_ambiguous: bool,
    evidence_lost: bool,
    /// Whether the payload may have been read or dropped where nobody recognised it.
    perhaps_moved: bool,
    /// Whether the last throw was left behind before a landing was seen. Only a landing takes that back.
    left_behind: bool,
    /// Whether its prediction, which nothing confirmed, is in doubt.
    doubted: bool,
    ended: bool,
    /// The first thing that could not happen and did.
    imbalance: Option<Imbalance>,
}

/// Where the panic stopped for the time being.
#[derive(Clone, Debug)]
struct Landing {
    at: Stop,
    basis: Basis,
}

/// An end that no landing can follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doom {
    /// Why is `None` where names would be needed to tell.
    Aborted(Option<AbortReason>),
    Interrupted,
}

/// What became of the payload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Payload {
    /// Nobody has touched it yet.
    #[default]
    Held,
    /// Read at this place, perhaps dropped since.
    Read(Place),
    /// Dropped unread at this place.
    Dropped(DroppedBy, Place),
}

impl Life {
    /// Adds one fact.
    pub(crate) fn apply(&mut self, event: LifeEvent) {
        match event {
            LifeEvent::Hooked(_) if self.predicted.is_some() => self.object(Imbalance::HookedTwice),
            LifeEvent::Hooked(predicted) => self.predicted = Some(predicted),
            LifeEvent::Thrown { traced } => {
                // Also after the process was seen to end: this thread was still running then.
                if self.throws > self.landings && !matches!(self.doom, Some(Doom::Aborted(_))) {
                    self.object(Imbalance::ThrownWhileUnwinding);
                }
                self.throws = self.throws.saturating_add(1);
                self.traced |= traced;
                // Recognised: it is in its box.
                self.perhaps_moved = false;
            }
            LifeEvent::Landed(at) => {
                self.landings = self.landings.saturating_add(1);
                if self.landings > self.throws {
                    self.object(Imbalance::LandedWithoutThrow);
                }
                self.stopped(at);
            }
            // Better than what the tables and symbols say of the same landing.
            LifeEvent::Wrapped(at) => self.stopped(at),
            LifeEvent::EndOfStack => self.meet(Doom::Aborted(Some(AbortReason::NoHandler))),
            LifeEvent::MustAbort(reason) => self.meet(Doom::Aborted(reason)),
            LifeEvent::Doubted => self.doubted = true,
            LifeEvent::ThreadWentOn => self.went_on(),
            LifeEvent::LeftBehind => self.left_behind |= self.landed.is_none() || self.is_unwinding(),
            LifeEvent::Read(place) => self.touched(Payload::Read(place)),
            LifeEvent::Dropped { by, place } => self.touched(Payload::Dropped(by, place)),
            // What is unwinding is in its box.
            LifeEvent::PerhapsMoved => self.perhaps_moved |= self.landings >= self.throws,
            LifeEvent::Carried => self.carried = true,
            LifeEvent::AwaitsScope => self.awaits_scope = true,
            LifeEvent::ScopesAreOver => self.awaits_scope = false,
            LifeEvent::ScopeObserved => self.scope_observed = true,
            LifeEvent::ScopeAmbiguous => self.scope_ambiguous = true,
            LifeEvent::EvidenceLost => self.evidence_lost = true,
            LifeEvent::ProcessEnds { watched } => self.process_ends(watched),
        }
    }

    /// Whether the panic is on its way to a catch, as far as the probes can tell.
    pub(crate) fn is_unwinding(&self) -> bool {
        self.doom.is_none() && self.landings < self.throws
    }

    /// Whether it is unwinding and nothing shows that its frames were left.
    pub(crate) fn is_under_way(&self) -> bool {
        self.is_unwinding() && !self.left_behind
    }

    /// Whether its frames were left before it landed, as far as that was seen.
    fn is_left_behind(&self) -> bool {
        self.is_unwinding() && self.left_behind
    }

    /// Whether the unwinder was entered for it.
    pub(crate) fn was_thrown(&self) -> bool {
        self.throws > 0
    }

    /// Whether the process ends before it can land.
    pub(crate) fn is_doomed(&self) -> bool {
        self.doom.is_some()
    }

    /// Whether nobody has read or dropped the payload.
    pub(crate) fn is_untouched(&self) -> bool {
        self.payload == Payload::Held
    }

    /// What cannot be seen of it, in words of `reason`.
    pub(crate) fn unseen(&self) -> impl Iterator<Item = &'static str> {
        let held = self.is_untouched() && !self.is_doomed();
        let unnamed = matches!(self.payload, Payload::Dropped(DroppedBy::Unknown, _));
        [
            (held && self.evidence_lost, EVENTS_LOST),
            (self.is_left_behind(), LEFT_BEHIND),
            (held && self.perhaps_moved, PAYLOAD_MOVED),
            (held && self.was_thrown() && !self.traced, PAYLOAD_NOT_TRACED),
            (unnamed, DROPPED_AT_UNNAMED_PLACE),
        ]
        .into_iter()
        .filter_map(|(is, word)| is.then_some(word))
    }

    /// Whether the last throw ended in a landing.
    #[cfg(test)]
    pub(crate) fn has_landed(&self) -> bool {
        self.doom.is_none() && self.landed.is_some() && !self.is_unwinding()
    }

    /// Whether nothing that is still to come can change the verdict, short of the end of the process.
    pub(crate) fn is_settled(&self) -> bool {
        let payload_done = matches!(self.payload, Payload::Dropped(..));
        self.doom.is_some() || (self.landed.is_some() && !self.is_unwinding() && payload_done)
    }

    /// What could not happen and did, or what is missing now that the process ends.
    /// `None` when events were lost: then it need not.
    pub(crate) fn imbalance(&self) -> Option<Imbalance> {
        self.imbalance.filter(|_| !self.evidence_lost)
    }

    fn stopped(&mut self, at: Stop) {
        if self.doom == Some(Doom::Interrupted) {
            // The exit was seen first, but the thread was still quick enough to land.
            self.doom = None;
        }
        self.left_behind = false;
        self.landed = Some(Landing { at, basis: Basis::Confirmed });
    }

    /// Without the landing probe: the prediction came true, or so it seems.
    fn went_on(&mut self) {
        if self.landed.is_some() || self.doom.is_some() || self.throws > 0 {
            return;
        }
        if let Some(Predicted { stop: StopKind::Catch, at, .. }) = &self.predicted {
            self.landed = Some(Landing { at: at.clone(), basis: Basis::Inferred });
        }
    }

    fn meet(&mut self, doom: Doom) {
        // The first reason stands: what follows is its consequence. No reason is none.
        match (self.doom, doom) {
            (None, _) | (Some(Doom::Aborted(None)), Doom::Aborted(Some(_))) => self.doom = Some(doom),
            _ => {}
        }
    }

    fn touched(&mut self, how: Payload) {
        match self.payload {
            Payload::Held => self.payload = how,
            // The first reader is the answer to "who found out".
            Payload::Read(_) => {}
            Payload::Dropped(..) => self.object(Imbalance::TouchedAfterDrop),
        }
    }

    fn process_ends(&mut self, watched: bool) {
        self.ended = true;
        let to_be_caught = self.predicted.as_ref().is_some_and(|predicted| predicted.stop == StopKind::Catch);
        // Between the hook and the raise lies the output of the hooks, which can be long.
        let before_raise = watched && self.throws == 0 && to_be_caught && self.landed.is_none();
        if (self.is_under_way() || before_raise) && !self.evidence_lost {
            self.meet(Doom::Interrupted);
        }
    }

    fn object(&mut self, imbalance: Imbalance) {
        self.imbalance.get_or_insert(imbalance);
    }
}
