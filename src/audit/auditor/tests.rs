//! Lines in, findings out.

use std::path::Path;

use serde_json::{Value, json};

use super::super::*;
use super::Auditor;
use super::samples::*;
use crate::record::LineContent;

fn why(audit: &Audit) -> Vec<FoldReason> {
    assert!(audit.findings.is_empty(), "{:?}", audit.findings);
    audit.folded.iter().map(|folded| folded.why.clone()).collect()
}

#[test]
fn a_finding_says_what_is_known_of_the_panic() {
    let audit = audit(Policy::new(), &[panic_line(1, json!({}))]);
    let [finding] = &*audit.findings else { panic!("{audit:?}") };
    assert_eq!((finding.class, finding.level, finding.count), (Class::SilentDeath, Level::Deny, 1));
    assert_eq!(
        (finding.test.as_deref(), finding.thread.as_deref()),
        (Some("tests::charges"), Some("worker"))
    );
    assert_eq!(finding.message.as_deref(), Some("connection lost"));
    let place = finding.place.as_ref().unwrap();
    assert_eq!((place.file.as_deref(), place.line, finding.column), (Some("src/pool.rs"), Some(33), Some(9)));
    assert!(place.function.as_deref().is_some_and(|function| function.starts_with("app::")), "{place:?}");
    assert!(!finding.stack.is_empty());
    assert_eq!(finding.stop.as_deref(), Some("by the root of its thread"));
    assert!(audit.is_denied() && !audit.is_quiet());
}

#[test]
fn the_last_word_of_a_panic_stands() {
    let open = json!({"receipt": "pending", "silent": null, "swallowed": null, "landing": null, "basis": "predicted"});
    let first = panic_line(1, open);
    let audit_of = |verdict: Value| audit(Policy::new(), &[first.clone(), verdict_line(1, verdict)]);
    assert_eq!(audit_of(json!({})).findings[0].class, Class::SilentDeath);
    assert!(audit_of(json!({"receipt": "read", "silent": false, "swallowed": false})).is_quiet());
    let received = audit_of(json!({"receipt": "received", "silent": false, "swallowed": true,
        "received_at": {"function": "app::close", "file": "src/a.rs", "line": 4, "os_thread": null}}));
    assert_eq!(received.findings[0].class, Class::Received);
    assert_eq!(received.findings[0].receipt.as_deref(), Some("dropped unread in app::close (src/a.rs:4)"));
    let never = audit(Policy::new(), std::slice::from_ref(&first));
    assert!(never.findings.is_empty() && never.is_quiet());
    assert_eq!(never.unjudged.into_iter().collect::<Vec<_>>(), [("pending".to_owned(), 1)]);
    // A verdict on a panic that nobody reported is nobody's.
    assert!(audit(Policy::new(), &[verdict_line(9, json!({}))]).is_quiet());
}

#[test]
fn a_rethrow_tells_the_test_and_a_later_verdict_does_not_forget_it() {
    let unknown = json!({"test": {"name": null, "via": "unknown", "reason": "no_probes"}});
    let found = |verdicts: &[Value]| {
        let mut lines = vec![panic_line(1, unknown.clone())];
        lines.extend(verdicts.iter().map(|verdict| verdict_line(1, verdict.clone())));
        let audit = audit(Policy::new(), &lines);
        (audit.findings[0].test.clone(), audit.findings[0].no_test.clone())
    };
    let rethrow = json!({"test": {"name": "tests::b", "via": "rethrow"}});
    assert_eq!(found(std::slice::from_ref(&unknown)), (None, Some("no_probes".to_owned())));
    assert_eq!(found(std::slice::from_ref(&rethrow)), (Some("tests::b".to_owned()), None));
    assert_eq!(found(&[rethrow, unknown.clone()]), (Some("tests::b".to_owned()), None));
}

#[test]
fn repeats_of_one_place_in_one_test_are_one_finding() {
    let numbers = |number: u64| json!({"message": format!("connection {number} lost")});
    let mut lines: Vec<_> = (1..=50).map(|number| panic_line(number, numbers(number))).collect();
    lines.push(panic_line(51, json!({"location": {"line": 34}})));
    lines.push(panic_line(52, json!({"test": {"name": "tests::refunds"}})));
    let audit = audit(Policy::new(), &lines);
    let found: Vec<_> =
        audit.findings.iter().map(|finding| (finding.test.as_deref().unwrap(), finding.count)).collect();
    assert_eq!(found, [("tests::charges", 50), ("tests::charges", 1), ("tests::refunds", 1)]);
    assert_eq!(audit.findings[0].message.as_deref(), Some("connection 1 lost"));
}

