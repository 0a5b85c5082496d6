//! Events made by hand, against records that come before them, after them, or never. One file: all cases share the bench.

use std::time::{Duration, Instant};

use super::follow::{Follow, Sight, WAITING};
use super::verdict_text::About;
use crate::probe::{Event, Language, PanicRef};
use crate::record::{Inlining, NamedFrame, *};
use crate::report::build::Builder;
use crate::testing::fake_names::FakeNames;
use crate::testing::fake_probes::{FakeProbes, PROGRAM, ROOT};
use crate::testing::samples::*;
use crate::verdict::Change;

const TID: u32 = 4242;
const SETTLE: Duration = Duration::from_millis(20);
/// The frame of [`raw_record`] that catches.
const CATCH: u64 = 5;

/// Number of the newest panic in every test.
const NEWEST: u64 = 3;

/// Names of [`FakeSymbols`].
fn names() -> FakeNames {
    let name = |ip| {
        let (path, in_app) = match (ip - FakeSymbols::BASE) / 16 {
            PROGRAM => ("app::run", true),
            ROOT => ("std::thread::lifecycle::spawn_unchecked", false),
            NAMELESS => return NamedFrame::default(),
            other => unreachable!("{other} has no name here"),
        };
        NamedFrame {
            path: path.to_owned(),
            function: Some(path.to_owned()),
            in_app: Some(in_app),
            inlining: Inlining::Known,
            ..NamedFrame::default()
        }
    };
    FakeNames { newest: NEWEST, name, catches: |_| true, is_c: |_| false }
}

/// Records and events on their way to one [`Follow`].
struct Bench {
    probes: FakeProbes,
    follow: Follow,
    builder: Builder,
    now: Instant,
}

impl Bench {
    fn new(capacity: usize) -> Self {
        Self::settling(capacity, SETTLE)
    }

    /// One on which the first panic was raised, and has landed.
    fn landed() -> Self {
        let bench = Self::new(16);
        bench.lands(1);
        bench
    }

    /// A panic is raised, and its record arrives.
    fn raises(&mut self, sequence: u64) -> Report {
        self.probes.raised(TID, sequence, 0);
        self.record(sequence)
    }

    /// A panic was raised, and has landed where its stack says.
    fn lands(&self, sequence: u64) {
        self.probes.raised(TID, sequence, 0);
        self.probes.landed(TID, sequence, CATCH);
    }

    /// The program has dropped what landed, too.
    fn passes(&self, sequence: u64) {
        self.lands(sequence);
        self.probes.dropped(TID, sequence, 0);
    }

    /// The program looks at the payload of the first panic, by a call with this stack.
    fn reads(&self, stack: &[u64]) {
        let panic = PanicRef { serial: 1, hooked: 1 };
        self.probes.send(TID, Event::Read { panic, payload: 0, nth: 1 }, stack);
    }

    fn settling(capacity: usize, settle: Duration) -> Self {
        let probes = FakeProbes::new(capacity);
        let sight = Sight { events: Some(probes.queue), watched: true, ..Sight::default() };
        let follow = Follow::new(sight, settle, None);
        Self { probes, follow, builder: builder(None), now: Instant::now() }
    }

    /// The record of [`raw_record`] under this number arrives.
    fn record(&mut self, sequence: u64) -> Report {
        self.arrives(&numbered(sequence))
    }

    fn arrives(&mut self, record: &RawRecord) -> Report {
        let (mut report, prepared) = self.builder.report(record, &mut always);
        let of_stack = prepared.of_stack(record, report.fate);
        self.follow.raised(record, &mut report, of_stack, &mut names());
        report
    }

    /// The stack of a payload thrown again, which stops at another frame, arrives.
    fn hop(&mut self, sequence: u64, stopper: u32) {
        let mut record = numbered(sequence);
        record.set_flag(RawFlag::Hop);
        set_walk(&mut record, FakeSymbols::NAMES.len() as u32, stopper);
        let (report, prepared) = self.builder.report(&record, &mut always);
        self.follow.hopped(&record, prepared.stop(&record, report.fate));
    }

