//! Each form, word for word.

use std::path::Path;

use serde_json::{Value, json};

use super::super::auditor::samples::*;
use super::super::*;
use super::*;

/// A denied death with a lineage, seen twice, and a joined one of a test that is not known.
fn two() -> Audit {
    let lineage = json!([
        {"os_id": 2, "name": "tests::charges", "spawned_at":
            {"function": "app::pool::start", "file": "src/pool.rs", "line": 12}},
        {"os_id": 1, "name": "app", "spawned_at": {"function": "app::main", "file": "src/lib.rs", "line": 1}},
    ]);
    let received = json!({
        "receipt": "received", "silent": false, "swallowed": true, "thread": null, "message": "no, \"never\"\n::warning::",
        "received_at": {"function": "app::close", "file": "src/a.rs", "line": 4, "os_thread": null},
        "test": {"name": null, "via": "unknown", "shared": true, "first_owner": "tests::first", "ended": null,
                 "reason": "no_harness_frame"},
        "location": {"file": "/home/u/app/src/a,b.rs"},
    });
    audit(
        Policy::new(),
        &[
            panic_line(1, json!({"lineage": lineage})),
            panic_line(2, json!({"lineage": lineage})),
            panic_line(3, received),
            panic_line(4, json!({"message": "on purpose"})),
            panic_line(5, json!({"receipt": "unknown", "silent": null, "reason": "events_lost"})),
            test_line("tests::charges", "ok", false),
            test_line("tests::refunds", "failed", false),
            test_line("tests::slow", "ignored", false),
        ],
    )
}

/// What a text says after the function names of the samples were made short.
pub(super) fn short(text: &str) -> String {
    let function = two().findings[0].place.as_ref().unwrap().function.clone().unwrap();
    text.replace(&function, "FUNCTION")
}

#[test]
fn the_table_has_a_block_per_test_and_a_row_per_fact() {
    assert_eq!(
        short(&two().table(Detail::default())),
        "panic-agent: 2 findings in `app`, 1 denied
  test tests::charges
    deny silent_death: a thread or task died and nobody received its panic (× 2)
      panic    connection lost
      at       FUNCTION (src/pool.rs:33)
      thread   `worker`, spawned in app::pool::start (src/pool.rs:12) on `tests::charges`
      stopped  by the root of its thread
      error    dropped by the runtime: nobody can ever see it
  test not known (no_harness_frame)
    warn received: a thread or task died, was joined or awaited, and nobody looked at the error
      panic    no, \"never\"\\n::warning::
      at       FUNCTION (/home/u/app/src/a,b.rs:33)
      thread   (no name); serves several tests, started by tests::first
      stopped  by the root of its thread
      error    dropped unread in app::close (src/a.rs:4)
  folded: 1 by the message
panic-agent: denied, so the status is 102 in place of 0
"
    );
}

#[test]
fn details_add_stacks_what_was_folded_and_what_could_not_be_judged() {
    let brief = two().table(Detail::default());
    let full = short(&two().table(Detail::default().stacks(true).verbose(true)));
    assert!(full.lines().count() > brief.lines().count());
    assert!(full.contains("      stack    FUNCTION ("), "{full}");
    assert!(
        full.contains(
            "    silent_death × 1 in `tests::charges` at FUNCTION (src/pool.rs:33), by the message\n"
        )
    );
    assert!(full.contains("  could not be judged: events_lost × 1\n"), "{full}");
    assert!(!brief.contains("events_lost"));
}

#[test]
fn there_is_no_table_of_nothing() {
    let nothing = audit(Policy::new(), &[test_line("tests::charges", "ok", false)]);
    assert_eq!(nothing.table(Detail::default()), "");
    assert_eq!(nothing.github(None, None), "");
    assert_eq!(Run::new().summary(), "");
    assert_eq!(run([nothing.clone()]).summary(), "");
    assert_eq!(
        run([nothing, two()]).summary(),
        "panic-agent: 2 findings in 2 processes, 1 denied; 1 folded\n"
    );
}

#[test]
fn findings_of_the_agent_have_no_thread_and_no_stop() {
    let audit = audit(Policy::new(), &[finding_line("hook_replaced", "app::quiet", json!(null))]);
    assert_eq!(
        audit.table(Detail::default()),
        "panic-agent: 1 finding in `app`, 0 denied
  no test in particular
    warn hook_replaced: the panic hook was replaced and the earlier one dropped
      what     a sentence
      at       app::quiet (src/lib.rs:3)
"
    );
}

