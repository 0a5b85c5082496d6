//! Chains of panics, each with a twin that must not be linked.

use crate::record::{Basis, DetachState, Handler, HandlerKind, Receipt, StopKind};
use crate::verdict::life::Outcome;
use crate::verdict::tracker::eviction::KEPT;
use crate::verdict::tracker::*;

pub(super) const MAIN: u32 = 1;
pub(super) const CHILD: u32 = 2;
/// Where every panic here stops.
pub(super) const STOP: u64 = 0x1000;
const UNWRAP_ANY: &str = "called `Result::unwrap()` on an `Err` value: Any { .. }";

pub(super) fn raise(sequence: u64, tid: u32, message: &str) -> Raise {
    Raise {
        sequence,
        tid,
        mono_ns: 1_000_000,
        nested_in: 0,
        cannot_unwind: false,
        in_cleanup: false,
        nothing_else_unwinds: false,
        in_once: Some(false),
        perhaps_nested: false,
        by_scope: Some(false),
        message: Some(message.to_owned()),
        stop: StopKind::Catch,
        at: Stop { ip: STOP, fate: Fate::Caught, cleans: Some(false), ..Stop::default() },
        abort_reason: None,
        detached: DetachState::Joinable,
    }
}

pub(super) fn throw(lives: &mut Lives, sequence: u64, thread: u64, tid: u32) {
    lives.thrown(
        sequence,
        Throw { serial: sequence, thread, tid, traced: true, kind: 0, recorded_again: false },
    );
}

fn dying(sequence: u64, tid: u32) -> Raise {
    let raise = raise(sequence, tid, "first");
    Raise { at: Stop { fate: Fate::ThreadDied, ..raise.at.clone() }, ..raise }
}

/// core's own panic at a boundary.
pub(super) fn cannot_unwind(sequence: u64, tid: u32) -> Raise {
    let raise = raise(sequence, tid, "panic in a function that cannot unwind");
    Raise { cannot_unwind: true, at: Stop { fate: Fate::Aborted, ..Stop::default() }, ..raise }
}

/// These panics were raised.
fn lives(raises: impl IntoIterator<Item = Raise>) -> Lives {
    let mut lives = Lives::default();
    raises.into_iter().for_each(|raise| _ = lives.raised(raise));
    lives
}

/// The first panic is unwinding on the main thread.
pub(super) fn unwinding() -> Lives {
    let mut lives = lives([raise(1, MAIN, "first")]);
    throw(&mut lives, 1, 0, MAIN);
    lives
}

/// OS id of a child thread.
pub(super) fn child(number: u64) -> u32 {
    CHILD + number as u32
}

/// A child thread with that parent, 0 for the main thread.
fn started(lives: &mut Lives, number: u64, parent: u64) {
    let parent_tid = if parent == 0 { MAIN } else { child(parent) };
    lives.started(number, Thread { tid: child(number), parent, parent_tid, ..Thread::default() });
}

/// A child thread dies of the panic with its own number.
fn dies(lives: &mut Lives, number: u64) {
    lives.raised(dying(number, child(number)));
    throw(lives, number, number, child(number));
    lives.landed(number, child(number), STOP, 1);
}

/// The same, of one that a scope may have spawned, and nobody can join it.
fn dies_unjoined(lives: &mut Lives, number: u64) {
    dies(lives, number);
    lives.awaits_scope(number);
    root_drops(lives, number);
}

/// So many child threads died, each of the panic with its own number.
pub(super) fn dead_children(count: u64) -> Lives {
    let mut lives = Lives::default();
    for number in 1..=count {
        started(&mut lives, number, 0);
        dies(&mut lives, number);
    }
    lives
}

/// The root of a dead child drops its payload.
fn root_drops(lives: &mut Lives, number: u64) {
    lives.dropped(number, child(number), DroppedBy::Runtime, Place::default(), 0);
}

fn outcome(lives: &Lives, sequence: u64) -> Outcome {
    lives.change(sequence).expect("kept").outcome
}

fn chain(lives: &Lives, sequence: u64) -> (u64, Option<Relation>) {
    let change = lives.change(sequence).expect("kept");
    (change.incident, change.relation)
}

