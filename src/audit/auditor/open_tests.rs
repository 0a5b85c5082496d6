//! Lines in, what cannot be judged out.

use std::path::Path;

use serde_json::{Value, json};

use super::super::*;
use super::Auditor;
use super::samples::*;

#[test]
fn what_cannot_be_judged_without_probes_is_listed_with_what_is_known_of_it() {
    let lines = [
        blind_line("switched_off"),
        open_line(1, json!({})),
        open_line(2, json!({})),
        open_line(
            3,
            json!({"fate": "runtime_caught", "landing": {"kind": "tokio_task"},
                   "test": {"name": "tests::awaits", "via": "stack", "reason": null}}),
        ),
        open_line(4, json!({"fate": "caught", "landing": {"kind": "user", "function": "app::load"}})),
        open_line(5, json!({"fate": "unknown", "reason": "names_missing"})),
    ];
    let blind = audit(Policy::new(), &lines);
    assert!(blind.blind && !blind.is_quiet() && !blind.is_denied());
    assert_eq!(blind.blind_because.as_deref(), Some("switched_off"));
    let open: Vec<_> = blind
        .open
        .iter()
        .map(|open| (&*open.what, open.count, open.test.as_deref(), &*open.reason))
        .collect();
    assert_eq!(
        open,
        [
            ("a thread died", 2, None, "payload_not_traced"),
            ("it is not known what stopped it", 1, None, "names_missing"),
            ("stopped by `catch_unwind` in app::load", 1, None, "payload_not_traced"),
            ("a task of tokio died", 1, Some("tests::awaits"), "payload_not_traced"),
        ]
    );
    assert_eq!(blind.unjudged.values().sum::<u64>(), 5);
    assert_eq!(blind.open[0].message.as_deref(), Some("connection lost"));
    assert_eq!(blind.open[0].no_test.as_deref(), Some("no_probes"));
    // Where errors are seen it is the exception.
    let seeing = audit(Policy::new(), &[process_line(json!(["probe_dispose"])), lines[1].clone()]);
    assert!(seeing.is_quiet() && !seeing.blind && seeing.open.len() == 1);
    assert!(audit(Policy::new(), &lines[..1]).is_quiet(), "nothing panicked");
}

#[test]
fn what_a_wrapper_has_seen_is_found_without_probes() {
    let seen = audit(Policy::new(), &[blind_line("not_compiled"), panic_line(1, json!({}))]);
    assert_eq!((seen.findings[0].class, seen.open.len()), (Class::SilentDeath, 0));
    let read = json!({"receipt": "read", "silent": false});
    assert!(audit(Policy::new(), &[blind_line("not_compiled"), panic_line(1, read)]).is_quiet());
}

#[test]
fn what_the_harness_caught_is_not_listed_whatever_became_of_its_test() {
    let harness = json!({"fate": "runtime_caught", "landing": {"kind": "test_harness"},
        "location": {"file": "/rustc/0/library/core/src/option.rs"}, "test": {"name": "tests::a", "via": "stack"}});
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for ending in [Ending::Exited(0), Ending::Exited(101), Ending::Unknown] {
        let lines = [blind_line("unsupported_platform"), open_line(1, harness.clone())];
        let audit = read(Auditor::new(Policy::new()).package(root), &lines).finish(ending);
        assert!(audit.is_quiet() && audit.open.is_empty(), "{ending:?}: {audit:?}");
        // Whether it was the right panic of a test that passed is not known.
        assert_eq!(audit.unjudged.is_empty(), ending != Ending::Exited(0), "{ending:?}");
    }
    let mut caught = harness;
    merge(&mut caught, json!({"fate": "caught", "landing": {"kind": "user"}}));
    assert!(!audit(Policy::new(), &[blind_line("unsupported_platform"), open_line(1, caught)]).is_quiet());
}

#[test]
fn what_is_meant_or_known_is_counted_where_it_cannot_be_judged() {
    let of = |policy: Policy, changes: Value| {
        let audit = audit(policy, &[blind_line("switched_off"), open_line(1, changes)]);
        (audit.open[0].folded.clone(), audit.unused().count())
    };
    assert_eq!(of(Policy::new(), json!({})).0, None);
    assert_eq!(of(Policy::new(), json!({"message": "on purpose"})).0, Some(FoldReason::Message));
    let drill = json!({"labels": {"panic_agent.expected": "a drill"}});
    assert_eq!(of(Policy::new(), drill).0, Some(FoldReason::ExpectPanic("a drill".to_owned())));
    // Of which class it would be nobody knows; that of the entry must be possible.
    let entry = |class: &str, file: &str| {
        policy(&format!("[[expect]]\nclass = \"{class}\"\nfile = \"{file}\"\nreason = \"known\"\n"))
    };
    let known = || Some(FoldReason::Entry("known".to_owned()));
    assert_eq!(of(entry("received", "src/*.rs"), json!({})), (known(), 0));
    assert_eq!(of(entry("received", "src/q*.rs"), json!({})), (None, 1));
    assert_eq!(of(entry("swallowed", "src/*.rs"), json!({})), (None, 1));
    let caught = json!({"fate": "caught", "landing": {"kind": "user"}});
    assert_eq!(of(entry("swallowed", "src/*.rs"), caught), (known(), 0));
}

#[test]
fn what_could_only_be_of_allowed_classes_is_no_news() {
    let is_quiet = |allowed: &[Class], changes: Value| {
        let policy = allowed.iter().fold(Policy::new(), |policy, class| policy.with(*class, Level::Allow));
        audit(policy, &[blind_line("switched_off"), open_line(1, changes)]).is_quiet()
    };
    let caught = |ended: Value| {
        json!({"fate": "caught", "landing": {"kind": "user"},
               "test": {"name": "tests::a", "via": "stack", "ended": ended, "reason": null}})
    };
    assert!(is_quiet(&[Class::Swallowed], caught(json!(false))));
    assert!(!is_quiet(&[Class::Swallowed], caught(json!(null))), "its test may have ended");
    assert!(is_quiet(&[Class::Swallowed, Class::Late], caught(json!(null))));
    assert!(!is_quiet(&[Class::Swallowed, Class::Late, Class::Received], json!({})));
    assert!(is_quiet(&[Class::SilentDeath, Class::Late, Class::Received], json!({})));
    // Where the status is not known; said although errors are seen here.
    let exit = |policy: Policy| {
        let note = finding_line("exit_in_test", "app::leaves", Value::Null);
        let audit = read(Auditor::new(policy), &[note]).finish(Ending::Unknown);
        (audit.findings.len(), audit.open.len(), audit.is_quiet())
    };
    assert_eq!(exit(Policy::new()), (0, 1, false));
    assert_eq!(exit(Policy::new().with(Class::HiddenExit, Level::Allow)), (0, 1, true));
}

#[test]
fn who_sees_less_calls_no_entry_stale_and_none_unused() {
    let entry = "strict_entries = true\n[[expect]]\ntest = \"a\"\nreason = \"x\"\n";
    let dead = [panic_line(1, json!({})), test_line("tests::charges", "ok", false)];
    let mut policy = policy(entry);
    policy.set_baseline(run([audit(Policy::new(), &dead)]).baseline(&Baseline::default()));
    let gone = |lines: &[Value]| {
        let audit = audit(policy.clone(), lines);
        (audit.stale.len(), audit.is_quiet())
    };
    assert_eq!(gone(&[test_line("tests::charges", "ok", false)]), (1, false));
    assert_eq!(gone(&[blind_line("switched_off"), test_line("tests::charges", "ok", false)]), (0, true));
}