    /// The verdicts that are due after this long.
    fn said_after(&mut self, pause: Duration) -> Vec<(Change, About)> {
        self.now += pause;
        self.follow.catch_up(&mut names());
        let due = self.follow.due(Some(self.now));
        self.verdicts(&due)
    }

    fn said(&mut self) -> Vec<(Change, About)> {
        self.said_after(Duration::ZERO)
    }

    /// The last verdicts.
    fn end(&mut self) -> Vec<(Change, About)> {
        self.follow.catch_up(&mut names());
        self.follow.process_ends(None);
        let due = self.follow.due(None);
        self.verdicts(&due)
    }

    fn verdicts(&mut self, due: &[u64]) -> Vec<(Change, About)> {
        due.iter().map(|sequence| self.follow.verdict(*sequence).expect("is due")).collect()
    }
}

#[test]
fn a_panic_that_landed_before_its_record_was_read_has_its_verdict_in_the_panic_line() {
    let mut bench = Bench::new(16);
    bench.passes(1);
    let report = bench.record(1);
    assert_eq!((report.fate, report.basis), (Fate::Caught, Basis::Confirmed));
    assert_eq!(report.receipt, Receipt::Received);
    assert_eq!((report.silent, report.swallowed), (Some(false), Some(true)));
    let place = report.received_at.unwrap();
    assert_eq!((place.function.as_deref(), place.os_thread), (Some("app::run"), Some(TID)));
    assert_eq!(report.landing.unwrap().kind, HandlerKind::User);
    assert!(bench.said().is_empty() && bench.said_after(2 * SETTLE).is_empty(), "nothing is left to say");
    assert!(bench.end().is_empty(), "not even at the end");
}

#[test]
fn addresses_are_kept_up_to_the_programs_nearest_frame_where_one_of_them_lacks_names() {
    for (place, kept) in [
        (&[PROGRAM, NAMELESS][..], 0),
        (&[NAMELESS, PROGRAM], 2),
        (&[NAMELESS, PROGRAM, NAMELESS, PROGRAM], 2),
        (&[ROOT, PROGRAM, NAMELESS], 0),
        (&[ROOT, NAMELESS, ROOT], 3),
    ] {
        let mut bench = Bench::landed();
        bench.reads(place);
        let address = |symbol: &u64| format!("app+{:#x}", FakeSymbols::BASE + symbol * 16);
        let expected: Vec<String> = place.iter().take(kept).map(address).collect();
        assert_eq!(bench.record(1).received_at.unwrap().stack, expected, "{place:?}");
    }
}

#[test]
fn what_was_seen_before_a_panic_was_raised_is_known_when_it_is_linked() {
    for read in [true, false] {
        let mut bench = Bench::landed();
        let first = bench.record(1);
        if read {
            // It waits in the queue when the panic arrives that shows the error.
            bench.reads(&[PROGRAM]);
        }
        let mut second = numbered(2);
        let quoted = format!("Err value: JoinError::Panic(Id(7), {:?}, ...)", first.message.unwrap());
        second.message.set(&quoted);
        let second = bench.arrives(&second);
        assert_eq!(second.relation.as_deref(), read.then_some("unwrap"));
    }
}

#[test]
fn a_panic_that_lands_after_its_line_gets_one_verdict_line() {
    let mut bench = Bench::new(16);
    let report = bench.raises(1);
    assert_eq!((report.basis, report.landing, report.receipt), (Basis::Predicted, None, Receipt::Pending));
    assert!(bench.said_after(2 * SETTLE).is_empty(), "still on its way, as predicted");
    bench.probes.landed(TID, 1, CATCH);
    bench.probes.discarded(TID, 1);
    let said = bench.said();
    let [(change, about)] = &said[..] else { panic!("{said:?}") };
    assert_eq!((change.outcome.basis, change.outcome.receipt), (Basis::Confirmed, Receipt::Discarded));
    assert_eq!(change.outcome.silent, Some(true));
    assert_eq!((about.fingerprint.as_str(), about.pid), (report.fingerprint.as_str(), report.head.pid));
    assert_eq!((&about.message, &about.thread), (&report.message, &report.thread));
    assert!(bench.end().is_empty());
}