#[test]
fn a_boundary_that_must_not_unwind_dooms_what_was_unwinding_and_is_one_incident() {
    let mut lives = unwinding();
    lives.raised(cannot_unwind(2, MAIN));
    assert_eq!(outcome(&lives, 1).fate, Fate::Aborted);
    assert_eq!(outcome(&lives, 1).abort_reason, Some(AbortReason::NounwindBoundary));
    assert_eq!(chain(&lives, 2), (1, Some(Relation::CannotUnwind)));
}

#[test]
fn a_panic_on_another_thread_is_not_drawn_in() {
    let mut lives = unwinding();
    lives.raised(cannot_unwind(2, CHILD));
    assert_eq!(outcome(&lives, 1).fate, Fate::Caught);
    assert_eq!(chain(&lives, 2), (2, None));
}

#[test]
fn three_panics_of_a_destructor_during_unwinding_are_one_incident() {
    let mut lives = Lives::default();
    for sequence in [1, 2] {
        lives.raised(raise(sequence, MAIN, "x"));
        throw(&mut lives, sequence, 0, MAIN);
    }
    lives.raised(Raise { in_cleanup: true, ..raise(3, MAIN, "panic in a destructor during cleanup") });
    assert_eq!(chain(&lives, 2), (1, Some(Relation::WhileUnwinding)));
    assert_eq!(chain(&lives, 3), (1, Some(Relation::InCleanup)));
    for sequence in [1, 2] {
        assert_eq!(outcome(&lives, sequence).abort_reason, Some(AbortReason::DropDuringUnwind));
    }
}

#[test]
fn without_probes_nesting_shows_every_panic_that_dies_of_a_destructor() {
    let lives = lives([
        raise(1, MAIN, "first"),
        Raise { nested_in: 1, ..raise(2, MAIN, "second") },
        Raise { nested_in: 2, in_cleanup: true, ..raise(3, MAIN, "in cleanup") },
    ]);
    for sequence in [1, 2] {
        assert_eq!(outcome(&lives, sequence).abort_reason, Some(AbortReason::DropDuringUnwind));
    }
    assert_eq!(chain(&lives, 3), (1, Some(Relation::InCleanup)));
}

#[test]
fn where_no_table_tells_of_nesting_core_tells_of_one_panic_and_casts_doubt_on_more_than_one() {
    let doubtful = |sequence| Raise { perhaps_nested: true, ..raise(sequence, MAIN, "perhaps nested") };
    let by_core = |sequence, in_cleanup| Raise {
        nested_in: sequence - 1,
        in_cleanup,
        cannot_unwind: !in_cleanup,
        ..raise(sequence, MAIN, "by core")
    };
    // A panic left a destructor: what the thread unwinds besides can only be the first one.
    let nested = lives([raise(1, MAIN, "first"), doubtful(2), by_core(3, true)]);
    assert_eq!(outcome(&nested, 1).abort_reason, Some(AbortReason::DropDuringUnwind));
    assert_eq!([2, 3].map(|sequence| chain(&nested, sequence).0), [1, 1]);
    // It reached a boundary, or may have left any of two: the earlier ones may have landed before.
    for (earlier, in_cleanup) in [(vec![1], false), (vec![1, 2], true)] {
        let last = earlier.len() as u64 + 1;
        let nested = (2..=last).map(doubtful);
        let first = [raise(1, MAIN, "first")].into_iter();
        let lives = lives(first.chain(nested).chain([by_core(last + 1, in_cleanup)]));
        assert_eq!(outcome(&lives, last).fate, Fate::Aborted);
        for sequence in earlier {
            let told = outcome(&lives, sequence);
            assert_eq!((told.fate, told.reason), (Fate::Unknown, Some("names_destructor")), "{sequence}");
            assert_eq!(chain(&lives, sequence), (sequence, None));
        }
    }
    // Without a destructor on its stack the second one shows that the first is over.
    let lives = lives([raise(1, MAIN, "first"), raise(2, MAIN, "second"), by_core(3, false)]);
    assert_eq!((outcome(&lives, 1).fate, outcome(&lives, 1).basis), (Fate::Caught, Basis::Inferred));
}

#[test]
fn an_unwrapped_join_carries_the_death_on_and_an_ignored_one_swallows_it() {
    for (unwrapped, swallowed) in [(true, false), (false, true)] {
        let mut lives = dead_children(1);
        lives.joined(MAIN, 1);
        if unwrapped {
            lives.raised(raise(2, MAIN, UNWRAP_ANY));
            assert_eq!(chain(&lives, 2), (1, Some(Relation::Unwrap)));
        }
        lives.dropped(1, MAIN, DroppedBy::Program, Place::default(), 0);
        assert_eq!(outcome(&lives, 1).receipt, Receipt::Received);
        assert_eq!(outcome(&lives, 1).swallowed, Some(swallowed));
    }
}

