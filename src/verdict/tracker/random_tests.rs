//! The order in which the writer happens to see different threads changes no verdict, and nothing that it may
//! see makes it fall over.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;

use super::tests;
use crate::record::{Basis, Receipt, StopKind};
use crate::verdict::life::Outcome;
use crate::verdict::reason::LEFT_BEHIND;
use crate::verdict::tracker::*;

/// Where a first throw stops, and where a repeated one does.
const STOPS: [u64; 2] = [0x1000, 0x2000];

/// One thing that the writer is told.
#[derive(Clone, Debug)]
enum Step {
    Raised(Box<Raise>),
    Thrown(u64, Throw),
    Hopped(u64, Fate),
    Landed(u64, u32, u64),
    Read(u64, u32),
    Dropped(u64, u32, DroppedBy),
    Exited(u32),
}

fn tell(lives: &mut Lives, step: Step) {
    match step {
        Step::Raised(raise) => _ = lives.raised(*raise),
        Step::Thrown(sequence, throw) => lives.thrown(sequence, throw),
        Step::Hopped(sequence, fate) => {
            lives.hopped(sequence, Stop { ip: STOPS[1], fate, ..Stop::default() });
        }
        Step::Landed(sequence, tid, ip) => lives.landed(sequence, tid, ip, 0),
        Step::Read(sequence, tid) => lives.read(sequence, tid, Place::default()),
        Step::Dropped(sequence, tid, by) => lives.dropped(sequence, tid, by, Place::default(), 0),
        Step::Exited(tid) => lives.exited(u64::from(tid), tid, 0),
    }
}

fn raise(sequence: u64, tid: u32, nested_in: u64, fate: Fate) -> Step {
    Step::Raised(Box::new(Raise {
        nested_in,
        stop: if fate == Fate::Unknown { StopKind::Unknown } else { StopKind::Catch },
        at: Stop { ip: STOPS[0], fate, cleans: Some(false), ..Stop::default() },
        ..tests::raise(sequence, tid, "x")
    }))
}

fn throw(sequence: u64, tid: u32, recorded_again: bool) -> Step {
    let throw =
        Throw { serial: sequence, thread: u64::from(tid), tid, traced: true, kind: 0, recorded_again };
    Step::Thrown(sequence, throw)
}

/// How one panic goes.
#[derive(Clone, Copy, Debug)]
struct Shape {
    fate: Fate,
    seen: Seen,
    hops: bool,
    read: bool,
    dropped: Option<DroppedBy>,
    /// Whether a destructor panics and catches its own panic on the way.
    nests: bool,
}

/// What the probes see of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Nothing,
    Raise,
    All,
}

fn shapes() -> impl Strategy<Value = Shape> {
    let fate = prop::sample::select(vec![Fate::Caught, Fate::RuntimeCaught, Fate::Unknown]);
    let seen = prop::sample::select(vec![Seen::Nothing, Seen::Raise, Seen::All, Seen::All, Seen::All]);
    let by = prop::sample::select(vec![DroppedBy::Program, DroppedBy::Runtime, DroppedBy::Unknown]);
    (fate, seen, any::<[bool; 3]>(), prop::option::of(by)).prop_map(
        |(fate, seen, [hops, read, nests], dropped)| Shape { fate, seen, hops, read, dropped, nests },
    )
}

/// All steps of one thread: its panics one after the other, the last of which may be its death.
fn script(tid: u32, shapes: &[Shape], dies: bool) -> Vec<Step> {
    let mut steps = Vec::new();
    for (nth, shape) in shapes.iter().enumerate() {
        let sequence = u64::from(tid) * 100 + nth as u64 * 2 + 1;
        let last = nth + 1 == shapes.len();
        let fate = if last && dies { Fate::ThreadDied } else { shape.fate };
        steps.push(raise(sequence, tid, 0, fate));
        // What is never seen to land ends the thread, or the next panic would be nested in it.
        let seen = if shape.seen == Seen::Raise && !last { Seen::All } else { shape.seen };
        if seen == Seen::Nothing {
            continue;
        }
        steps.push(throw(sequence, tid, false));
        if shape.nests {
            let inner = sequence + 1;
            steps.extend([
                raise(inner, tid, sequence, Fate::Caught),
                throw(inner, tid, false),
                Step::Landed(inner, tid, STOPS[0]),
                Step::Dropped(inner, tid, DroppedBy::Program),
            ]);
        }
        if seen == Seen::Raise {
            continue;
        }
        steps.push(Step::Landed(sequence, tid, STOPS[0]));
        if shape.hops {
            let hop = Step::Hopped(sequence, Fate::RuntimeCaught);
            steps.extend([hop, throw(sequence, tid, true), Step::Landed(sequence, tid, STOPS[1])]);
        }
        if shape.read {
            steps.push(Step::Read(sequence, tid));
        }
        if let Some(by) = shape.dropped {
            steps.push(Step::Dropped(sequence, tid, by));
        }
    }
    steps.push(Step::Exited(tid));
    steps
}

