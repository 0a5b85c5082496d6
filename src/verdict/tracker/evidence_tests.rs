//! What a verdict rests on, each with a twin that rests on something else.

use super::tests::*;
use crate::record::Evidence;
use crate::verdict::tracker::*;

/// When [`raise`] raises.
const RAISED_NS: u64 = 1_000_000;
/// The first thread of [`dead_children`].
const DEAD: u32 = CHILD + 1;

fn said(lives: &mut Lives) -> Option<Evidence> {
    let change = lives.publish(1).expect("kept");
    let evidence = lives.evidence(&change);
    if let Some(evidence) = &evidence {
        let silent = change.outcome.silent;
        let says = match evidence.rule.as_str() {
            "discarded" | "kept_to_the_end" => Some(true),
            "not_known" | "scope_unclear" | "scope_to_speak" | "open" => None,
            _ => Some(false),
        };
        assert_eq!(silent, says, "{evidence:?}");
    }
    evidence
}

/// Of the first panic, of which more is to be said than other fields say.
fn more(lives: &mut Lives) -> Evidence {
    said(lives).expect("more than other fields say")
}

fn words(evidence: &Evidence) -> Vec<&str> {
    evidence.seen.iter().map(|seen| seen.what.as_str()).collect()
}

fn place() -> Place {
    Place {
        function: Some("app::start".to_owned()),
        file: Some("src/main.rs".to_owned()),
        line: Some(7),
        ..Place::default()
    }
}

fn caught() -> Lives {
    let mut lives = Lives::default();
    lives.raised(raise(1, MAIN, "first"));
    lives.at(MAIN, RAISED_NS + 3_000);
    throw(&mut lives, 1, 0, MAIN);
    lives.landed(1, MAIN, STOP, 0);
    lives
}

/// Its payload is thrown again, and caught again.
fn again(lives: &mut Lives) {
    lives.hopped(1, Stop { ip: STOP, fate: Fate::Caught, ..Stop::default() });
    throw(lives, 1, 0, MAIN);
    lives.landed(1, MAIN, STOP, 0);
}

#[test]
fn what_was_caught_and_read_there_needs_no_evidence_and_what_was_thrown_again_before_does() {
    let mut lives = caught();
    assert_eq!(said(&mut lives), None);
    lives.read(1, MAIN, place());
    lives.dropped(1, MAIN, DroppedBy::Program, place(), 1);
    assert_eq!(said(&mut lives), None, "`landing` and `received_at` say it");

    let mut lives = caught();
    lives.at(MAIN, RAISED_NS + 5_000);
    again(&mut lives);
    lives.at(MAIN, RAISED_NS + 9_000);
    lives.read(1, MAIN, place());
    let evidence = more(&mut lives);
    assert_eq!(words(&evidence), ["landed", "thrown_again", "landed", "read"]);
    assert_eq!(evidence.seen.iter().map(|seen| seen.us.unwrap()).collect::<Vec<_>>(), [3, 5, 5, 9]);
    assert!(evidence.seen.iter().all(|seen| seen.os_thread.is_none()), "all on the panicking thread");
    assert_eq!((evidence.rule.as_str(), evidence.unseen.len()), ("read", 0));
}

#[test]
fn a_dropped_handle_is_told_with_its_place_and_a_join_with_its_thread() {
    let mut lives = dead_children(1);
    lives.at(DEAD, RAISED_NS + 10_000);
    lives.exited(1, DEAD, 0);
    lives.at(MAIN, RAISED_NS + 20_000);
    lives.detached(MAIN, 1);
    lives.dropped(1, MAIN, DroppedBy::Unknown, place(), 0);
    let silent = more(&mut lives);
    assert_eq!(words(&silent), ["landed", "thread_ended", "detached", "dropped_with_handle"]);
    assert_eq!(silent.rule, "discarded");
    let [.., ended, detached, dropped] = &silent.seen[..] else { unreachable!() };
    assert_eq!((ended.us, ended.os_thread), (Some(10), None));
    assert_eq!((detached.us, detached.os_thread, &detached.function), (Some(20), Some(MAIN), &None));
    assert_eq!(dropped.function.as_deref(), Some("app::start"));
    assert_eq!((dropped.file.as_deref(), dropped.line), (Some("src/main.rs"), Some(7)));

    let mut lives = dead_children(1);
    lives.at(MAIN, RAISED_NS + 20_000);
    lives.joined(MAIN, 1);
    assert_eq!(more(&mut lives).rule, "open");
    lives.dropped(1, MAIN, DroppedBy::Unknown, place(), 0);
    let joined = more(&mut lives);
    assert_eq!(words(&joined), ["landed", "joined", "dropped_given"]);
    assert_eq!(joined.rule, "received");
    assert!(joined.seen.iter().all(|seen| seen.function.is_none()), "`received_at` has the place");
}