#[test]
fn of_two_results_in_hand_the_one_that_the_unwinding_drops_was_unwrapped() {
    let mut lives = dead_children(2);
    lives.joined(MAIN, 1);
    lives.joined(MAIN, 2);
    lives.raised(raise(3, MAIN, UNWRAP_ANY));
    assert_eq!(chain(&lives, 3), (3, None), "two candidates, no evidence yet");
    throw(&mut lives, 3, 0, MAIN);
    lives.dropped(2, MAIN, DroppedBy::Program, Place::default(), 0);
    assert_eq!(chain(&lives, 3), (2, Some(Relation::Unwrap)));
    assert_eq!(outcome(&lives, 2).swallowed, Some(false));
}

#[test]
fn a_shown_join_error_is_linked_by_its_text_and_another_text_is_not() {
    for (text, linked) in [("first", true), ("other", false)] {
        let mut lives = dead_children(1);
        lives.read(1, MAIN, Place::default());
        let shown =
            format!("called `Result::unwrap()` on an `Err` value: JoinError::Panic(Id(7), \"{text}\", ...)");
        lives.raised(raise(2, MAIN, &shown));
        assert_eq!(chain(&lives, 2).1.is_some(), linked);
    }
}

pub(super) fn scope_panic(sequence: u64) -> Raise {
    Raise { by_scope: Some(true), ..raise(sequence, MAIN, "a scoped thread panicked") }
}

#[test]
fn a_scope_that_speaks_up_for_its_child_is_not_silent_and_one_that_may_do_so_not_called_silent_before() {
    for (awaited, silent_before) in [(false, Some(true)), (true, None)] {
        let mut lives = dead_children(1);
        if awaited {
            lives.awaits_scope(1);
        }
        root_drops(&mut lives, 1);
        assert_eq!(outcome(&lives, 1).silent, silent_before);
        lives.raised(scope_panic(2));
        assert_eq!(outcome(&lives, 1).silent, Some(false), "awaited: {awaited}");
        assert_eq!(chain(&lives, 2), (1, Some(Relation::Scope)), "awaited: {awaited}");
    }
}

#[test]
fn a_scope_speaks_of_threads_that_its_children_spawned_too() {
    let mut lives = Lives::default();
    started(&mut lives, 1, 0);
    started(&mut lives, 2, 1);
    dies_unjoined(&mut lives, 2);
    lives.raised(scope_panic(3));
    assert_eq!((outcome(&lives, 2).silent, chain(&lives, 3)), (Some(false), (2, Some(Relation::Scope))));
}

#[test]
fn a_scope_that_has_no_dead_child_may_speak_of_a_thread_that_started_unseen() {
    let mut lives = Lives::default();
    dies_unjoined(&mut lives, 1);
    assert_eq!((outcome(&lives, 1).silent, outcome(&lives, 1).reason), (None, Some("perhaps_scoped")));
    lives.raised(scope_panic(2));
    assert_eq!((outcome(&lives, 1).silent, chain(&lives, 2)), (None, (2, None)));
    lives.process_ends(true);
    assert_eq!(outcome(&lives, 1).silent, None, "also when the process ends");

    // The twin: its own child died, and the other one is nobody's that is known.
    let mut lives = Lives::default();
    dies_unjoined(&mut lives, 1);
    started(&mut lives, 2, 0);
    dies_unjoined(&mut lives, 2);
    lives.raised(scope_panic(3));
    assert_eq!([outcome(&lives, 1).silent, outcome(&lives, 2).silent], [None, Some(false)]);
}

#[test]
fn a_death_that_no_scope_can_speak_of_any_more_is_silent() {
    let mut lives = Lives::default();
    started(&mut lives, 1, 0);
    started(&mut lives, 2, 1);
    dies_unjoined(&mut lives, 2);
    assert_eq!((outcome(&lives, 2).silent, outcome(&lives, 2).reason), (None, Some("perhaps_scoped")));
    assert_eq!((lives.awaiting_scopes_on(1), lives.awaiting_scopes_on(2)), (vec![2], vec![]));
    lives.scopes_are_over(2);
    assert_eq!((outcome(&lives, 2).silent, outcome(&lives, 2).reason), (Some(true), None));
    assert_eq!(lives.awaiting_scopes_on(1), [0; 0]);
}

