//! Named lives with the verdict each deserves and a twin that deserves another, and every order of
//! events up to a length, against the rules that no order may break. One file: both use the same few events.

use std::sync::Arc;

use super::DroppedBy::{Program, Runtime};
use super::LifeEvent::*;
use super::*;
use crate::record::Fate::{Aborted, Caught, MainDied, RuntimeCaught, ThreadDied};
use crate::record::{DetachState, Fate, Handler, HandlerKind, Receipt};

fn hooked(fate: Fate) -> LifeEvent {
    let stop = match fate {
        Fate::Aborted => StopKind::Abort,
        Fate::Unknown => StopKind::Unknown,
        _ => StopKind::Catch,
    };
    LifeEvent::Hooked(Predicted {
        stop,
        at: Stop { fate, ..Stop::default() },
        abort_reason: (fate == Fate::Aborted).then_some(AbortReason::NounwindBoundary),
        detached: DetachState::Joinable,
    })
}

fn landed(fate: Fate, kind: HandlerKind) -> LifeEvent {
    let handler = Handler { kind, function: None, file: None, line: None };
    LifeEvent::Landed(Stop { fate, handler: Some(Arc::new(handler)), ..Stop::default() })
}

fn at_user() -> LifeEvent {
    landed(Fate::Caught, HandlerKind::User)
}

fn at_root() -> LifeEvent {
    landed(Fate::ThreadDied, HandlerKind::ThreadRoot)
}

fn place(line: u32) -> Place {
    Place { line: Some(line), ..Place::default() }
}

fn dropped(by: DroppedBy) -> LifeEvent {
    LifeEvent::Dropped { by, place: place(7) }
}

const ENDS: LifeEvent = LifeEvent::ProcessEnds { watched: false };
const ENDS_WATCHED: LifeEvent = LifeEvent::ProcessEnds { watched: true };
const THROWN: LifeEvent = LifeEvent::Thrown { traced: true };
const UNTRACED: LifeEvent = LifeEvent::Thrown { traced: false };

fn live(events: &[LifeEvent]) -> Life {
    let mut life = Life::default();
    for event in events {
        life.apply(event.clone());
    }
    life
}

/// The words that a life makes: fate, basis, receipt; then what is true, with a `?` where it is open or cannot be told, and
/// `open` where that goes for both `silent` and `swallowed`; then what there is besides.
fn words(events: &[LifeEvent]) -> String {
    let life = live(events);
    assert_eq!(life.imbalance(), None, "{events:?}");
    let told = life.outcome();
    let flag = |word: &str, is: Option<bool>| match is {
        None => Some(format!("{word}?")),
        Some(is) => is.then(|| word.to_owned()),
    };
    let is_open = told.silent.is_none() && told.swallowed.is_none();
    let besides = [
        flag("uncaught", told.uncaught),
        is_open.then(|| "open".to_owned()),
        flag("silent", told.silent).filter(|_| !is_open),
        flag("swallowed", told.swallowed).filter(|_| !is_open),
        told.abort_reason.map(|why| format!("by {why:?}")),
        told.reason.map(|reason| format!("({reason})")),
        told.received_at.and_then(|place| place.line).map(|line| format!("at {line}")),
        (told.hops > 0).then(|| format!("{} hops", told.hops)),
    ];
    let first = format!("{:?} {:?} {:?}", told.fate, told.basis, told.receipt);
    [first].into_iter().chain(besides.into_iter().flatten()).collect::<Vec<_>>().join(" ")
}

/// A panic that is predicted to end so, and what came then.
fn raised(fate: Fate, then: &[LifeEvent]) -> Vec<LifeEvent> {
    [&[hooked(fate)], then].concat()
}

fn thrown(fate: Fate, then: &[LifeEvent]) -> Vec<LifeEvent> {
    [&[hooked(fate), THROWN], then].concat()
}

/// It reached the root of its thread.
fn died(then: &[LifeEvent]) -> Vec<LifeEvent> {
    [&[hooked(Fate::ThreadDied), THROWN, at_root()], then].concat()
}