#[test]
fn whose_error_it_was_decides_who_dropped_it() {
    let drop_of = |end: fn(&mut Lives)| {
        let mut lives = dead_children(1);
        lives.at(DEAD, RAISED_NS + 20_000);
        end(&mut lives);
        let evidence = more(&mut lives);
        (evidence.rule.clone(), words(&evidence).last().map(|word| (*word).to_owned()).unwrap())
    };
    let root = drop_of(|lives| lives.dropped(1, DEAD, DroppedBy::Unknown, Place::default(), 0));
    assert_eq!(root, ("discarded".to_owned(), "dropped_by_root".to_owned()));
    let wrapper = drop_of(|lives| lives.disposed(1, MAIN, DroppedBy::Runtime, place()));
    assert_eq!(wrapper, ("discarded".to_owned(), "dropped_by_wrapper".to_owned()));
    let handed = drop_of(|lives| {
        let kind = crate::record::HandlerKind::ThreadRoot;
        lives.wrapped(1, DEAD, Handler { kind, function: None, file: None, line: None });
        lives.handed(1, MAIN);
        lives.disposed(1, MAIN, DroppedBy::Program, place());
    });
    assert_eq!(handed, ("received".to_owned(), "dropped_given".to_owned()));
    let kept = drop_of(|lives| lives.process_ends(true));
    assert_eq!(kept, ("kept_to_the_end".to_owned(), "process_ended".to_owned()));
}

#[test]
fn what_ends_the_process_is_told_apart() {
    let end_by = |end: fn(&mut Lives)| {
        let mut lives = unwinding();
        end(&mut lives);
        let evidence = more(&mut lives);
        assert_eq!(evidence.rule, "ended_process");
        words(&evidence).join(" ")
    };
    assert_eq!(end_by(|lives| lives.apply(1, LifeEvent::EndOfStack)), "end_of_stack");
    assert_eq!(end_by(|lives| lives.doomed(1)), "met_boundary");
    assert_eq!(end_by(|lives| _ = lives.raised(cannot_unwind(2, MAIN))), "core_aborts");
    assert_eq!(end_by(|lives| lives.process_ends(true)), "process_ended");
}

#[test]
fn a_scope_that_speaks_of_one_death_is_told_from_one_that_may_speak_of_two() {
    let deaths = |count: u64| {
        let mut lives = dead_children(count);
        for number in 1..=count {
            lives.awaits_scope(number);
            lives.dropped(number, child(number), DroppedBy::Unknown, Place::default(), 0);
        }
        assert_eq!(said(&mut lives).expect("a scope waits").rule, "scope_to_speak");
        lives.raised(scope_panic(count + 1));
        said(&mut lives).expect("a scope spoke")
    };
    let one = deaths(1);
    assert_eq!(words(&one), ["landed", "scope_waits", "dropped_by_root", "scope_spoke"]);
    assert_eq!(one.rule, "scope_spoke");
    let two = deaths(2);
    assert_eq!(words(&two), ["landed", "scope_waits", "dropped_by_root", "scope_unclear"]);
    assert_eq!(two.rule, "scope_unclear");
}

#[test]
fn what_could_not_be_seen_is_listed_where_the_reason_has_not_all_of_it() {
    let mut lives = caught();
    lives.evidence_lost();
    assert_eq!(said(&mut lives), None, "the reason says it");
    lives.kept.get_mut(&1).expect("kept").kind = 0xbeef;
    lives.strayed(0xbeef);
    let evidence = said(&mut lives).expect("two things could not be seen");
    assert_eq!(evidence.unseen, ["events_lost", "payload_moved"]);
    assert_eq!(evidence.rule, "not_known");

    let mut lives = caught();
    lives.dropped(1, MAIN, DroppedBy::Unknown, place(), 0);
    assert_eq!(said(&mut lives), None, "the reason says it");
    let mut lives = caught();
    lives.handed(1, MAIN);
    lives.dropped(1, MAIN, DroppedBy::Unknown, place(), 0);
    let evidence = more(&mut lives);
    assert_eq!(words(&evidence), ["landed", "handed", "dropped_unnamed"]);
    assert_eq!(evidence.unseen, ["dropped_at_unnamed_place"]);
    let mut lives = Lives::default();
    lives.raised(raise(1, MAIN, "first"));
    lives.thrown(1, Throw { serial: 1, thread: 0, tid: MAIN, traced: false, kind: 0, recorded_again: false });
    lives.landed(1, MAIN, STOP, 0);
    assert_eq!(said(&mut lives), None, "the reason says it");
    lives.handed(1, MAIN);
    assert_eq!(more(&mut lives).unseen, ["payload_not_traced"]);
}

#[test]
fn however_often_a_payload_is_thrown_the_evidence_is_bounded_and_ends_with_the_last() {
    let mut lives = caught();
    for _ in 0..100 {
        again(&mut lives);
    }
    let long = Place { function: Some("é".repeat(4096)), ..place() };
    lives.dropped(1, MAIN, DroppedBy::Runtime, long, 0);
    let evidence = more(&mut lives);
    assert_eq!(evidence.seen.len(), trail::MARKS);
    assert_eq!(words(&evidence)[..3], ["landed", "thrown_again", "landed"]);
    let last = evidence.seen.last().unwrap();
    assert_eq!(last.what, "dropped_in_runtime");
    assert_eq!(last.function.as_ref().map(String::len), Some(200));
    assert!(serde_json::to_string(&evidence).unwrap().len() < 1024);
}