#[test]
fn an_event_waits_for_its_record_and_what_comes_behind_it_waits_too() {
    let mut bench = Bench::new(16);
    bench.record(1);
    bench.probes.raised(TID + 1, 2, 0);
    bench.probes.landed(TID + 1, 2, CATCH);
    bench.passes(1);
    assert!(bench.said().is_empty(), "the record of 2 has not come");
    let mut second = numbered(2);
    second.tid = TID + 1;
    let report = bench.arrives(&second);
    assert_eq!((report.basis, report.receipt), (Basis::Confirmed, Receipt::Pending));
    let said: Vec<u64> = bench.said().iter().map(|(change, _)| change.sequence).collect();
    assert_eq!(said, [1]);
}

#[test]
fn an_event_whose_record_never_comes_gives_way_when_too_many_wait() {
    let mut bench = Bench::new(2 * WAITING);
    bench.record(1);
    bench.probes.landed(TID + 1, 2, CATCH);
    bench.passes(1);
    for _ in 0..WAITING - 4 {
        bench.probes.raised(TID + 1, 2, 0);
    }
    assert!(bench.said().is_empty(), "full to the brim");
    bench.probes.raised(TID + 1, 2, 0);
    assert_eq!(bench.said().len(), 1, "the first of them was let go, and 1 is settled");
    bench.probes.landed(u32::MAX, crate::probe::LOST, CATCH);
    assert!(bench.follow.take_imbalances().is_empty(), "nothing was said of a panic that nobody knows");
}

#[test]
fn a_panic_whose_events_gave_way_before_its_record_came_is_not_called_interrupted() {
    for (fillers, basis) in [(WAITING, Basis::Predicted), (1, Basis::Confirmed)] {
        let mut bench = Bench::new(2 * WAITING);
        bench.lands(1);
        for _ in 0..fillers {
            bench.probes.raised(TID + 1, 2, 0);
        }
        bench.said();
        assert_eq!(bench.record(1).basis, basis);
        bench.follow.process_ends(None);
        bench.said();
        assert_eq!(bench.follow.lives.interrupted(), [], "{basis:?}");
    }
}

#[test]
fn events_of_a_panic_whose_report_was_lost_hold_nothing_up() {
    let mut bench = Bench::new(16);
    bench.record(1);
    bench.probes.discarded(TID + 1, crate::probe::LOST);
    bench.probes.discarded(TID + 1, 0);
    bench.passes(1);
    assert_eq!(bench.said().len(), 1);
}

#[test]
fn a_payload_thrown_again_waits_for_its_new_stack_and_lands_where_that_says() {
    let mut bench = Bench::landed();
    let first = bench.record(1);
    assert_eq!((first.fate, first.hops), (Fate::Caught, 0));
    bench.probes.raised(TID, 1, 1);
    bench.probes.landed(TID, 1, ROOT);
    bench.probes.discarded(TID, 1);
    assert!(bench.said().is_empty(), "the second stack has not come");
    bench.hop(1, ROOT as u32);
    let said = bench.said();
    let [(change, _)] = &said[..] else { panic!("{said:?}") };
    assert_eq!((change.outcome.hops, change.outcome.basis), (1, Basis::Confirmed));
    assert_ne!(change.outcome.fate, Fate::Caught, "the catch of the first stack is not that of the second");
    assert!(bench.follow.take_imbalances().is_empty());
}

#[test]
fn a_frame_that_must_not_unwind_aborts_and_a_frame_of_another_language_decides_nothing() {
    for (handler, action, fate) in [
        (Language::Rust, EhAction::Filter, Fate::Aborted),
        (Language::Rust, EhAction::Terminate, Fate::Aborted),
        (Language::Foreign, EhAction::Unknown, Fate::Caught),
    ] {
        let mut bench = Bench::new(16);
        bench.probes.raised(TID, 1, 0);
        bench.probes.met(TID, 1, CATCH, action, handler);
        let report = bench.record(1);
        assert_eq!(report.fate, fate, "{handler:?} {action:?}");
        let aborts = fate == Fate::Aborted;
        assert_eq!(report.reason.as_deref(), aborts.then_some("nounwind_boundary"));
        assert_eq!(report.basis, if aborts { Basis::Confirmed } else { Basis::Predicted });
    }
}