/// How much a basis is worth.
fn strength(basis: Basis) -> u8 {
    match basis {
        Basis::Predicted => 0,
        Basis::Inferred => 1,
        Basis::Confirmed => 2,
    }
}

/// Everything that is said in the end, after what happened between was said, too.
fn verdicts(steps: Vec<Step>) -> Vec<Change> {
    let mut lives = Lives::default();
    for step in steps {
        tell(&mut lives, step);
        for sequence in lives.take_changed() {
            lives.publish(sequence);
        }
    }
    lives.process_ends(false);
    assert!(lives.take_imbalances().is_empty());
    let all: Vec<u64> = lives.kept.keys().copied().collect();
    all.into_iter().filter_map(|sequence| lives.change(sequence)).collect()
}

fn scripts() -> impl Strategy<Value = Vec<Vec<Step>>> {
    vec((vec(shapes(), 1..5), any::<bool>()), 1..5).prop_map(|threads| {
        let threads = threads.iter().zip(10..);
        threads.map(|((shapes, dies), tid)| script(tid, shapes, *dies)).collect()
    })
}

/// Merges scripts as the choices say; each keeps its own order.
fn interleave(scripts: &[Vec<Step>], choices: &[u8]) -> Vec<Step> {
    let mut queues: Vec<VecDeque<Step>> = scripts.iter().cloned().map(VecDeque::from).collect();
    let mut choices = choices.iter().copied().cycle();
    let mut steps = Vec::new();
    while !queues.is_empty() {
        let at = usize::from(choices.next().unwrap_or(0)) % queues.len();
        match queues[at].pop_front() {
            Some(step) => steps.push(step),
            None => drop(queues.remove(at)),
        }
    }
    steps
}