#[test]
fn what_is_meant_is_folded_and_its_twin_is_not() {
    let one = |changes: Value| audit(Policy::new(), &[panic_line(1, changes)]);
    assert_eq!(why(&one(json!({"message": "on purpose"}))), [FoldReason::Message]);
    assert_eq!(why(&one(json!({"test": {"name": "tests::panics"}}))), [FoldReason::TestName]);
    assert!(one(json!({"test": {"name": "tests::never_panics"}})).is_denied());
    let drill = FoldReason::ExpectPanic("it is a drill".to_owned());
    assert_eq!(why(&one(json!({"labels": {"panic_agent.expected": "it is a drill"}}))), [drill]);
    assert!(one(json!({"labels": {"expected": "it is a drill"}})).is_denied());
    let dead = [panic_line(1, json!({}))];
    let in_test = |should_panic: bool| {
        audit(Policy::new(), &[dead[0].clone(), test_line("tests::charges", "ok", should_panic)])
    };
    assert_eq!(why(&in_test(true)), [FoldReason::ShouldPanic]);
    assert!(in_test(false).is_denied());
    let entry = |pattern: &str| policy(&format!("[[expect]]\nfile = \"{pattern}\"\nreason = \"known\"\n"));
    let folded = audit(entry("src/*.rs"), &dead);
    assert_eq!(why(&folded), [FoldReason::Entry("known".to_owned())]);
    assert_eq!(folded.unused().count(), 0);
    let missed = audit(entry("src/q*.rs"), &dead);
    assert!(missed.is_denied());
    assert_eq!(missed.unused().collect::<Vec<_>>(), ["panic-audit.toml:1"]);
    let allowed = audit(Policy::new().with(Class::SilentDeath, Level::Allow), &dead);
    assert_eq!(why(&allowed), [FoldReason::Allowed]);
    assert!(allowed.is_quiet() && !folded.is_quiet());
}

#[test]
fn the_wrong_panic_is_not_excused_by_being_expected() {
    let harness = json!({"fate": "runtime_caught", "landing": {"kind": "test_harness"},
        "location": {"file": "/rustc/0/library/core/src/option.rs"},
        "test": {"name": "tests::panics_without_a_card", "via": "stack"}});
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let run = |changes: Value, result: &str, status: i32| {
        let mut lines = vec![panic_line(1, harness.clone())];
        merge(&mut lines[0], changes);
        if !result.is_empty() {
            lines.push(test_line("tests::panics_without_a_card", result, true));
        }
        read(Auditor::new(Policy::new()).package(root), &lines).finish(Ending::Exited(status))
    };
    let none = json!({});
    assert_eq!(run(none.clone(), "ok", 0).findings[0].class, Class::WrongShouldPanic);
    assert!(!run(none.clone(), "ok", 0).is_denied());
    assert_eq!(run(none.clone(), "ok", 101).findings.len(), 1);
    assert_eq!(run(none.clone(), "", 0).findings.len(), 1);
    assert!(run(none.clone(), "", 101).is_quiet());
    assert!(run(none, "failed", 101).is_quiet());
    assert!(run(json!({"receipt": "read", "silent": false}), "ok", 0).is_quiet());
    assert!(run(json!({"location": {"file": "src/lib.rs"}}), "ok", 0).is_quiet());
    let nowhere = run(json!({"location": {"file": "src/no_such_file.rs"}}), "ok", 0);
    assert_eq!(nowhere.unjudged.get("package_unknown"), Some(&1));
}

