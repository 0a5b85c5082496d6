//! Every shape of a verdict and its class; each finding with the twin that is none.

use super::*;

/// A thread that died of a panic which nobody received, while its test ran.
const DEATH: Known<'static> = Known {
    fate: Fate::ThreadDied,
    receipt: Receipt::Discarded,
    silent: Some(true),
    swallowed: Some(false),
    handler: Some(HandlerKind::ThreadRoot),
    ended: Some(false),
    passed: Some(true),
    in_package: Some(true),
    killed: false,
    reason: None,
};
const TASK: Known<'static> =
    Known { fate: Fate::RuntimeCaught, handler: Some(HandlerKind::TokioTask), ..DEATH };
const JOINED: Known<'static> =
    Known { receipt: Receipt::Received, silent: Some(false), swallowed: Some(true), ..DEATH };
const CAUGHT: Known<'static> = Known { fate: Fate::Caught, handler: Some(HandlerKind::User), ..JOINED };
/// A panic that was caught by nobody knows whom, and dropped unseen.
const BY_SOMEBODY: Known<'static> =
    Known { fate: Fate::Caught, handler: Some(HandlerKind::Unknown), ..DEATH };
const LATE: Known<'static> = Known { ended: Some(true), ..DEATH };
const UNWINDING: Known<'static> = Known { fate: Fate::Interrupted, silent: Some(false), ..DEATH };
const HARNESS: Known<'static> =
    Known { handler: Some(HandlerKind::TestHarness), in_package: Some(false), ..TASK };

fn finding(class: Class) -> Judgement {
    Judgement::Finding(class)
}

fn unknown(reason: &str) -> Judgement {
    Judgement::Unknown(reason.to_owned())
}