/// The program caught it.
fn caught(then: &[LifeEvent]) -> Vec<LifeEvent> {
    [&[hooked(Fate::Caught), THROWN, at_user()], then].concat()
}

#[test]
fn each_life_makes_its_words_and_its_twin_others() {
    let scoped = |then: &[LifeEvent]| [&[AwaitsScope], &died(&[dropped(Runtime)])[..], then].concat();
    let (boundary, destructor) = (AbortReason::NounwindBoundary, AbortReason::DropDuringUnwind);
    let cases: &[(Vec<LifeEvent>, &str)] = &[
        // A thread whose handle is gone dies silently, and one that is read does not: at the reader's place.
        (died(&[dropped(Runtime)]), "ThreadDied Confirmed Discarded uncaught silent"),
        (died(&[Read(place(3)), dropped(Program)]), "ThreadDied Confirmed Read uncaught at 3"),
        // A join that is ignored swallows, and an unwrap that panics on does not.
        (died(&[dropped(Program)]), "ThreadDied Confirmed Received uncaught swallowed at 7"),
        (died(&[dropped(Program), Carried]), "ThreadDied Confirmed Received uncaught at 7"),
        // A handle that nobody ever joins is silent only once the process ends.
        (died(&[]), "ThreadDied Confirmed Pending uncaught open"),
        (died(&[ENDS]), "ThreadDied Confirmed Pending uncaught silent"),
        // A scope that reports the death is not silent, nor is one that may yet do it. Of a task no scope speaks.
        (died(&[dropped(Runtime), ScopeObserved]), "ThreadDied Confirmed Discarded uncaught"),
        (scoped(&[]), "ThreadDied Confirmed Discarded uncaught silent? (perhaps_scoped)"),
        (scoped(&[ScopesAreOver]), "ThreadDied Confirmed Discarded uncaught silent"),
        (scoped(&[ENDS]), "ThreadDied Confirmed Discarded uncaught silent"),
        (scoped(&[ScopeObserved]), "ThreadDied Confirmed Discarded uncaught"),
        (
            raised(RuntimeCaught, &[AwaitsScope, THROWN, dropped(Runtime)]),
            "RuntimeCaught Predicted Discarded silent",
        ),
        // A payload thrown again is the same panic, on its way to a catch that nobody predicted; the last landing counts.
        (caught(&[]), "Caught Confirmed Pending open"),
        (caught(&[THROWN]), "Unknown Predicted Pending uncaught? open (handler_unknown) 1 hops"),
        (caught(&[THROWN, at_root()]), "ThreadDied Confirmed Pending uncaught open 1 hops"),
        // An abort overrides the landing that was predicted.
        (thrown(MainDied, &[]), "MainDied Predicted Pending uncaught swallowed?"),
        (
            thrown(MainDied, &[MustAbort(Some(boundary))]),
            "Aborted Confirmed Discarded uncaught by NounwindBoundary",
        ),
        // A process that ends interrupts what unwinds and nothing else.
        (thrown(Caught, &[ENDS]), "Interrupted Confirmed Discarded uncaught"),
        (caught(&[ENDS]), "Caught Confirmed Pending silent"),
        // Also while a hook still prints, if raises are seen; else it may have been caught long ago.
        (raised(Caught, &[ENDS_WATCHED]), "Interrupted Confirmed Discarded uncaught"),
        (raised(Caught, &[ENDS]), "Caught Predicted Unknown open (payload_not_traced)"),
        (raised(Aborted, &[ENDS_WATCHED]), "Aborted Predicted Discarded uncaught by NounwindBoundary"),
        // Without a landing probe the prediction is inferred from what the thread does next, and nobody watched the
        // payload. An abort that did not come is not a landing.
        (raised(Caught, &[ThreadWentOn]), "Caught Inferred Unknown open (payload_not_traced)"),
        (raised(Caught, &[]), "Caught Predicted Pending open"),
        (raised(Aborted, &[ThreadWentOn]), "Aborted Predicted Discarded uncaught by NounwindBoundary"),
        // An untraced payload is unknown and never silent.
        (
            raised(ThreadDied, &[UNTRACED, at_root(), ENDS]),
            "ThreadDied Confirmed Unknown uncaught open (payload_not_traced)",
        ),
        // So is a drop at a place without a name. Its twin was dropped inside the runtime.
        (
            died(&[dropped(DroppedBy::Unknown)]),
            "ThreadDied Confirmed Unknown uncaught open (dropped_at_unnamed_place) at 7",
        ),
        (died(&[dropped(Runtime)]), "ThreadDied Confirmed Discarded uncaught silent"),
        // What did not come proves nothing once events were lost.
        (thrown(Caught, &[EvidenceLost, ENDS]), "Caught Predicted Unknown open (events_lost)"),
        // What was left behind is unknown, also where the hook of the next panic overtakes the probe, unless it waited on
        // another stack and lands after all, or that was the first throw, which had landed.
        (
            thrown(ThreadDied, &[LeftBehind, ENDS]),
            "Unknown Predicted Unknown uncaught? open (unwinding_left)",
        ),
        (
            raised(ThreadDied, &[LeftBehind, THROWN, ENDS]),
            "Unknown Predicted Unknown uncaught? open (unwinding_left)",
        ),
        (thrown(ThreadDied, &[LeftBehind, at_root(), ENDS]), "ThreadDied Confirmed Pending uncaught silent"),
        (caught(&[LeftBehind, THROWN, ENDS]), "Interrupted Confirmed Discarded uncaught 1 hops"),
        // A payload that may have moved is never silent; one that was read or thrown since is in its box, and one that is
        // unwinding has not left it.
        (caught(&[PerhapsMoved, ENDS]), "Caught Confirmed Unknown open (payload_moved)"),
        (caught(&[PerhapsMoved, Read(place(3)), ENDS]), "Caught Confirmed Read at 3"),
        (caught(&[PerhapsMoved, THROWN, at_user(), ENDS]), "Caught Confirmed Pending silent 1 hops"),
        (thrown(Caught, &[PerhapsMoved, at_user(), ENDS]), "Caught Confirmed Pending silent"),
        // A reason that no name tells is filled in by a later hook call, and a told one stands.
        (vec![MustAbort(None)], "Aborted Confirmed Discarded uncaught (abort_unnamed_no_symbols)"),
        (
            vec![MustAbort(None), MustAbort(Some(destructor))],
            "Aborted Confirmed Discarded uncaught by DropDuringUnwind",
        ),
        (
            vec![MustAbort(Some(boundary)), MustAbort(Some(destructor))],
            "Aborted Confirmed Discarded uncaught by NounwindBoundary",
        ),
        // A raise without a hook is known by where it lands. Unknown is not uncaught.
        (vec![THROWN, at_user()], "Caught Confirmed Pending open"),
        (vec![THROWN], "Unknown Predicted Pending uncaught? open (handler_unknown)"),
        (vec![THROWN, EndOfStack], "Aborted Confirmed Discarded uncaught by NoHandler"),
    ];
    for (events, expected) in cases {
        assert_eq!(words(events), *expected, "{events:?}");
    }
}

