//! JUnit XML: a test suite per binary, with the tests that ran and what was found in them.
//!
//! Runs on: threads that audit. Must not: call a test failed for a finding that is not denied.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{Detail, number_of};
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
    /// JUnit XML with a test suite per binary. A test with a denied finding has failed; other findings stand in the
    /// `system-out` of their test.
    pub fn junit(&self) -> String {
        junit(self.audits())
    }
}

#[derive(Default)]
struct Tests<'a>(BTreeMap<&'a str, (Option<Outcome>, Vec<&'a Finding>)>);

fn junit(audits: &[Audit]) -> String {
    let mut binaries: BTreeMap<&str, Tests<'_>> = BTreeMap::new();
    for audit in audits {
        let Tests(tests) = binaries.entry(&audit.binary).or_default();
        for (name, outcome) in &audit.tests {
            tests.entry(name).or_default().0 = Some(*outcome);
        }
        for finding in &audit.findings {
            tests.entry(finding.test.as_deref().unwrap_or(NO_TEST)).or_default().1.push(finding);
        }
    }
    let mut report = Report::new("panic-agent");
    for (binary, Tests(tests)) in binaries {
        let mut suite = TestSuite::new(binary);
        for (name, (outcome, findings)) in tests {
            suite.add_test_case(case(binary, name, outcome, &findings));
        }
        report.add_test_suite(suite);
    }
    // It writes into memory: only its own mistakes could make it fail.
    report.to_string().unwrap_or_default()
}

fn case(binary: &str, name: &str, outcome: Option<Outcome>, findings: &[&Finding]) -> TestCase {
    let denied: Vec<_> = findings.iter().filter(|finding| finding.level == Level::Deny).collect();
    let status = match (denied.first(), outcome) {
        (Some(first), _) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type(first.class.word());
            let more = denied.len().saturating_sub(1);
            let mut message = first.class.meaning().to_owned();
            if more > 0 {
                let _written = write!(message, ", and {}", number_of(more, "other finding"));
            }
            status.set_message(message);
            status.set_description(describe(findings));
            status
        }
        (None, Some(Outcome::Failed)) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type("test");
            status.set_message("the test failed");
            status
        }
        (None, Some(Outcome::Ignored)) => TestCaseStatus::skipped(),
        (None, _) => TestCaseStatus::success(),
    };
    let reported = denied.is_empty() && !findings.is_empty();
    let mut case = TestCase::new(name, status);
    case.set_classname(binary);
    if reported {
        case.set_system_out(describe(findings));
    }
    case
}

fn describe(findings: &[&Finding]) -> String {
    super::table::findings(findings, Detail::default().stacks(true))
}
