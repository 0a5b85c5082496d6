//! Labels of a thread as the hook would see them.

use core::fmt;

use super::*;
use crate::record::RawFlag;

/// The pairs in force, outermost first.
fn in_force() -> Vec<(String, String)> {
    let record = copied();
    record.labels.pairs().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn copied() -> Box<RawRecord> {
    let mut record = Box::new(RawRecord::new());
    copy_into(&mut record);
    record
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
}

#[test]
fn scopes_nest_and_the_inner_value_comes_last() {
    let _outer = label("request", 1);
    {
        let _inner = label("request", 2);
        assert_eq!(in_force(), pairs(&[("request", "1"), ("request", "2")]));
    }
    assert_eq!(in_force(), pairs(&[("request", "1")]));
}

#[test]
fn guards_may_be_dropped_in_any_order() {
    let first = label("a", 1);
    let second = label("b", 2);
    let third = label("c", 3);
    drop(first);
    assert_eq!(in_force(), pairs(&[("b", "2"), ("c", "3")]));
    let fourth = label("d", 4);
    drop(third);
    assert_eq!(in_force(), pairs(&[("b", "2"), ("d", "4")]));
    drop(second);
    drop(fourth);
    assert_eq!(in_force(), pairs(&[]));
}

#[test]
fn one_guard_for_several_labels() {
    let user = "u-7";
    let set = crate::labels! { "http.method" = "GET", user = user, attempt = 1 + 1, };
    let expected = pairs(&[("http.method", "GET"), ("user", "u-7"), ("attempt", "2")]);
    assert_eq!(in_force(), expected);
    drop(set);
    assert_eq!(in_force(), pairs(&[]));
}

#[test]
fn labels_of_another_thread_are_not_seen() {
    let _here = label("here", 1);
    std::thread::scope(|scope| scope.spawn(|| assert_eq!(in_force(), pairs(&[]))).join().unwrap());
}

#[test]
fn labels_that_are_handed_over_are_the_outermost_and_no_guard_takes_them_away() {
    let mut handover = Handover::new();
    let _outer = label("request", 1);
    let inner = label("step", "a");
    hand_over(&mut handover);
    drop(inner);
    let handover = &handover;
    let child = || {
        take_over(handover);
        assert_eq!(in_force(), pairs(&[("request", "1"), ("step", "a")]));
        let own = label("request", 2);
        assert_eq!(in_force(), pairs(&[("request", "1"), ("step", "a"), ("request", "2")]));
        // Too late: labels that are in force stay what they are.
        take_over(handover);
        drop(own);
        assert_eq!(in_force(), pairs(&[("request", "1"), ("step", "a")]));
    };
    std::thread::scope(|scope| scope.spawn(child).join().unwrap());
    let mut empty = Handover::new();
    std::thread::scope(|scope| scope.spawn(|| hand_over(&mut empty)).join().unwrap());
    let empty = &empty;
    let orphan = || {
        take_over(empty);
        assert_eq!(in_force(), pairs(&[]));
    };
    std::thread::scope(|scope| scope.spawn(orphan).join().unwrap());
}

#[test]
fn a_full_arena_is_handed_over_whole_with_what_is_missing() {
    let mut handover = Handover::new();
    let many: Vec<_> = (0..100).map(|number| label("k", number)).collect();
    hand_over(&mut handover);
    let handover = &handover;
    let child = || {
        take_over(handover);
        assert_eq!(in_force().len(), 64);
        drop(label("one", "more"));
        assert!(copied().has_flag(RawFlag::LabelsTruncated), "as long as the thread lives");
    };
    std::thread::scope(|scope| scope.spawn(child).join().unwrap());
    drop(many);
}

#[test]
fn a_display_that_sets_labels_itself_disturbs_nothing() {
    struct Nosy;
    impl fmt::Display for Nosy {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let _inner = label("inner", 1);
            core::mem::forget(label("forgotten", 2));
            f.write_str("outer value")
        }
    }
    let outer = label("outer", Nosy);
    assert_eq!(in_force(), pairs(&[("forgotten", "2"), ("outer", "outer value")]));
    drop(outer);
    assert_eq!(in_force(), pairs(&[("forgotten", "2")]));
}

#[test]
fn a_display_that_panics_leaves_no_label() {
    struct Bad;
    impl fmt::Display for Bad {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("half")?;
            std::panic::resume_unwind(Box::new(()));
        }
    }
    assert!(std::panic::catch_unwind(|| label("bad", Bad)).is_err());
    assert_eq!(in_force(), pairs(&[]));
}

#[test]
fn what_is_too_long_is_cut_and_the_record_says_so_until_it_is_gone() {
    let long = "ä".repeat(200);
    let value = label("value", &long);
    assert!(copied().has_flag(RawFlag::LabelsTruncated));
    assert_eq!(in_force()[0].1, "ä".repeat(128));
    drop(value);
    assert!(!copied().has_flag(RawFlag::LabelsTruncated));
    let key = label(&long, 1);
    assert_eq!(in_force()[0].0, "ä".repeat(32));
    assert!(copied().has_flag(RawFlag::LabelsTruncated));
    drop(key);
    assert!(!copied().has_flag(RawFlag::LabelsTruncated));
}

#[test]
fn a_full_arena_cuts_then_leaves_out_and_recovers() {
    let text = "x".repeat(200);
    let mut guards: Vec<_> = (0..5).map(|number| label("key", format!("{number}{text}"))).collect();
    assert!(copied().has_flag(RawFlag::LabelsTruncated), "the fifth is cut");
    let left_out = label("a key for which there is no room any more", 1);
    assert_eq!(in_force().len(), 5);
    assert!(in_force().iter().all(|(key, _)| key == "key"));
    drop(guards.remove(0));
    assert_eq!(in_force().len(), 4);
    drop(left_out);
    drop(guards);
    assert_eq!(in_force(), pairs(&[]));
    assert!(!copied().has_flag(RawFlag::LabelsTruncated));
    let many: Vec<_> = (0..100).map(|number| label("k", number)).collect();
    assert_eq!(in_force().len(), 64);
    assert!(copied().has_flag(RawFlag::LabelsTruncated));
    drop(many);
    assert!(!copied().has_flag(RawFlag::LabelsTruncated));
}

#[test]
fn labels_can_be_set_and_read_in_destructors_of_thread_locals() {
    struct Late;
    impl Drop for Late {
        fn drop(&mut self) {
            let _late = label("late", 1);
            assert_eq!(in_force(), pairs(&[("early", "0"), ("late", "1")]));
        }
    }
    thread_local!(static LATE: Late = const { Late });
    std::thread::spawn(|| {
        LATE.with(|_| ());
        core::mem::forget(label("early", 0));
    })
    .join()
    .unwrap();
}

#[test]
fn a_thread_of_a_test_takes_over_that_panics_are_expected_and_nothing_else() {
    let _request = label("request", 17);
    let mut handover = Handover::new();
    hand_over_expected(&mut handover);
    assert_eq!(handover.labels.pairs().count(), 0);
    let _outer = label(EXPECTED, "outer");
    let _inner = label(EXPECTED, "inner");
    let _attempt = label("attempt", 2);
    hand_over_expected(&mut handover);
    let pairs: Vec<_> = handover.labels.pairs().collect();
    assert_eq!(pairs, [(EXPECTED, "inner")]);
    assert!(!handover.cut);
}
