//! What names tell of a verdict that was given without them.
//!
//! Only what was unknown for lack of names is settled, by the rules that the agent itself goes by. What it saw stands.
//!
//! Runs on: the thread that asks. Must not: take back what was known.

use std::sync::Arc;

use crate::record::{
    AbortReason, Basis, Evidence, Fate, Handler, HandlerKind, Inlining, Level, NamedFrame, Place, Prediction,
    Receipt, Report, VerdictLine,
};
use crate::symbolize::program_place;
use crate::verdict::place::dropped;
use crate::verdict::{
    DROPPED_AT_UNNAMED_PLACE, DroppedBy, HANDLER_UNKNOWN, Holder, Outcome, PERHAPS_SCOPED, Rule, Saw,
    fate_of_handler, level_of,
};

/// Gives the frames of a short stack, if it can.
pub(super) type Namer<'n> = dyn FnMut(&[String]) -> Option<Arc<[NamedFrame]>> + 'n;

/// What the names of a panic's stack tell.
#[derive(Clone, Debug)]
pub(super) struct Named {
    /// As the line had it.
    pub(super) before: Prediction,
    pub(super) prediction: Prediction,
    pub(super) outcome: Outcome,
    pub(super) holder: Holder,
    pub(super) fingerprint: String,
}

/// The fields that both kinds of line have.
pub(super) struct Flat<'a> {
    level: &'a mut Level,
    fate: &'a mut Fate,
    receipt: &'a mut Receipt,
    basis: Basis,
    uncaught: &'a mut Option<bool>,
    silent: &'a mut Option<bool>,
    swallowed: &'a mut Option<bool>,
    reason: &'a mut Option<String>,
    landing: &'a mut Option<Handler>,
    received_at: &'a mut Option<Place>,
    hops: u32,
    evidence: &'a mut Option<Evidence>,
}

macro_rules! flat {
    ($($line:ident),*) => {
        $(impl<'a> From<&'a mut $line> for Flat<'a> {
            fn from(line: &'a mut $line) -> Self {
                Self {
                    level: &mut line.head.level,
                    fate: &mut line.fate,
                    receipt: &mut line.receipt,
                    basis: line.basis,
                    uncaught: &mut line.uncaught,
                    silent: &mut line.silent,
                    swallowed: &mut line.swallowed,
                    reason: &mut line.reason,
                    landing: &mut line.landing,
                    received_at: &mut line.received_at,
                    hops: line.hops,
                    evidence: &mut line.evidence,
                }
            }
        })*
    };
}

flat!(Report, VerdictLine);