#[test]
fn lost_events_leave_open_what_was_open_and_change_nothing_that_was_seen() {
    for lose in [false, true] {
        let mut bench = Bench::new(4);
        bench.passes(1);
        let settled = bench.record(1);
        bench.raises(2);
        for _ in 0..if lose { 5 } else { 4 } {
            bench.probes.discarded(TID, 0);
        }
        let said = bench.end();
        let [(change, about)] = &said[..] else { panic!("{said:?}") };
        assert_eq!((settled.receipt, change.sequence), (Receipt::Received, 2));
        let (fate, receipt, reason) = match lose {
            true => (Fate::Caught, Receipt::Unknown, Some("events_lost")),
            false => (Fate::Interrupted, Receipt::Discarded, None),
        };
        assert_eq!((change.outcome.fate, change.outcome.receipt), (fate, receipt));
        assert_eq!(about.reason(change).as_deref(), reason);
        assert_eq!(bench.follow.lives.interrupted().len(), usize::from(!lose));
    }
}

#[test]
fn lost_events_leave_open_what_has_no_record_yet_and_nothing_that_comes_later() {
    for (lose, sequence) in [(true, NEWEST), (true, NEWEST + 1), (false, NEWEST)] {
        let mut bench = Bench::new(4);
        bench.probes.raised(TID, sequence, 0);
        for _ in 0..if lose { 4 } else { 3 } {
            bench.probes.discarded(TID, 0);
        }
        bench.follow.catch_up(&mut names());
        bench.record(sequence);
        bench.end();
        let unknown = lose && sequence == NEWEST;
        assert_eq!(bench.follow.lives.interrupted().len(), usize::from(!unknown), "{lose} {sequence}");
    }
}

#[test]
fn the_lineage_names_the_parents_and_a_reused_thread_id_has_its_own() {
    let me = std::process::id();
    let mut bench = Bench::new(16);
    bench.probes.started(me + 1, me);
    bench.probes.started(TID, me + 1);
    let report = bench.raises(1);
    let ids = |report: &Report| report.lineage.iter().map(|ancestor| ancestor.os_id).collect::<Vec<_>>();
    assert_eq!(ids(&report), [me + 1, me]);
    if cfg!(target_os = "linux") {
        let name = report.lineage[1].name.as_deref().unwrap();
        assert!(name.starts_with('<') && name.len() > 2, "through the redactor: {name}");
    }
    bench.probes.send(TID, Event::Exited, &[]);
    bench.probes.started(TID, me);
    assert_eq!(ids(&bench.raises(2)), [me]);
    assert!(Bench::new(4).record(1).lineage.is_empty(), "nobody saw the thread start");
}

#[test]
fn a_verdict_that_may_change_waits_and_one_that_cannot_does_not() {
    let mut bench = Bench::new(16);
    assert_eq!(bench.follow.next_due(bench.now), None);
    bench.raises(1);
    bench.probes.landed(TID, 1, CATCH);
    assert!(bench.said().is_empty(), "the payload is usually dropped at once");
    assert_eq!(bench.follow.next_due(bench.now), Some(SETTLE));
    assert_eq!(bench.follow.next_due(bench.now + SETTLE / 2), Some(SETTLE / 2));
    assert!(bench.said_after(SETTLE - Duration::from_nanos(1)).is_empty());
    let said = bench.said_after(Duration::from_nanos(1));
    assert_eq!((said.len(), said[0].0.outcome.receipt), (1, Receipt::Pending));
    assert_eq!(bench.follow.next_due(bench.now), None, "nothing waits any more");
    bench.probes.dropped(TID, 1, 0);
    let said = bench.said();
    assert_eq!((said.len(), said[0].0.outcome.receipt), (1, Receipt::Received), "settled: at once");
    assert!(bench.said_after(2 * SETTLE).is_empty(), "and once");
}