#[test]
fn annotations_escape_what_would_end_them() {
    assert_eq!(
        two().github(Some(Path::new("/home/u/app")), Some(Path::new("/home/u/app/member"))),
        "::error file=member/src/pool.rs,line=33,col=9,title=panic-agent%3A silent_death::a thread or task died and \
         nobody received its panic (test tests::charges of app): connection lost\n\
         ::warning file=src/a%2Cb.rs,line=33,col=9,title=panic-agent%3A received::a thread or task died, was joined or \
         awaited, and nobody looked at the error (a test of app): no, \"never\"\\n::warning::\n"
    );
    // Elsewhere than in the repository there is nothing to annotate.
    let outside = two().github(Some(Path::new("/other")), None);
    assert!(outside.starts_with("::error title=panic-agent%3A silent_death::"), "{outside}");
    let percent =
        panic_line(1, json!({"message": "100%25 \r\n::error::x", "test": {"name": "a\n::error::b"}}));
    let text = audit(Policy::new(), &[percent]).github(None, None);
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains("test a\\n::error::b of app") && text.contains("100%2525 \\r\\n"), "{text}");
}

#[test]
fn at_most_ten_annotations_of_a_kind_are_written() {
    let lines: Vec<_> = (1..30).map(|line| panic_line(line, json!({"location": {"line": line}}))).collect();
    let many = audit(Policy::new(), &lines);
    assert_eq!((many.findings.len(), many.github(None, None).lines().count()), (29, 10));
}