#[test]
fn findings_of_the_agent_are_findings_of_the_audit() {
    let test = json!({"name": "tests::panics_and_leaves", "via": "stack", "shared": false, "first_owner": null,
        "ended": false, "reason": null});
    let note = |code: &str| finding_line(code, "app::tests::leaves", test.clone());
    let class = |code: &str, ending| {
        let audit = read(Auditor::new(Policy::new()), &[note(code)]).finish(ending);
        audit.findings.first().map(|finding| (finding.class, finding.level))
    };
    assert_eq!(class("exit_in_test", Ending::Exited(0)), Some((Class::HiddenExit, Level::Deny)));
    assert_eq!(class("exit_in_test", Ending::Exited(3)), None);
    assert_eq!(class("thread_alive_at_end", Ending::Exited(0)), Some((Class::HarnessEnd, Level::Warn)));
    // A test of panics may replace the hook.
    assert_eq!(class("hook_replaced", Ending::Exited(0)), None);
    assert_eq!(class("process_died", Ending::Exited(0)), None);
    // Of the places the first one of the program counts.
    let mut exit = note("exit_in_test");
    let std =
        json!({"function": "std::process::exit", "file": "/rustc/0/x.rs", "line": 1, "os_thread": null});
    exit["places"].as_array_mut().unwrap().insert(0, std);
    let exit = &audit(Policy::new(), &[exit]).findings[0];
    assert_eq!(exit.place.as_ref().unwrap().function.as_deref(), Some("app::tests::leaves"));
    assert_eq!(exit.stack.len(), 2);
    let hook = |function: &str| audit(Policy::new(), &[finding_line("hook_replaced", function, Value::Null)]);
    assert_eq!(hook("app::tests::quiet").findings[0].class, Class::HookReplaced);
    let mut nowhere = finding_line("hook_replaced", "", Value::Null);
    nowhere["places"] = json!([]);
    let nowhere = audit(Policy::new(), &[nowhere]);
    assert!(nowhere.is_quiet() && nowhere.unjudged.contains_key("hook_replaced_by_unknown"));
    assert!(hook("test::test_main_with_exit_callback::<F>").is_quiet());
}

#[test]
fn paths_below_the_workspace_are_the_same_on_every_machine() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut note = finding_line("hook_replaced", "app::quiet", Value::Null);
    note["places"][0]["file"] = json!(root.join("src/lib.rs"));
    let file = |package: bool| {
        let auditor = Auditor::new(Policy::new());
        let auditor = if package { auditor.package(root) } else { auditor };
        let audit = read(auditor, &[note.clone()]).finish(Ending::Exited(0));
        audit.findings[0].place.as_ref().unwrap().file.clone().unwrap()
    };
    assert_eq!(file(true), "src/lib.rs");
    assert_eq!(file(false), root.join("src/lib.rs").to_str().unwrap());
}

#[test]
fn tests_that_never_ran_are_a_hidden_exit_where_the_whole_output_was_read() {
    let lines = [planned(3), test_line("a", "ok", false), test_line("b", "ignored", false)];
    let run = |lines: &[Value], status| {
        read(Auditor::new(Policy::new()).whole_output(), lines).finish(Ending::Exited(status))
    };
    let found = run(&lines, 0);
    assert_eq!(found.findings[0].class, Class::HiddenExit);
    assert!(found.findings[0].message.as_deref().unwrap().contains("2 of its 3 tests"));
    assert!(run(&lines, 1).is_quiet());
    assert!(audit(Policy::new(), &lines).is_quiet());
    let with = |line: Value| run(&[&lines[..], &[line]].concat(), 0);
    assert!(with(test_line("c", "failed", false)).is_quiet());
    // Who called it is known: one finding.
    assert_eq!(with(finding_line("exit_in_test", "app::tests::c", Value::Null)).findings.len(), 1);
}

#[test]
fn what_was_lost_is_said() {
    let losses = |pool_full: u64| {
        let losses = crate::record::Losses { pool_full, ..Default::default() };
        line("losses", json!({"losses": losses, "probes": null, "sites": []}))
    };
    assert!(audit(Policy::new(), &[losses(0)]).is_quiet());
    let lost = audit(Policy::new(), &[losses(2), losses(5)]);
    assert_eq!((lost.lost, lost.is_quiet(), lost.is_denied()), (5, false, false));
    let mut auditor = Auditor::new(Policy::new());
    auditor.line(LineContent::Damaged("torn".to_owned()));
    auditor.line(LineContent::Other(json!({"kind": "panic", "id": 7})));
    auditor.line(LineContent::Other(json!({"kind": "of a later version"})));
    assert_eq!(auditor.finish(Ending::Unknown).unreadable, 2);
}

