//! JUnit XML: a test suite per binary, with the tests that ran and what was found in them.
//!
//! Runs on: threads that audit. Must not: call a test failed for a finding that is not denied.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{Detail, number_of, table};
use crate::audit::{Audit, Finding, Level, Outcome, Run};

/// Stands for tests in findings whose test is not known.
const NO_TEST: &str = "(test not known)";

impl Audit {
    /// JUnit XML with this binary alone; see [`Run::junit`].
    pub fn junit(&self) -> String {
        junit(std::slice::from_ref(self))
    }
}

impl Run {
    /// JUnit XML with a test suite per binary. A test with a denied finding has failed; other findings, and panics that
    /// could not be judged, stand in the `system-out` of their test, and those of no known test in that of the suite.
    pub fn junit(&self) -> String {
        junit(self.audits())
    }
}

/// The tests of a binary.
#[derive(Default)]
struct Tests<'a> {
    cases: BTreeMap<&'a str, Case<'a>>,
    /// What could not be judged and belongs to no known test.
    said: String,
}

#[derive(Default)]
struct Case<'a> {
    outcome: Option<Outcome>,
    findings: Vec<&'a Finding>,
    /// What could not be judged.
    said: String,
}

fn junit(audits: &[Audit]) -> String {
    let mut binaries: BTreeMap<&str, Tests<'_>> = BTreeMap::new();
    for audit in audits {
        let Tests { cases, said } = binaries.entry(&audit.binary).or_default();
        for (name, outcome) in &audit.tests {
            cases.entry(name).or_default().outcome = Some(*outcome);
        }
        for finding in &audit.findings {
            cases.entry(finding.test.as_deref().unwrap_or(NO_TEST)).or_default().findings.push(finding);
        }
        said.push_str(&table::unjudged(audit, None));
        let mut tests: Vec<&str> = audit.told().filter_map(|open| open.test.as_deref()).collect();
        tests.sort_unstable();
        tests.dedup();
        for test in tests {
            let text = table::unjudged(audit, Some(test));
            if !text.is_empty() {
                cases.entry(test).or_default().said.push_str(&text);
            }
        }
    }
    let mut report = Report::new("panic-agent");
    for (binary, Tests { cases, said }) in binaries {
        let mut suite = TestSuite::new(binary);
        for (name, of_name) in &cases {
            suite.add_test_case(case(binary, name, of_name));
        }
        if !said.is_empty() {
            suite.set_system_out(said);
        }
        report.add_test_suite(suite);
    }
    // It writes into memory: only its own mistakes could make it fail.
    report.to_string().unwrap_or_default()
}

fn case(binary: &str, name: &str, case: &Case<'_>) -> TestCase {
    let Case { outcome, findings, said } = case;
    let denied: Vec<_> = findings.iter().filter(|finding| finding.level == Level::Deny).collect();
    let failed = |why: &str, message: String| {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_type(why).set_message(message);
        status
    };
    let status = match (denied.first(), *outcome) {
        (Some(first), _) => {
            let more = denied.len().saturating_sub(1);
            let mut message = first.class.meaning().to_owned();
            if more > 0 {
                let _written = write!(message, ", and {}", number_of(more, "other finding"));
            }
            let mut status = failed(first.class.word(), message);
            status.set_description(describe(findings));
            status
        }
        (None, Some(Outcome::Failed)) => failed("test", "the test failed".to_owned()),
        (None, Some(Outcome::Ignored)) => TestCaseStatus::skipped(),
        (None, _) => TestCaseStatus::success(),
    };
    let mut text = if denied.is_empty() { describe(findings) } else { String::new() };
    text.push_str(said);
    let mut case = TestCase::new(name, status);
    case.set_classname(binary);
    if !text.is_empty() {
        case.set_system_out(text);
    }
    case
}

fn describe(findings: &[&Finding]) -> String {
    table::findings(findings, Detail::default().stacks(true))
}