#[test]
fn what_changes_and_changes_back_before_it_is_due_is_not_said() {
    let mut bench = Bench::landed();
    bench.record(1);
    bench.hop(1, CATCH as u32);
    bench.probes.raised(TID, 1, 1);
    assert!(bench.said().is_empty());
    bench.probes.landed(TID, 1, CATCH);
    let said = bench.said_after(SETTLE);
    assert_eq!(said.len(), 1, "the hop counts");
    assert_eq!((said[0].0.outcome.hops, said[0].0.outcome.fate), (1, Fate::Caught));
}

#[test]
fn a_panic_without_a_line_gets_no_verdict_and_keeps_nobody_awake() {
    let mut bench = Bench::new(16);
    bench.raises(1);
    bench.follow.unsaid(1);
    bench.probes.landed(TID, 1, CATCH);
    assert!(bench.said().is_empty());
    assert_eq!(bench.follow.next_due(bench.now), None);
    assert!(bench.end().is_empty());
}

#[test]
fn a_death_that_an_unwrap_carries_on_is_one_incident() {
    let mut bench = Bench::new(32);
    let mut dying = raw_record();
    dying.message.set("first");
    set_walk(&mut dying, FakeSymbols::NAMES.len() as u32, ROOT as u32);
    dying.walk.at_thread_start = ThreadStart::CallsCatch as u8;
    bench.probes.started(TID, 7);
    bench.probes.raised(TID, 1, 0);
    bench.probes.landed(TID, 1, ROOT);
    let report = bench.arrives(&dying);
    assert_eq!((report.fate, report.basis), (Fate::ThreadDied, Basis::Confirmed));
    bench.probes.joined(7, TID, 1);
    let mut unwrapped = numbered(2);
    unwrapped.tid = 7;
    unwrapped.message.set("called `Result::unwrap()` on an `Err` value: Any { .. }");
    bench.follow.catch_up(&mut names());
    let report = bench.arrives(&unwrapped);
    assert_eq!((report.relation.as_deref(), report.incident.sequence()), (Some("unwrap"), 1));
    assert!(bench.said().is_empty(), "the payload is still there");
    let said = bench.said_after(SETTLE);
    assert_eq!(said.len(), 1);
    assert_eq!((said[0].0.sequence, said[0].0.outcome.silent), (1, Some(false)));
}

#[test]
fn with_a_settle_time_of_nothing_nothing_waits() {
    for (settle, at_once) in [(Duration::ZERO, 1), (SETTLE, 0)] {
        let mut bench = Bench::settling(16, settle);
        bench.raises(1);
        bench.probes.landed(TID, 1, CATCH);
        assert_eq!(bench.said().len(), at_once);
        assert_eq!(bench.said_after(settle).len(), 1 - at_once);
    }
}

#[test]
fn a_place_of_a_spawn_is_named_when_the_thread_panics() {
    let mut bench = Bench::new(16);
    bench.probes.spawned(7, 6, &[]);
    bench.probes.spawned(TID, 7, &[ROOT, PROGRAM]);
    let lineage = bench.raises(1).lineage;
    let [parent, grandparent] = &lineage[..] else { panic!("{lineage:?}") };
    let place = parent.spawned_at.as_ref().unwrap();
    assert_eq!((parent.os_id, place.function.as_deref()), (7, Some("app::run")), "outside of std");
    assert_eq!((grandparent.os_id, &grandparent.spawned_at), (6, &None), "nobody asked then");
}

#[test]
fn a_storm_leaves_a_bounded_memory_behind() {
    for settles in [true, false] {
        let mut bench = Bench::new(64);
        for sequence in 1..=9_000 {
            if settles {
                bench.passes(sequence)
            } else {
                bench.lands(sequence)
            }
            bench.record(sequence);
            if sequence % 64 == 0 {
                bench.said_after(Duration::from_millis(1));
            }
        }
        let (about, waiting) = bench.follow.sizes();
        assert!(about <= 4096 && waiting <= 9_000, "{about} {waiting}");
        bench.said_after(SETTLE);
        bench.said();
        assert_eq!(bench.follow.sizes().1, 0);
        assert!(bench.follow.take_imbalances().is_empty());
    }
}