#[test]
fn a_baseline_folds_what_it_knows_and_what_is_gone_is_stale() {
    let lines = |line: u64, message: &str| {
        vec![
            panic_line(1, json!({"location": {"line": line}, "message": message})),
            test_line("tests::charges", "ok", false),
        ]
    };
    let first = audit(Policy::new(), &lines(33, "connection 17 lost"));
    let baseline = run([first]).baseline(&Baseline::default());
    assert_eq!(baseline.len(), 1);
    let text = baseline.to_json();
    assert_eq!(Baseline::parse(&text, "x").unwrap(), baseline);
    let with = |lines: &[Value]| {
        let mut policy = Policy::new();
        policy.set_baseline(baseline.clone());
        audit(policy, lines)
    };
    // Other lines and numbers are the same finding; another text is not.
    let known = with(&lines(99, "connection 18 lost"));
    assert_eq!((why(&known), known.stale.len()), (vec![FoldReason::Baseline], 0));
    let other = with(&lines(33, "no card"));
    assert_eq!((other.findings.len(), other.stale.len()), (1, 1));
    // Gone: stale, but only if the test ran.
    assert_eq!(with(&[test_line("tests::charges", "ok", false)]).stale.len(), 1);
    assert_eq!(with(&[test_line("tests::charges", "ignored", false)]).stale.len(), 0);
    assert_eq!(with(&[test_line("tests::refunds", "ok", false)]).stale.len(), 0);
    // Writing it anew takes away what is gone and keeps what did not run.
    let renewed = |audit: Audit| run([audit]).baseline(&baseline).len();
    assert_eq!(renewed(with(&[test_line("tests::charges", "ok", false)])), 0);
    assert_eq!(renewed(with(&[test_line("tests::refunds", "ok", false)])), 1);
    assert_eq!(renewed(with(&lines(1, "connection 3 lost"))), 1);
}

#[test]
fn a_run_reports_what_no_process_matched() {
    let text = "[[expect]]\ntest = \"a\"\nreason = \"x\"\n[[expect]]\ntest = \"b\"\nreason = \"y\"\n";
    let one = |test: &str| audit(policy(text), &[panic_line(1, json!({"test": {"name": test}}))]);
    let mut run = Run::new();
    assert!(run.unused().is_empty());
    run.push(one("a"));
    assert_eq!(run.unused(), ["panic-audit.toml:4"]);
    run.push(one("b"));
    assert!(run.unused().is_empty() && !run.is_denied());
    // Alone a binary says so only when it is told to.
    assert!(audit(policy(text), &[]).is_quiet());
    let strict = audit(policy(&format!("strict_entries = true\n{text}")), &[]);
    assert_eq!((strict.is_quiet(), strict.unused().count()), (false, 2));
}

#[test]
fn a_death_that_a_thread_further_up_may_know_of_is_counted_and_not_denied() {
    let dead = panic_line(
        1,
        json!({"mono_ns": 100, "thread_facts": {"os_id": 30},
               "lineage": [{"os_id": 20, "name": null, "spawned_at": null}, {"os_id": 10, "name": null, "spawned_at": null}]}),
    );
    let after = |os_id: u32, mono_ns: u64, how: &Value| {
        let mut later = json!({"mono_ns": mono_ns, "thread_facts": {"os_id": os_id}, "silent": false});
        merge(&mut later, how.clone());
        audit(Policy::new(), &[dead.clone(), panic_line(2, later)])
    };
    let read = json!({"receipt": "read"});
    assert_eq!(why(&after(10, 101, &read)), [FoldReason::Ancestor]);
    // Several tests may run on one thread, and a test may fail of something else.
    let elsewhere = json!({"test": {"name": "tests::another"}, "receipt": "read"});
    let fails = json!({"fate": "runtime_caught", "landing": {"kind": "test_harness"}});
    for (os_id, mono_ns, how) in
        [(10, 99, &read), (30, 101, &read), (40, 101, &read), (10, 101, &elsewhere), (10, 101, &fails)]
    {
        let audit = after(os_id, mono_ns, how);
        assert_eq!(audit.findings.len(), 1, "{os_id} {mono_ns} {how}");
        assert_eq!(audit.findings[0].class, Class::SilentDeath);
    }
}
