//! What could not be judged, in each form, word for word.

use serde_json::{Value, json};

use super::super::auditor::samples::*;
use super::super::*;
use super::tests::short;
use super::*;

/// A process that does not see what becomes of errors, with these panics.
fn blind(panics: &[Value]) -> Audit {
    audit(Policy::new(), &[&[blind_line("unsupported_platform")], panics].concat())
}

/// A task of a known test, and threads of which one is meant.
fn three() -> [Value; 3] {
    let task = json!({"fate": "runtime_caught", "landing": {"kind": "tokio_task"}, "message": null,
        "test": {"name": "tests::awaits", "via": "stack", "reason": null}});
    [
        open_line(1, json!({"message": "lost\n::error::x"})),
        open_line(2, task),
        open_line(3, json!({"message": "on purpose"})),
    ]
}

#[test]
fn what_cannot_be_judged_is_listed_below_the_reason() {
    assert_eq!(
        short(&blind(&three()).table(Detail::default())),
        "panic-agent: 0 findings in `app`, 0 denied
  what became of errors cannot be seen here: that takes a dynamically linked program on Linux, on x86_64 or aarch64
  not judged, because nobody can tell who saw the error: 2 panics
    a thread died: lost\\n::error::x, at FUNCTION (src/pool.rs:33), test not known
    a task of tokio died: (payload is not a text), at FUNCTION (src/pool.rs:33), in test tests::awaits
  folded: 1 by the message
"
    );
    assert_eq!(blind(&[]).table(Detail::default()), "");
    let verbose = short(&blind(&three()).table(Detail::default().verbose(true)));
    assert!(verbose.contains(", in test tests::awaits (payload_not_traced)\n"), "{verbose}");
    assert!(verbose.contains("    not judged, by the message: a thread died: on purpose"), "{verbose}");
}

#[test]
fn each_reason_for_seeing_nothing_has_its_words() {
    for (code, why) in [
        ("switched_off", "its probes are switched off (`PANIC_AGENT_PROBES`)"),
        ("not_compiled", "the cargo feature `probes` of panic-agent is off"),
        ("self_test", "its probes do not work in this process (self_test)"),
    ] {
        let text =
            audit(Policy::new(), &[blind_line(code), open_line(1, json!({}))]).table(Detail::default());
        assert!(text.contains(&format!("cannot be seen here: {why}\n")), "{text}");
    }
}

#[test]
fn the_list_of_what_cannot_be_judged_is_bounded_and_for_machines_it_is_whole() {
    let many: Vec<_> = (1..=25)
        .flat_map(|line| [1, 2].map(|twice| open_line(line * 2 + twice, json!({"location": {"line": line}}))))
        .collect();
    let many = blind(&many);
    let text = many.table(Detail::default());
    assert!(text.contains("saw the error: 50 panics\n"), "{text}");
    assert_eq!(text.matches("    a thread died (× 2): ").count(), 20, "{text}");
    assert!(text.ends_with("    and 5 more places\n"), "{text}");
    assert_eq!(many.json().matches("\"kind\":\"audit_unjudged\"").count(), 25);
}

#[test]
fn machines_are_told_what_cannot_be_judged() {
    let blind = blind(&three());
    let text = blind.json();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let unjudged: Vec<_> = lines.iter().filter(|line| line["kind"] == "audit_unjudged").collect();
    assert_eq!(unjudged.len(), 3);
    let task = unjudged.iter().find(|line| line["test"] == "tests::awaits").unwrap();
    assert_eq!((&task["what"], &task["binary"]), (&json!("a task of tokio died"), &json!("app")));
    let last = lines.last().unwrap();
    assert_eq!((&last["blind"], &last["blind_because"]), (&json!(true), &json!("unsupported_platform")));

    let report = quick_junit::Report::deserialize_from_str(&blind.junit()).unwrap();
    let suite = &report.test_suites[0];
    assert_eq!((report.tests, report.failures), (1, 0), "no test is made up");
    let said = suite.system_out.as_ref().unwrap().as_str();
    assert!(
        said.contains("cannot be seen here: ") && said.contains("(payload_not_traced): a thread died: lost")
    );
    assert!(!said.contains("on purpose"), "{said}");
    let of_test = suite.test_cases[0].system_out.as_ref().unwrap().as_str();
    assert!(of_test.contains("a task of tokio died") && !of_test.contains("a thread died"), "{of_test}");
    assert!(
        !audit(Policy::new(), &three()).junit().contains("not judged"),
        "where errors are seen it is the exception"
    );
}

#[test]
fn an_unknown_status_is_not_called_success() {
    let died = |ending| {
        let lines = [blind_line("unsupported_platform"), panic_line(1, json!({}))];
        read(Auditor::new(Policy::new()), &lines).finish(ending).table(Detail::default())
    };
    assert!(died(Ending::Exited(0)).ends_with("panic-agent: denied, so the status is 102 in place of 0\n"));
    assert!(died(Ending::Unknown).ends_with("panic-agent: denied, so the status is 102, whatever it was\n"));
    assert!(!died(Ending::Exited(101)).contains("so the status is"));
    let exit = finding_line("exit_in_test", "app::leaves", json!(null));
    let auditor = read(Auditor::new(Policy::new()).binary("app"), &[exit]);
    assert_eq!(
        auditor.finish(Ending::Unknown).table(Detail::default()),
        "panic-agent: 0 findings in `app`, 0 denied
  not judged, because the status is not known here: 1 exit
    a sentence, at app::leaves (src/lib.rs:3), test not known
"
    );
}