#[test]
fn what_cannot_happen_is_an_imbalance_and_what_can_is_none() {
    let cases: [(&[LifeEvent], Option<Imbalance>); 6] = [
        (&[hooked(Fate::Caught), hooked(Fate::Caught)], Some(Imbalance::HookedTwice)),
        (&[THROWN, THROWN], Some(Imbalance::ThrownWhileUnwinding)),
        (&[hooked(Fate::Caught), at_user()], Some(Imbalance::LandedWithoutThrow)),
        (&[THROWN, at_user(), at_user()], Some(Imbalance::LandedWithoutThrow)),
        (&[THROWN, at_user(), dropped(Program), dropped(Program)], Some(Imbalance::TouchedAfterDrop)),
        (&[THROWN, at_user(), THROWN, at_root(), dropped(DroppedBy::Runtime)], None),
    ];
    for (events, expected) in cases {
        assert_eq!(live(events).imbalance(), expected, "{events:?}");
    }
}

/// Every kind of event once, in a form that differs from its neighbours.
fn alphabet() -> Vec<LifeEvent> {
    vec![
        hooked(Fate::Caught),
        hooked(Fate::Aborted),
        hooked(Fate::Unknown),
        THROWN,
        UNTRACED,
        at_user(),
        at_root(),
        LifeEvent::EndOfStack,
        LifeEvent::MustAbort(Some(AbortReason::DropDuringUnwind)),
        LifeEvent::ThreadWentOn,
        LifeEvent::Read(place(1)),
        dropped(DroppedBy::Program),
        dropped(DroppedBy::Runtime),
        dropped(DroppedBy::Unknown),
        LifeEvent::PerhapsMoved,
        LifeEvent::LeftBehind,
        LifeEvent::Carried,
        LifeEvent::AwaitsScope,
        LifeEvent::ScopeObserved,
        LifeEvent::ScopeAmbiguous,
        LifeEvent::EvidenceLost,
        ENDS,
        ENDS_WATCHED,
    ]
}