/// Anything, about any of a few panics on any of a few threads.
fn anything() -> impl Strategy<Value = Step> {
    let by = prop::sample::select(vec![DroppedBy::Program, DroppedBy::Runtime, DroppedBy::Unknown]);
    let fate = prop::sample::select(vec![Fate::Caught, Fate::ThreadDied, Fate::MainDied, Fate::Unknown]);
    let message = prop::sample::select(vec![
        "x",
        "a scoped thread panicked",
        "called `Result::unwrap()` on an `Err` value: Any { .. }",
        "called `Result::unwrap()` on an `Err` value: PoisonError { .. }",
        "LazyLock instance has previously been poisoned",
        "called `Result::unwrap()` on an `Err` value: JoinError::Panic(Id(7), \"x\", ...)",
    ]);
    let raised = (1..6u64, 1..4u32, 0..6u64, any::<[bool; 3]>(), fate.clone(), message).prop_map(
        |(sequence, tid, nested_in, [cannot_unwind, in_cleanup, in_once], fate, message)| {
            let Step::Raised(raised) = raise(sequence, tid, nested_in, fate) else { unreachable!() };
            let (in_once, message) = (Some(in_once), Some(message.to_owned()));
            let raised = Raise { cannot_unwind, in_cleanup, in_once, message, by_scope: None, ..*raised };
            Step::Raised(Box::new(raised))
        },
    );
    prop_oneof![
        3 => raised,
        3 => (1..6u64, 1..4u32, any::<bool>()).prop_map(|(panic, tid, again)| throw(panic, tid, again)),
        1 => (1..6u64, fate).prop_map(|(panic, fate)| Step::Hopped(panic, fate)),
        3 => (1..6u64, 1..4u32, prop::sample::select(vec![0, STOPS[0], STOPS[1]]))
            .prop_map(|(panic, tid, ip)| Step::Landed(panic, tid, ip)),
        1 => (1..6u64, 1..4u32).prop_map(|(panic, tid)| Step::Read(panic, tid)),
        2 => (1..6u64, 1..4u32, by).prop_map(|(panic, tid, by)| Step::Dropped(panic, tid, by)),
        1 => (1..4u32).prop_map(Step::Exited),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_among_threads_changes_no_verdict(scripts in scripts(), choices in vec(any::<u8>(), 1..64)) {
        let apart = verdicts(scripts.concat());
        let together = verdicts(interleave(&scripts, &choices));
        prop_assert_eq!(apart, together);
    }

    #[test]
    fn every_throw_ends_once_and_what_was_said_last_stands(
        scripts in scripts(),
        choices in vec(any::<u8>(), 1..64),
        watched in any::<bool>(),
    ) {
        let steps = interleave(&scripts, &choices);
        let thrown = |step: &Step| if let Step::Thrown(sequence, _) = step { Some(*sequence) } else { None };
        let thrown: BTreeSet<u64> = steps.iter().filter_map(thrown).collect();
        let mut lives = Lives::default();
        let mut said: BTreeMap<u64, Outcome> = BTreeMap::new();
        let mut say = |lives: &mut Lives| -> Result<(), TestCaseError> {
            for sequence in lives.take_changed() {
                let Some(Change { outcome, .. }) = lives.publish(sequence) else { continue };
                if let Some(before) = said.insert(sequence, outcome.clone()) {
                    // Only a payload that is thrown again is on its way once more.
                    let weaker = strength(outcome.basis) < strength(before.basis);
                    prop_assert!(!weaker || outcome.hops > before.hops, "{before:?} then {outcome:?}");
                }
            }
            Ok(())
        };
        for step in steps {
            tell(&mut lives, step);
            say(&mut lives)?;
        }
        lives.process_ends(watched);
        say(&mut lives)?;
        // The drain may be asked for more than once.
        lives.process_ends(watched);
        prop_assert!(lives.take_changed().is_empty());
        prop_assert!(lives.take_imbalances().is_empty());
        for (sequence, kept) in &lives.kept {
            let outcome = kept.life.outcome();
            prop_assert_eq!(said.get(sequence), Some(&outcome), "the last word");
            prop_assert!(!kept.life.is_under_way(), "{outcome:?}");
            prop_assert!(outcome.fate != Fate::Unknown || outcome.reason.is_some());
            // Its thread is gone, and it has not landed.
            let left = outcome.reason == Some(LEFT_BEHIND);
            let landed = outcome.landing.is_some() || kept.life.has_landed();
            let ends = [left, landed, outcome.fate == Fate::Aborted, outcome.fate == Fate::Interrupted];
            let ends = ends.into_iter().filter(|end| *end).count();
            if thrown.contains(sequence) {
                let basis = if left { Basis::Predicted } else { Basis::Confirmed };
                prop_assert_eq!((ends, outcome.basis), (1, basis));
            } else {
                // Nobody saw it thrown: it is as predicted, or the thread went on, or the process ended first.
                prop_assert!(ends <= 1);
            }
        }
    }

    #[test]
    fn nothing_that_is_told_makes_it_fall_over(steps in vec(anything(), 0..60)) {
        let mut lives = Lives::default();
        for step in steps {
            tell(&mut lives, step);
            for sequence in lives.take_changed() {
                let said = lives.publish(sequence);
                prop_assert!(said.is_some_and(|change| change.incident <= 6));
                prop_assert!(!lives.differs(sequence), "said is said");
            }
            prop_assert!(lives.take_changed().is_empty());
        }
        lives.joined(1, 2);
        lives.detached(2, 3);
        lives.evidence_lost();
        lives.process_ends(true);
        let all: Vec<u64> = lives.kept.keys().copied().collect();
        for sequence in all {
            let Some(Change { outcome, .. }) = lives.change(sequence) else { continue };
            if outcome.silent == Some(true) {
                prop_assert!(matches!(outcome.receipt, Receipt::Discarded | Receipt::Pending));
            }
            prop_assert!(outcome.swallowed != Some(true) || outcome.receipt == Receipt::Received);
        }
    }
}