#[test]
fn each_class_has_its_shapes_and_each_shape_its_twin() {
    use Judgement::Ordinary;
    let pending = Known { receipt: Receipt::Pending, ..DEATH };
    let rows: [(&str, Known<'_>, Judgement); 39] = [
        ("a thread dies unseen", DEATH, finding(Class::SilentDeath)),
        ("its error is read", Known { receipt: Receipt::Read, silent: Some(false), ..DEATH }, Ordinary),
        ("its scope speaks up", Known { silent: Some(false), ..DEATH }, Ordinary),
        ("its handle is kept to the end", pending, finding(Class::SilentDeath)),
        ("its handle is still there", Known { silent: None, swallowed: None, ..pending }, unknown("pending")),
        ("a task dies unseen", TASK, finding(Class::SilentDeath)),
        ("a job of rayon", Known { handler: Some(HandlerKind::Rayon), ..TASK }, finding(Class::SilentDeath)),
        ("of a pool without a name", Known { handler: None, ..TASK }, finding(Class::SilentDeath)),
        ("the harness catches it", Known { handler: Some(HandlerKind::TestHarness), ..TASK }, Ordinary),
        ("joined and thrown away", JOINED, finding(Class::Received)),
        ("joined and unwrapped", Known { swallowed: Some(false), ..JOINED }, Ordinary),
        ("joined, the rest unknown", Known { swallowed: None, ..JOINED }, unknown("receipt_unknown")),
        (
            "awaited and thrown away",
            Known { fate: TASK.fate, handler: TASK.handler, ..JOINED },
            finding(Class::Received),
        ),
        ("caught and thrown away", CAUGHT, finding(Class::Swallowed)),
        ("caught and thrown on", Known { swallowed: Some(false), ..CAUGHT }, Ordinary),
        ("caught and read", Known { receipt: Receipt::Read, ..CAUGHT }, Ordinary),
        ("caught and kept", Known { fate: Fate::Caught, ..pending }, Ordinary),
        ("caught by nobody knows whom, and dropped unseen", BY_SOMEBODY, unknown("handler_unknown")),
        ("the same, and read", Known { receipt: Receipt::Read, ..BY_SOMEBODY }, Ordinary),
        ("a late death", LATE, finding(Class::Late)),
        ("late and joined", Known { ended: Some(true), ..JOINED }, finding(Class::Late)),
        ("late and swallowed", Known { ended: Some(true), ..CAUGHT }, finding(Class::Late)),
        ("late and kept", Known { ended: Some(true), fate: Fate::Caught, ..pending }, finding(Class::Late)),
        ("late and read", Known { receipt: Receipt::Read, ..LATE }, Ordinary),
        ("late and carried on", Known { silent: Some(false), ..LATE }, Ordinary),
        ("perhaps late", Known { ended: None, ..DEATH }, finding(Class::SilentDeath)),
        ("unwinding at the end", Known { ended: None, ..UNWINDING }, finding(Class::HarnessEnd)),
        ("the same, after its test", Known { ended: Some(true), ..UNWINDING }, finding(Class::Late)),
        ("unwinding when a signal ended the process", Known { killed: true, ..UNWINDING }, Ordinary),
        ("dead before such a signal", Known { killed: true, ..DEATH }, finding(Class::SilentDeath)),
        ("main dies", Known { fate: Fate::MainDied, ..DEATH }, Ordinary),
        ("the process aborts", Known { fate: Fate::Aborted, silent: Some(false), ..DEATH }, Ordinary),
        ("should_panic by a dependency", HARNESS, finding(Class::WrongShouldPanic)),
        ("should_panic by its own code", Known { in_package: Some(true), ..HARNESS }, Ordinary),
        ("should_panic with its text", Known { receipt: Receipt::Read, ..HARNESS }, Ordinary),
        ("a failing test", Known { passed: Some(false), ..HARNESS }, Ordinary),
        ("nobody knows the result", Known { passed: None, ..HARNESS }, Ordinary),
        ("nobody knows whose code", Known { in_package: None, ..HARNESS }, unknown("package_unknown")),
        (
            "nobody knows of its text",
            Known { receipt: Receipt::Unknown, ..HARNESS },
            unknown("receipt_unknown"),
        ),
    ];
    for (name, known, expected) in rows {
        assert_eq!(judge(&known), expected, "{name}");
    }
}

#[test]
fn the_reason_of_the_verdict_is_the_reason_of_the_audit() {
    let lost = Known { receipt: Receipt::Unknown, silent: None, swallowed: None, ..DEATH };
    for (known, otherwise) in
        [(lost, "receipt_unknown"), (Known { fate: Fate::Unknown, ..DEATH }, "fate_unknown")]
    {
        assert_eq!(judge(&known), unknown(otherwise));
        assert_eq!(judge(&Known { reason: Some("a word"), ..known }), unknown("a word"));
    }
}

#[test]
fn no_shape_at_all_is_a_finding_against_the_principles() {
    let fates = [
        Fate::Caught,
        Fate::RuntimeCaught,
        Fate::ThreadDied,
        Fate::MainDied,
        Fate::Aborted,
        Fate::Interrupted,
        Fate::Unknown,
    ];
    let receipts = [Receipt::Read, Receipt::Received, Receipt::Discarded, Receipt::Pending, Receipt::Unknown];
    let answers = [None, Some(false), Some(true)];
    let handlers =
        [None, Some(HandlerKind::User), Some(HandlerKind::TokioTask), Some(HandlerKind::TestHarness)];
    let mut shapes = 0;
    let mut found = std::collections::BTreeSet::new();
    let axes = fates.iter().flat_map(|fate| receipts.iter().map(move |receipt| (*fate, *receipt)));
    for (fate, receipt) in axes {
        for bits in 0..3_usize.pow(5) * 8 {
            let answer = |place: u32| answers[bits / 8 / 3_usize.pow(place) % 3];
            let known = Known {
                fate,
                receipt,
                silent: answer(0),
                swallowed: answer(1),
                handler: handlers[bits % 4],
                ended: answer(2),
                passed: answer(3),
                in_package: answer(4),
                killed: bits & 4 != 0,
                reason: None,
            };
            shapes += 1;
            let Judgement::Finding(class) = judge(&known) else { continue };
            found.insert(class);
            assert_ne!(receipt, Receipt::Read, "{known:?}");
            assert!(!matches!(fate, Fate::Unknown | Fate::Aborted | Fate::MainDied), "{known:?}");
            assert!(class != Class::HarnessEnd || !known.killed, "{known:?}");
            let harness = fate == Fate::RuntimeCaught && known.handler == Some(HandlerKind::TestHarness);
            assert_eq!(harness, class == Class::WrongShouldPanic, "{known:?}");
            assert!(class != Class::Late || known.ended == Some(true), "{known:?}");
            if harness {
                assert_eq!((known.passed, known.in_package), (Some(true), Some(false)));
            } else if fate != Fate::Interrupted {
                assert_ne!(receipt, Receipt::Unknown, "{known:?}");
                let word = if receipt == Receipt::Received { known.swallowed } else { known.silent };
                assert_eq!(word, Some(true), "{known:?}");
            }
        }
    }
    assert_eq!(shapes, 7 * 5 * 243 * 8);
    // The others come from findings of the agent and not from panics.
    assert_eq!(found.len(), Class::ALL.len() - 2);
}