#[test]
fn of_two_dead_children_none_is_said_to_be_the_scopes() {
    let mut lives = dead_children(2);
    (1..=2).for_each(|number| root_drops(&mut lives, number));
    lives.raised(scope_panic(3));
    assert_eq!(chain(&lives, 3), (3, None));
    assert_eq!([outcome(&lives, 1).silent, outcome(&lives, 2).silent], [None, None]);
}

#[test]
fn a_poisoned_lock_points_to_the_only_panic_that_can_have_poisoned_it() {
    let poison = "called `Result::unwrap()` on an `Err` value: PoisonError { .. }";
    let mut lives = dead_children(1);
    lives.raised(raise(2, MAIN, poison));
    assert_eq!(chain(&lives, 2), (1, Some(Relation::PoisonedLock)));
    lives.raised(raise(3, MAIN, poison));
    assert_eq!(chain(&lives, 3).0, 1, "the second victim belongs to the same chain");

    let mut lives = dead_children(2);
    lives.raised(raise(3, MAIN, poison));
    assert_eq!(chain(&lives, 3), (3, None), "either may have done it");
}

#[test]
fn without_names_the_dying_thread_discards_and_the_joiner_receives() {
    for (joined, receipt) in [(false, Receipt::Discarded), (true, Receipt::Received)] {
        let mut lives = dead_children(1);
        let dropper = if joined { MAIN } else { child(1) };
        if joined {
            lives.joined(MAIN, 1);
        }
        lives.dropped(1, dropper, DroppedBy::Unknown, Place::default(), 0);
        assert_eq!(outcome(&lives, 1).receipt, receipt);
    }
}

#[test]
fn without_probes_a_later_panic_shows_that_the_earlier_one_is_over_unless_it_is_nested() {
    for (nested_in, basis) in [(0, Basis::Inferred), (1, Basis::Predicted)] {
        let lives = lives([raise(1, MAIN, "first"), Raise { nested_in, ..raise(2, MAIN, "second") }]);
        assert_eq!(outcome(&lives, 1).basis, basis);
    }
}

#[test]
fn a_landing_elsewhere_than_predicted_is_not_given_the_predicted_owner() {
    for (ip, fate) in [(STOP, Fate::ThreadDied), (STOP + 1, Fate::Unknown)] {
        let mut lives = lives([dying(1, CHILD)]);
        throw(&mut lives, 1, 1, CHILD);
        lives.landed(1, CHILD, ip, 0);
        assert_eq!(outcome(&lives, 1).fate, fate);
    }
}

#[test]
fn a_payload_thrown_again_lands_where_its_new_stack_says() {
    let mut lives = lives([raise(1, CHILD, "first")]);
    throw(&mut lives, 1, 1, CHILD);
    lives.landed(1, CHILD, STOP, 0);
    let handler = Handler { kind: HandlerKind::ThreadRoot, function: None, file: None, line: None };
    let stop =
        Stop { ip: 0x2000, fate: Fate::ThreadDied, handler: Some(Arc::new(handler)), ..Stop::default() };
    lives.hopped(1, stop);
    throw(&mut lives, 1, 1, CHILD);
    lives.landed(1, CHILD, 0x2000, 0);
    assert_eq!((outcome(&lives, 1).fate, outcome(&lives, 1).hops), (Fate::ThreadDied, 1));
}

#[test]
fn only_verdicts_that_changed_are_said_again() {
    let mut lives = lives([raise(1, MAIN, "first")]);
    assert_eq!(lives.take_changed(), [1]);
    lives.publish(1);
    assert_eq!(lives.take_changed(), [0; 0]);
    throw(&mut lives, 1, 0, MAIN);
    assert_eq!(lives.take_changed(), [0; 0], "on its way, as predicted");
    lives.landed(1, MAIN, STOP, 0);
    assert_eq!(lives.take_changed(), [1]);
}

#[test]
fn the_memory_is_bounded() {
    let lives = lives((1..=KEPT as u64 + 10).map(|sequence| raise(sequence, child(sequence), "x")));
    assert_eq!(lives.kept.len(), KEPT);
}
