//! Named lives with the verdict each deserves and a twin that deserves another, and every order of
//! events up to a length, against the rules that no order may break. One file: both use the same few events.

use std::sync::Arc;

use super::*;
use crate::record::{DetachState, HandlerKind, Receipt};
use crate::verdict::reason::ABORT_WITHOUT_SYMBOLS;

fn handler(kind: HandlerKind) -> Option<Arc<Handler>> {
    Some(Arc::new(Handler { kind, function: None, file: None, line: None }))
}

fn hooked(fate: Fate) -> LifeEvent {
    let stop = match fate {
        Fate::Aborted => StopKind::Abort,
        Fate::Unknown => StopKind::Unknown,
        _ => StopKind::Catch,
    };
    LifeEvent::Hooked(Predicted {
        stop,
        fate,
        handler: None,
        inside_root: false,
        abort_reason: (fate == Fate::Aborted).then_some(AbortReason::NounwindBoundary),
        detached: DetachState::Joinable,
    })
}

fn landed(fate: Fate, kind: HandlerKind) -> LifeEvent {
    LifeEvent::Landed { fate, handler: handler(kind), inside_root: false }
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

/// fate, basis, receipt, uncaught, silent, swallowed.
type Words = (Fate, Basis, Receipt, Option<bool>, Option<bool>, Option<bool>);

fn words(events: &[LifeEvent]) -> Words {
    let life = live(events);
    assert_eq!(life.imbalance(), None, "{events:?}");
    let outcome = life.outcome();
    (outcome.fate, outcome.basis, outcome.receipt, outcome.uncaught, outcome.silent, outcome.swallowed)
}

#[test]
fn a_thread_whose_handle_is_gone_dies_silently_and_one_that_is_read_does_not() {
    let start = [hooked(Fate::ThreadDied), THROWN, at_root()];
    let silent = [&start[..], &[dropped(DroppedBy::Runtime)]].concat();
    assert_eq!(
        words(&silent),
        (Fate::ThreadDied, Basis::Confirmed, Receipt::Discarded, Some(true), Some(true), Some(false))
    );
    let read = [&start[..], &[LifeEvent::Read(place(3)), dropped(DroppedBy::Program)]].concat();
    assert_eq!(
        words(&read),
        (Fate::ThreadDied, Basis::Confirmed, Receipt::Read, Some(true), Some(false), Some(false))
    );
    assert_eq!(live(&read).outcome().received_at, Some(place(3)), "the reader's place, not the dropper's");
}

#[test]
fn a_join_that_is_ignored_swallows_and_an_unwrap_that_panics_on_does_not() {
    let ignored = [hooked(Fate::ThreadDied), THROWN, at_root(), dropped(DroppedBy::Program)];
    assert_eq!(
        words(&ignored),
        (Fate::ThreadDied, Basis::Confirmed, Receipt::Received, Some(true), Some(false), Some(true))
    );
    let unwrapped = [&ignored[..], &[LifeEvent::Carried]].concat();
    assert_eq!(words(&unwrapped).5, Some(false));
}

#[test]
fn a_handle_that_nobody_ever_joins_is_silent_only_once_the_process_ends() {
    let open = [hooked(Fate::ThreadDied), THROWN, at_root()];
    assert_eq!(words(&open).2, Receipt::Pending);
    assert_eq!(words(&open).4, None);
    let ended = [&open[..], &[ENDS]].concat();
    assert_eq!(words(&ended).2, Receipt::Pending);
    assert_eq!(words(&ended).4, Some(true));
}

#[test]
fn a_scope_that_reports_the_death_is_not_silent() {
    let events = [hooked(Fate::ThreadDied), THROWN, at_root(), dropped(DroppedBy::Runtime)];
    let scoped = [&events[..], &[LifeEvent::ScopeObserved]].concat();
    assert_eq!(words(&events).4, Some(true));
    assert_eq!(words(&scoped).4, Some(false));
    let awaited = [&[LifeEvent::AwaitsScope], &events[..]].concat();
    assert_eq!((words(&awaited).4, live(&awaited).outcome().reason), (None, Some("perhaps_scoped")));
    let over = [&awaited[..], &[LifeEvent::ScopesAreOver]].concat();
    assert_eq!((words(&over).4, live(&over).outcome().reason), (Some(true), None));
    let ended = [&awaited[..], &[ENDS]].concat();
    assert_eq!((words(&ended).4, live(&ended).outcome().reason), (Some(true), None));
    let scoped = [&awaited[..], &[LifeEvent::ScopeObserved]].concat();
    assert_eq!(words(&scoped).4, Some(false));
    let task = [LifeEvent::AwaitsScope, hooked(Fate::RuntimeCaught), THROWN, dropped(DroppedBy::Runtime)];
    assert_eq!(words(&task).4, Some(true), "of a task no scope speaks");
}

#[test]
fn a_payload_thrown_again_is_the_same_panic_and_the_last_landing_counts() {
    let once = [hooked(Fate::Caught), THROWN, at_user()];
    assert_eq!(words(&once).0, Fate::Caught);
    let again = [&once[..], &[THROWN]].concat();
    assert_eq!(words(&again).0, Fate::Unknown, "on its way to a catch that nobody predicted");
    let died = [&again[..], &[at_root()]].concat();
    assert_eq!(words(&died).0, Fate::ThreadDied);
    assert_eq!(live(&died).outcome().hops, 1);
}

#[test]
fn an_abort_overrides_the_landing_that_was_predicted() {
    let predicted = [hooked(Fate::MainDied), THROWN];
    assert_eq!(words(&predicted).1, Basis::Predicted);
    let life = live(&[&predicted[..], &[LifeEvent::MustAbort(Some(AbortReason::NounwindBoundary))]].concat());
    assert_eq!(life.outcome().fate, Fate::Aborted);
    assert_eq!(life.outcome().abort_reason, Some(AbortReason::NounwindBoundary));
}

#[test]
fn a_process_that_ends_interrupts_what_unwinds_and_nothing_else() {
    let unwinding = [hooked(Fate::Caught), THROWN, ENDS];
    assert_eq!(
        words(&unwinding),
        (Fate::Interrupted, Basis::Confirmed, Receipt::Discarded, Some(true), Some(false), Some(false))
    );
    let landed = [hooked(Fate::Caught), THROWN, at_user(), ENDS];
    assert_eq!(words(&landed).0, Fate::Caught);
}

#[test]
fn a_process_that_ends_while_a_hook_still_prints_interrupts_the_panic_if_raises_are_seen() {
    assert_eq!(words(&[hooked(Fate::Caught), ENDS_WATCHED]).0, Fate::Interrupted);
    assert_eq!(words(&[hooked(Fate::Caught), ENDS]).0, Fate::Caught, "it may have been caught long ago");
    assert_eq!(words(&[hooked(Fate::Aborted), ENDS_WATCHED]).0, Fate::Aborted);
}

#[test]
fn without_a_landing_probe_the_prediction_is_inferred_from_what_the_thread_does_next() {
    let events = [hooked(Fate::Caught), LifeEvent::ThreadWentOn];
    assert_eq!(words(&events).1, Basis::Inferred);
    assert_eq!(words(&events).2, Receipt::Unknown, "nobody watched the payload");
    assert_eq!(words(&[hooked(Fate::Caught)]).1, Basis::Predicted);
    let aborting = [hooked(Fate::Aborted), LifeEvent::ThreadWentOn];
    assert_eq!(words(&aborting).1, Basis::Predicted, "an abort that did not come is not a landing");
}

#[test]
fn an_untraced_payload_is_unknown_and_never_silent() {
    let events = [hooked(Fate::ThreadDied), UNTRACED, at_root(), ENDS];
    assert_eq!(
        words(&events),
        (Fate::ThreadDied, Basis::Confirmed, Receipt::Unknown, Some(true), None, None)
    );
    assert_eq!(live(&events).outcome().reason, Some("payload_not_traced"));
}

#[test]
fn a_drop_at_a_place_without_a_name_is_unknown_and_never_silent() {
    let unnamed = [hooked(Fate::ThreadDied), THROWN, at_root(), dropped(DroppedBy::Unknown)];
    assert_eq!(
        words(&unnamed),
        (Fate::ThreadDied, Basis::Confirmed, Receipt::Unknown, Some(true), None, None)
    );
    assert_eq!(live(&unnamed).outcome().reason, Some("dropped_at_unnamed_place"));
    let named = [hooked(Fate::ThreadDied), THROWN, at_root(), dropped(DroppedBy::Runtime)];
    assert_eq!(words(&named).4, Some(true), "its twin, dropped inside the runtime");
}

#[test]
fn what_did_not_come_proves_nothing_once_events_were_lost() {
    let events = [hooked(Fate::Caught), THROWN, ENDS];
    assert_eq!(words(&events).0, Fate::Interrupted);
    let lost = [hooked(Fate::Caught), THROWN, LifeEvent::EvidenceLost, ENDS];
    assert_eq!(words(&lost), (Fate::Caught, Basis::Predicted, Receipt::Unknown, Some(false), None, None));
}

#[test]
fn what_was_left_behind_is_unknown_unless_it_lands_after_all() {
    let left = [hooked(Fate::ThreadDied), THROWN, LifeEvent::LeftBehind, ENDS];
    assert_eq!(words(&left), (Fate::Unknown, Basis::Predicted, Receipt::Unknown, None, None, None));
    assert_eq!(live(&left).outcome().reason, Some("unwinding_left"));
    let told_first = [hooked(Fate::ThreadDied), LifeEvent::LeftBehind, THROWN, ENDS];
    assert_eq!(words(&told_first), words(&left), "the hook of the next panic overtakes the probe");
    let landed = [hooked(Fate::ThreadDied), THROWN, LifeEvent::LeftBehind, at_root(), ENDS];
    assert_eq!(words(&landed).0, Fate::ThreadDied, "it waited on another stack");
    let before = [hooked(Fate::Caught), THROWN, at_user(), LifeEvent::LeftBehind, THROWN, ENDS];
    assert_eq!(words(&before).0, Fate::Interrupted, "that was the first throw, which had landed");
}

#[test]
fn a_payload_that_may_have_moved_is_never_silent_and_one_that_was_read_or_thrown_since_is_certain() {
    let kept = [hooked(Fate::Caught), THROWN, at_user()];
    let ended = [&kept[..], &[ENDS]].concat();
    assert_eq!((words(&ended).2, words(&ended).4), (Receipt::Pending, Some(true)));
    let moved = [&kept[..], &[LifeEvent::PerhapsMoved, ENDS]].concat();
    assert_eq!(words(&moved), (Fate::Caught, Basis::Confirmed, Receipt::Unknown, Some(false), None, None));
    assert_eq!(live(&moved).outcome().reason, Some("payload_moved"));
    let read = [&kept[..], &[LifeEvent::PerhapsMoved, LifeEvent::Read(place(3)), ENDS]].concat();
    assert_eq!(words(&read).2, Receipt::Read, "that one is in its box");
    let again = [&kept[..], &[LifeEvent::PerhapsMoved, THROWN, at_user(), ENDS]].concat();
    assert_eq!(words(&again).4, Some(true));
    let unwinding = [hooked(Fate::Caught), THROWN, LifeEvent::PerhapsMoved, at_user(), ENDS];
    assert_eq!(words(&unwinding).4, Some(true), "what is unwinding has not left its box");
}

#[test]
fn a_reason_that_no_name_tells_is_filled_in_by_a_later_hook_call_and_a_told_one_stands() {
    let unnamed = live(&[LifeEvent::MustAbort(None)]).outcome();
    assert_eq!((unnamed.fate, unnamed.abort_reason), (Fate::Aborted, None));
    assert_eq!(unnamed.reason, Some(ABORT_WITHOUT_SYMBOLS));
    let later = LifeEvent::MustAbort(Some(AbortReason::DropDuringUnwind));
    let told = live(&[LifeEvent::MustAbort(None), later.clone()]).outcome();
    assert_eq!((told.abort_reason, told.reason), (Some(AbortReason::DropDuringUnwind), None));
    let first = live(&[LifeEvent::MustAbort(Some(AbortReason::NounwindBoundary)), later]).outcome();
    assert_eq!(first.abort_reason, Some(AbortReason::NounwindBoundary));
}

#[test]
fn a_raise_without_a_hook_is_known_by_where_it_lands() {
    assert_eq!(words(&[THROWN, at_user()]).0, Fate::Caught);
    assert_eq!(words(&[THROWN]).0, Fate::Unknown);
    assert_eq!(words(&[THROWN]).3, None, "unknown is not uncaught");
    assert_eq!(words(&[THROWN, LifeEvent::EndOfStack]).0, Fate::Aborted);
}

#[test]
fn what_cannot_happen_is_an_imbalance_and_what_can_is_none() {
    let cases: [(&[LifeEvent], Option<Imbalance>); 6] = [
        (&[hooked(Fate::Caught), hooked(Fate::Caught)], Some(Imbalance::HookedTwice)),
        (&[THROWN, THROWN], Some(Imbalance::ThrownWhileUnwinding)),
        (&[hooked(Fate::Caught), at_user()], Some(Imbalance::LandedWithoutThrow)),
        (&[THROWN, at_user(), at_user()], Some(Imbalance::LandedWithoutThrow)),
        (
            &[THROWN, at_user(), dropped(DroppedBy::Program), dropped(DroppedBy::Program)],
            Some(Imbalance::TouchedAfterDrop),
        ),
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
    let outcome = life.outcome();
    let context = || format!("{events:?} gave {outcome:?}");

    assert_eq!(
        outcome.uncaught,
        (outcome.fate != Fate::Unknown).then(|| outcome.fate.is_uncaught()),
        "{}",
        context()
    );
    if outcome.silent == Some(true) {
        assert!(matches!(outcome.receipt, Receipt::Discarded | Receipt::Pending), "{}", context());
        assert!(
            matches!(outcome.fate, Fate::Caught | Fate::RuntimeCaught | Fate::ThreadDied),
            "{}",
            context()
        );
        assert_ne!(outcome.swallowed, Some(true), "{}", context());
        assert!(!events.contains(&LifeEvent::ScopeObserved), "{}", context());
    }
    if outcome.swallowed == Some(true) {
        assert_eq!(outcome.receipt, Receipt::Received, "{}", context());
        assert!(!events.contains(&LifeEvent::Carried), "{}", context());
    }
    // What nobody saw is not claimed.
    if matches!(outcome.receipt, Receipt::Unknown) || outcome.fate == Fate::Unknown {
        assert!(outcome.reason.is_some(), "{}", context());
    }
    if outcome.receipt == Receipt::Read {
        assert!(events.iter().any(|event| matches!(event, LifeEvent::Read(_))), "{}", context());
    }
    if outcome.basis == Basis::Confirmed && !outcome.fate.is_uncaught() {
        assert!(events.iter().any(|event| matches!(event, LifeEvent::Landed { .. })), "{}", context());
    }
    // The balance: a clean life that has ended has no throw left open.
    let lost = events.contains(&LifeEvent::EvidenceLost);
    let left = events.contains(&LifeEvent::LeftBehind);
    if !lost && !left && life.imbalance().is_none() && events.contains(&ENDS) && events.contains(&THROWN) {
        let after_end = events.iter().rposition(|event| *event == ENDS);
        let last_throw = events.iter().rposition(|event| matches!(event, LifeEvent::Thrown { .. }));
        assert!(!life.is_unwinding() || last_throw > after_end, "{}", context());
    }
    assert_eq!(live(events).outcome(), outcome, "the same events give the same verdict");
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