/// The rules that hold whatever was seen, in whatever order.
fn check(events: &[LifeEvent]) {
    let life = live(events);
    let told = life.outcome();
    let has = |event: LifeEvent| events.contains(&event);
    let (silent, swallowed) = (told.silent == Some(true), told.swallowed == Some(true));
    let goes_on = matches!(told.fate, Caught | RuntimeCaught | ThreadDied);
    let over = has(ENDS) && has(THROWN) && !has(EvidenceLost) && !has(LeftBehind);
    let end = events.iter().rposition(|event| *event == ENDS);
    let last_throw = events.iter().rposition(|event| matches!(event, Thrown { .. }));
    let left_open = life.imbalance().is_none() && life.is_unwinding() && last_throw <= end;
    let is_untaken = matches!(told.receipt, Receipt::Discarded | Receipt::Pending);
    let is_known = told.receipt != Receipt::Unknown && told.fate != Fate::Unknown;
    let was_read = events.iter().any(|event| matches!(event, Read(_)));
    let has_landed = events.iter().any(|event| matches!(event, Landed(_)));
    let fate_known = (told.fate != Fate::Unknown).then(|| told.fate.is_uncaught());
    let rules = [
        ("uncaught is what the fate says", told.uncaught == fate_known),
        ("silent is what nobody received", !silent || is_untaken),
        ("nothing that ends the process is silent", !silent || goes_on),
        ("what is silent is not swallowed", !silent || !swallowed),
        ("what a scope told of is not silent", !silent || !has(ScopeObserved)),
        ("swallowed is what was received", !swallowed || told.receipt == Receipt::Received),
        ("what was carried on is not swallowed", !swallowed || !has(Carried)),
        ("what nobody saw is not claimed", told.reason.is_some() || is_known),
        ("a reader was seen", told.receipt != Receipt::Read || was_read),
        (
            "a confirmed catch was seen",
            told.basis != Basis::Confirmed || told.fate.is_uncaught() || has_landed,
        ),
        ("a clean life that has ended has no throw left open", !over || !left_open),
        ("the same events give the same verdict", live(events).outcome() == told),
    ];
    for (rule, holds) in rules {
        assert!(holds, "{rule}: {events:?} gave {told:?}");
    }
}

#[test]
fn no_order_of_events_breaks_a_rule() {
    fn extend(events: &mut Vec<LifeEvent>, alphabet: &[LifeEvent], left: usize, seen: &mut u64) {
        check(events);
        *seen += 1;
        if left == 0 {
            return;
        }
        for event in alphabet {
            events.push(event.clone());
            extend(events, alphabet, left - 1, seen);
            events.pop();
        }
    }
    let alphabet = alphabet();
    let mut seen = 0;
    extend(&mut Vec::new(), &alphabet, 4, &mut seen);
    // 23^0 + 23^1 + … + 23^4.
    assert_eq!(seen, 292_561);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_long_order_of_events_breaks_a_rule(choices in proptest::collection::vec(0..22usize, 0..=40)) {
        let alphabet = alphabet();
        let events: Vec<LifeEvent> = choices.iter().map(|choice| alphabet[*choice].clone()).collect();
        // Every beginning of it is a life, too.
        for end in 0..=events.len() {
            check(&events[..end]);
        }
    }
}