#[test]
fn json_has_a_line_per_finding_and_the_totals_last() {
    let text = two().json();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<_> = lines.iter().map(|line| line["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["audit_finding", "audit_finding", "audit_finding", "audit_unjudged", "audit"]);
    assert_eq!(lines[0]["class"], "silent_death");
    assert_eq!(lines[0]["count"], 2);
    assert_eq!(lines[0]["folded"], json!(null));
    assert_eq!(lines[2]["folded"], "message");
    assert_eq!((&lines[3]["reason"], &lines[3]["folded"]), (&json!("events_lost"), &json!(null)));
    assert_eq!(
        lines[4],
        json!({"schema": 1, "kind": "audit", "binary": "app", "ending": {"exited": 0}, "findings": 2, "denied": 1,
               "folded": 1, "tests": 3, "unjudged": {"events_lost": 1}, "blind": false, "blind_because": null,
               "stale": [], "unused": [], "lost": 0, "unreadable": 0})
    );
}

#[test]
fn junit_counts_denied_tests_as_failed_and_reads_back() {
    let xml = two().junit();
    let report = quick_junit::Report::deserialize_from_str(&xml).unwrap();
    assert_eq!((report.test_suites.len(), report.tests, report.failures), (1, 4, 2));
    let suite = &report.test_suites[0];
    assert_eq!(suite.name.as_str(), "app");
    let of = |name: &str| suite.test_cases.iter().find(|case| case.name.as_str() == name).unwrap();
    use quick_junit::TestCaseStatus::{NonSuccess, Skipped, Success};
    let NonSuccess { ty, description, .. } = &of("tests::charges").status else { panic!("{xml}") };
    assert_eq!(ty.as_ref().unwrap().as_str(), "silent_death");
    assert!(description.as_ref().unwrap().as_str().contains("connection lost"));
    assert!(matches!(of("tests::refunds").status, NonSuccess { .. }));
    assert!(matches!(of("tests::slow").status, Skipped { .. }));
    let unknown = of("(test not known)");
    assert!(matches!(unknown.status, Success { .. }));
    assert!(unknown.system_out.as_ref().unwrap().as_str().contains("dropped unread in app::close"));
}

#[test]
fn processes_of_one_binary_are_one_suite() {
    let run = run([two(), audit(Policy::new(), &[test_line("tests::other", "ok", false)])]);
    let report = quick_junit::Report::deserialize_from_str(&run.junit()).unwrap();
    assert_eq!((report.test_suites.len(), report.tests), (1, 5));
}

#[test]
fn text_of_a_program_does_nothing_to_a_terminal() {
    assert_eq!(one_line("plain ä"), "plain ä");
    assert_eq!(one_line("\u{1b}[31mred\r\n\u{202e}\u{7}"), "\\u{1b}[31mred\\r\\n\\u{202e}\\u{7}");
    let long = one_line(&"x".repeat(5000)).into_owned();
    assert_eq!((long.chars().count(), long.ends_with('…')), (MAX_TEXT + 1, true));
    assert_eq!(one_line(&"x".repeat(MAX_TEXT)).chars().count(), MAX_TEXT);
}

/// Threads of so many tests that outlived them, started by this function.
fn outlived(tests: usize, function: &str) -> Vec<Value> {
    let line = |number: usize| {
        let name = format!("tests::t{number:02}");
        let message = format!("1 thread of test {name} had not ended when the process did");
        let test = json!({"name": name, "via": "lineage", "shared": false, "first_owner": null, "ended": true,
                          "reason": null});
        let mut line = finding_line("thread_alive_at_end", function, test);
        line["message"] = message.into();
        line
    };
    (0..tests).map(line).collect()
}

/// The blocks that a table of these lines has.
fn blocks_of(lines: &[Value]) -> usize {
    let text = audit(Policy::new(), lines).table(Detail::default());
    text.lines().filter(|line| line.starts_with("    warn ") || line.starts_with("    deny ")).count()
}

#[test]
fn threads_of_one_place_that_outlive_many_tests_are_one_block_with_the_tests_named() {
    let audit = audit(Policy::new(), &outlived(54, "app::Pool::new"));
    assert_eq!(audit.findings.len(), 54, "each is a finding of its test");
    assert_eq!(
        audit.table(Detail::default()),
        "panic-agent: 54 findings in `app`, 0 denied
  54 tests: tests::t00, tests::t01, tests::t02 and 51 more
    warn harness_end: a panic or a thread of a test was still running when the process ended (× 54)
      what     1 thread of test … had not ended when the process did
      at       app::Pool::new (src/lib.rs:3)
"
    );
    let annotations = audit.github(None, None);
    assert_eq!(annotations.lines().count(), 1, "{annotations}");
    assert!(annotations.contains("(54 tests: tests::t00, tests::t01, tests::t02 and 51 more; of app)"));
    // For machines each test is named.
    assert_eq!(audit.json().matches("\"test\":\"tests::t").count(), 54);
    let report = quick_junit::Report::deserialize_from_str(&audit.junit()).unwrap();
    assert_eq!(report.tests, 54);
}

#[test]
fn another_place_another_class_and_another_fate_are_blocks_of_their_own() {
    let mut lines = outlived(5, "app::Pool::new");
    lines.extend(outlived(5, "app::Other::new"));
    let two_places = audit(Policy::new(), &lines).table(Detail::default());
    assert_eq!((blocks_of(&lines), two_places.matches("  5 tests: ").count()), (2, 1), "{two_places}");
    // One place of a panic, in two tests each.
    let of = |number: u64, test: &str, changes| {
        let mut line = panic_line(number, json!({"test": {"name": test}}));
        merge(&mut line, changes);
        line
    };
    let same = [of(1, "tests::a", json!({})), of(2, "tests::b", json!({}))];
    assert_eq!(blocks_of(&same), 1);
    let received = json!({"receipt": "received", "silent": false, "swallowed": true});
    let two_classes = [of(1, "tests::a", json!({})), of(2, "tests::b", received)];
    assert_eq!(blocks_of(&two_classes), 2);
    let spawned = |line: u32| {
        json!({"lineage": [{"os_id": 2, "name": null, "spawned_at":
            {"function": "app::pool::start", "file": "src/pool.rs", "line": line}}]})
    };
    let two_sites = [of(1, "tests::a", spawned(1)), of(2, "tests::b", spawned(2))];
    assert_eq!(blocks_of(&two_sites), 2);
    let other_words = [of(1, "tests::a", json!({})), of(2, "tests::b", json!({"message": "lost again"}))];
    let text = audit(Policy::new(), &other_words).table(Detail::default());
    assert!(text.contains("      panic    connection lost (1 with another message)\n"), "{text}");
}

#[test]
fn a_baseline_knows_the_findings_of_a_block_one_by_one() {
    let whole = audit(Policy::new(), &outlived(54, "app::Pool::new"));
    let baseline = run([whole]).baseline(&Baseline::default());
    assert_eq!(baseline.len(), 54, "an entry for each test, as ever");
    let mut knowing = Policy::new();
    knowing.set_baseline(baseline);
    let known = audit(knowing.clone(), &outlived(54, "app::Pool::new"));
    assert_eq!((known.findings.len(), known.folded.len()), (0, 54));
    // The twin: a test that the baseline does not know is reported, alone.
    let more = audit(knowing, &outlived(55, "app::Pool::new"));
    assert!(more.table(Detail::default()).contains("  test tests::t54\n"));
    assert_eq!((more.findings.len(), more.folded.len()), (1, 54));
}

#[test]
fn processes_of_one_binary_share_a_table() {
    let mut run = run(outlived(54, "app::Pool::new").into_iter().map(|line| audit(Policy::new(), &[line])));
    let one = audit(Policy::new(), &outlived(54, "app::Pool::new"));
    assert_eq!(run.tables(Detail::default()), one.table(Detail::default()));
    // The twin: another binary has a table of its own.
    let mut other = audit(Policy::new(), &outlived(1, "app::Pool::new"));
    other.binary = "other".to_owned();
    run.push(other);
    assert_eq!(run.tables(Detail::default()).matches("panic-agent: ").count(), 2);
}