impl Flat<'_> {
    /// Settles what is open. `name` gives the frames of a short stack, if it can; `carried` is whether a later panic
    /// carried the error on, where that is known.
    pub(super) fn settle(mut self, named: &Named, name: &mut Namer<'_>, carried: Option<bool>) {
        let before = (*self.fate, *self.receipt);
        // Nothing else makes an error that somebody may have dropped unread not silent.
        let goes_on = matches!(*self.fate, Fate::Caught | Fate::RuntimeCaught | Fate::ThreadDied);
        let told = goes_on && *self.receipt == Receipt::Unknown && *self.silent == Some(false);
        let carried = if told { Some(true) } else { carried };
        let for_names = self.is_for_want_of_names(named);
        // The stack of a payload that was thrown again, and so whose catch has it, is not in the line.
        let as_predicted = self.hops == 0 && self.landing.as_ref() == named.before.handler.as_ref();
        let holder = if as_predicted { named.holder } else { Holder::Unknown };
        if as_predicted {
            self.landing(named);
        }
        if self.basis == Basis::Predicted && self.landing.is_none() && self.hops == 0 {
            self.predicted(named, for_names);
        }
        self.received(holder, name);
        if for_names {
            self.reason(named);
        }
        *self.level = level_of(*self.fate);
        if before != (*self.fate, *self.receipt) {
            self.conclude(carried);
            self.evidence(carried);
        }
    }

    /// Whether the line says that something is unknown for want of names.
    fn is_for_want_of_names(&self, named: &Named) -> bool {
        let reason = self.reason.as_deref();
        reason.is_some_and(|reason| {
            [DROPPED_AT_UNNAMED_PLACE, HANDLER_UNKNOWN].contains(&reason)
                || Some(reason) == named.before.reason.as_deref()
        })
    }

    /// The catch at which it landed, which is the one that the tables told of.
    fn landing(&mut self, named: &Named) {
        let Some(landing) = self.landing.as_mut() else { return };
        let handler = named.prediction.handler.as_ref();
        let Some(handler) = handler.filter(|handler| handler.kind != HandlerKind::Unknown) else { return };
        if landing.kind == HandlerKind::Unknown {
            *self.fate = fate_of_handler(handler.kind);
        }
        landing.clone_from(handler);
    }

    /// Nothing was seen: the prediction is all there is.
    fn predicted(&mut self, named: &Named, for_names: bool) {
        let before = named.before.handler.as_ref().map(|handler| handler.kind);
        let nameless = match *self.fate {
            Fate::Unknown => for_names,
            _ => before == Some(HandlerKind::Unknown),
        };
        if !nameless || named.outcome.fate == Fate::Unknown {
            return;
        }
        *self.fate = named.outcome.fate;
        if for_names && *self.receipt == Receipt::Unknown && self.received_at.is_none() {
            *self.receipt = named.outcome.receipt;
        }
    }

    /// Where the error was read or dropped, and in whose code. `holder` was given the error by the catch.
    fn received(&mut self, holder: Holder, name: &mut Namer<'_>) {
        let Some(at) = self.received_at.as_ref().filter(|at| !at.stack.is_empty()) else { return };
        let Some(frames) = name(&at.stack) else { return };
        let (by, place) = match *self.receipt {
            Receipt::Read => (DroppedBy::Program, program_place(&frames)),
            _ => dropped(&frames, holder),
        };
        if place.function.is_none() && by != DroppedBy::Runtime {
            return;
        }
        // Better files may come.
        let known = frames.iter().all(|frame| frame.inlining == Inlining::Known);
        let stack = if known { Vec::new() } else { at.stack.clone() };
        let place = Place { os_thread: at.os_thread, stack, ..place };
        match (*self.receipt, self.reason.as_deref(), by) {
            (Receipt::Unknown, Some(DROPPED_AT_UNNAMED_PLACE), DroppedBy::Program) => {
                *self.receipt = Receipt::Received;
                *self.received_at = Some(place);
            }
            (Receipt::Unknown, Some(DROPPED_AT_UNNAMED_PLACE), DroppedBy::Runtime) => {
                *self.receipt = Receipt::Discarded;
                *self.received_at = None;
            }
            _ => *self.received_at = Some(place),
        }
    }

    /// What is still unknown, and why.
    fn reason(&mut self, named: &Named) {
        let Prediction { abort_reason, reason, .. } = &named.prediction;
        *self.reason = match (*self.fate, *self.receipt) {
            (_, Receipt::Unknown) if self.reason.as_deref() == Some(DROPPED_AT_UNNAMED_PLACE) => return,
            (Fate::Aborted, _) => {
                abort_reason.map(AbortReason::word).map(str::to_owned).or_else(|| reason.clone())
            }
            (Fate::Unknown, _) | (_, Receipt::Unknown) => reason.clone().or_else(|| self.reason.take()),
            _ => None,
        };
    }

    /// What the line rests on now.
    fn evidence(self, carried: Option<bool>) {
        let Some(evidence) = self.evidence else { return };
        let named = match *self.receipt {
            Receipt::Received => Some(Saw::DroppedInProgram),
            Receipt::Discarded => Some(Saw::DroppedInRuntime),
            _ => None,
        };
        if let Some(named) = named {
            let unnamed = Saw::DroppedUnnamed.word();
            let seen = evidence.seen.iter_mut().filter(|seen| seen.what == unnamed);
            seen.for_each(|seen| named.word().clone_into(&mut seen.what));
            evidence.unseen.retain(|word| word != DROPPED_AT_UNNAMED_PLACE);
        }
        let by_scope = [Rule::ScopeSpoke, Rule::CarriedOn, Rule::ScopeUnclear].map(Rule::word);
        let settled = match (*self.fate, *self.receipt) {
            _ if by_scope.contains(&evidence.rule.as_str()) => return,
            (_, Receipt::Pending) => return,
            _ if carried == Some(true) => Rule::CarriedOn,
            (Fate::Aborted | Fate::Interrupted | Fate::MainDied, _) => Rule::EndedProcess,
            (_, Receipt::Read) => Rule::Read,
            (_, Receipt::Received) => Rule::Received,
            (_, Receipt::Discarded) if *self.silent == Some(true) => Rule::Discarded,
            (_, Receipt::Discarded) if self.reason.as_deref() == Some(PERHAPS_SCOPED) => Rule::ScopeToSpeak,
            _ => Rule::NotKnown,
        };
        settled.word().clone_into(&mut evidence.rule);
    }

    /// What follows from fate and receipt, as in the life of a panic. What was known already stands.
    fn conclude(&mut self, carried: Option<bool>) {
        if *self.fate != Fate::Unknown {
            *self.uncaught = Some(self.fate.is_uncaught());
        }
        let open = self.reason.as_deref() == Some(PERHAPS_SCOPED);
        if self.silent.is_none() && !open {
            *self.silent = match (*self.fate, *self.receipt) {
                (Fate::Aborted | Fate::Interrupted | Fate::MainDied, _)
                | (_, Receipt::Read | Receipt::Received) => Some(false),
                (Fate::Unknown, _) | (_, Receipt::Unknown | Receipt::Pending) => None,
                // Nobody looked for a scope that reports it while the receipt was not known.
                (Fate::ThreadDied, Receipt::Discarded) if carried != Some(true) => {
                    *self.reason = Some(PERHAPS_SCOPED.to_owned());
                    None
                }
                (_, Receipt::Discarded) => carried.map(|carried| !carried),
            };
        }
        if self.swallowed.is_none() {
            *self.swallowed = match *self.receipt {
                Receipt::Received => carried.map(|carried| !carried),
                Receipt::Read | Receipt::Discarded => Some(false),
                Receipt::Pending | Receipt::Unknown => None,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::StopKind;
    use crate::testing::samples::report;

    fn catch(kind: HandlerKind, function: Option<&str>) -> Handler {
        Handler { kind, function: function.map(str::to_owned), file: None, line: None }
    }

    /// A catch that names tell to be the program's.
    fn named() -> Named {
        let prediction = |handler| Prediction {
            frame: Some(1),
            handler: Some(handler),
            ..Prediction::of(StopKind::Catch)
        };
        let outcome = Outcome {
            fate: Fate::Caught,
            receipt: Receipt::Pending,
            uncaught: Some(false),
            silent: None,
            swallowed: None,
            reason: None,
            level: Level::Warn,
        };
        Named {
            before: prediction(catch(HandlerKind::Unknown, None)),
            prediction: prediction(catch(HandlerKind::User, Some("app::main"))),
            outcome,
            holder: Holder::Program,
            fingerprint: String::new(),
        }
    }

    /// It landed where nobody could say whose catch that is, and its error was dropped where no name was.
    fn bare(fate: Fate) -> Report {
        Report {
            fate,
            receipt: Receipt::Unknown,
            basis: Basis::Confirmed,
            uncaught: None,
            silent: None,
            swallowed: None,
            reason: Some(DROPPED_AT_UNNAMED_PLACE.to_owned()),
            landing: Some(catch(HandlerKind::Unknown, None)),
            received_at: Some(Place { stack: vec!["app+0x10".to_owned()], ..Place::default() }),
            hops: 0,
            ..report()
        }
    }

    fn settled(mut report: Report, path: &str, inlining: Inlining) -> Report {
        let frame = NamedFrame {
            path: path.to_owned(),
            function: Some(path.to_owned()),
            inlining,
            ..NamedFrame::default()
        };
        let frames: Arc<[NamedFrame]> = [frame].into();
        Flat::from(&mut report).settle(&named(), &mut |_| Some(frames.clone()), Some(false));
        report
    }

    #[test]
    fn what_the_program_caught_and_dropped_is_received_and_a_payload_thrown_again_tells_nothing_of_its_catch()
    {
        let once = settled(bare(Fate::Unknown), "app::run", Inlining::Unknown);
        assert_eq!((once.fate, once.receipt), (Fate::Caught, Receipt::Received));
        assert_eq!((once.silent, once.swallowed, once.reason), (Some(false), Some(true), None));
        let again = settled(Report { hops: 1, ..bare(Fate::Unknown) }, "app::run", Inlining::Unknown);
        assert_eq!((again.fate, again.receipt, again.silent), (Fate::Unknown, Receipt::Unknown, None));
    }

    #[test]
    fn evidence_says_who_dropped_it_once_names_tell_and_keeps_what_threads_told() {
        let evidence = |rule: &str| {
            let value = serde_json::json!({
                "rule": rule,
                "seen": [{ "what": "thrown_again", "us": 1 }, { "what": "dropped_unnamed", "us": 2 }],
                "unseen": ["dropped_at_unnamed_place"],
            });
            Some(serde_json::from_value::<Evidence>(value).unwrap())
        };
        let of = |rule, path| {
            let report = Report { evidence: evidence(rule), ..bare(Fate::Unknown) };
            settled(report, path, Inlining::Known).evidence.unwrap()
        };
        let program = of("not_known", "app::run");
        assert_eq!(
            (program.rule.as_str(), program.seen[1].what.as_str()),
            ("received", "dropped_in_program")
        );
        assert!(program.unseen.is_empty() && program.seen[0].what == "thrown_again");
        let task = of("not_known", "tokio::runtime::task::core::Core::set_stage");
        assert_eq!((task.rule.as_str(), task.seen[1].what.as_str()), ("discarded", "dropped_in_runtime"));
        assert_eq!(of("scope_spoke", "app::run").rule, "scope_spoke", "no name takes that back");
    }

    #[test]
    fn addresses_are_kept_until_everything_is_known_that_was_inlined_there() {
        let stack = |inlining| settled(bare(Fate::Unknown), "app::run", inlining).received_at.unwrap().stack;
        assert_eq!(stack(Inlining::Unknown), ["app+0x10"]);
        assert!(stack(Inlining::Known).is_empty());
    }

    #[test]
    fn an_error_that_a_runtime_dropped_is_silent_unless_a_scope_may_have_told_of_it() {
        let cell = "tokio::runtime::task::core::Core::set_stage";
        let task = settled(bare(Fate::Unknown), cell, Inlining::Known);
        assert_eq!((task.receipt, task.silent, task.reason), (Receipt::Discarded, Some(true), None));
        let thread = Report { landing: None, ..bare(Fate::ThreadDied) };
        let thread = settled(thread, "std::thread::Packet::drop", Inlining::Known);
        assert_eq!((thread.receipt, thread.silent), (Receipt::Discarded, None));
        assert_eq!(thread.reason.as_deref(), Some(PERHAPS_SCOPED));
    }
}
