//! What came out of a suite, and the table of all.
//!
//! Runs on: the test's thread. Must not: call a difference noise.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use crate::crates::{Judgement, Published};
use crate::sites::Sites;
use crate::suite::{Finding, Outcome};

/// One suite, without and with the audit.
pub(crate) struct Report {
    name: String,
    tests: usize,
    /// What differs between the two runs.
    differences: Vec<String>,
    /// Reported findings with their judgement; `None`: nobody has looked at it.
    findings: Vec<(Finding, Option<(Judgement, String)>)>,
    folded: u64,
    unjudged: BTreeMap<String, u64>,
    lost: u64,
    seconds: (f64, f64),
    /// What `crosscheck` said, if it was asked.
    sites: Option<Sites>,
}

impl Report {
    pub(crate) fn new(
        published: &Published,
        plain: &Outcome,
        audited: &Outcome,
        sites: Option<Sites>,
    ) -> Self {
        let mut differences = Vec::new();
        if plain.status != audited.status {
            differences.push(format!("status {:?} became {:?}", plain.status, audited.status));
        }
        for ((test, result), times) in &plain.results {
            let now = audited.results.get(&(test.clone(), result.clone())).copied().unwrap_or_default();
            if now != *times {
                differences.push(format!("{test}: {result} × {times} became × {now}"));
            }
        }
        for key @ (test, result) in audited.results.keys() {
            if !plain.results.contains_key(key) {
                differences.push(format!("{test}: {result} is new"));
            }
        }
        let judge = |finding: &Finding| {
            let judged = published.finding.iter().find(|j| j.is_of(&finding.class, finding.test.as_deref()));
            judged.map(|judged| (judged.judgement, judged.why.clone()))
        };
        let (folded, reported): (Vec<_>, Vec<_>) = audited.findings.iter().partition(|f| f.folded.is_some());
        Self {
            name: format!("{} {}", published.name, published.version),
            tests: plain.results.values().sum(),
            differences,
            findings: reported.into_iter().map(|finding| (finding.clone(), judge(finding))).collect(),
            folded: folded.iter().map(|finding| finding.count).sum(),
            unjudged: audited.unjudged.clone(),
            lost: audited.lost,
            seconds: (plain.time.as_secs_f64(), audited.time.as_secs_f64()),
            sites,
        }
    }

    /// Whether the results are unchanged and each finding was judged, and not to be false.
    pub(crate) fn is_good(&self) -> bool {
        let judged = |(_, judgement): &(Finding, Option<(Judgement, String)>)| {
            judgement.as_ref().is_some_and(|(judgement, _)| *judgement != Judgement::False)
        };
        let sites = self.sites.as_ref().is_none_or(|sites| sites.wrong.is_empty());
        self.tests > 0 && self.differences.is_empty() && self.findings.iter().all(judged) && sites
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} tests, {:.1} s, audited {:.1} s",
            self.name, self.tests, self.seconds.0, self.seconds.1
        )?;
        write!(f, ", folded {}, lost {}, not judged {:?}", self.folded, self.lost, self.unjudged)?;
        for difference in &self.differences {
            write!(f, "\n  DIFFERENT {difference}")?;
        }
        for (finding, judgement) in &self.findings {
            let words = judgement.as_ref().map_or("NOT JUDGED", |(judgement, _)| judgement.words());
            let test = finding.test.as_deref().unwrap_or("(no test)");
            write!(f, "\n  {words}: {} {} {test} × {}", finding.class, finding.binary, finding.count)?;
            write!(f, " {:?}", finding.message.as_deref().unwrap_or_default())?;
        }
        if let Some(sites) = &self.sites {
            write!(f, "\n  places {:?}", sites.answers)?;
            for wrong in &sites.wrong {
                write!(f, "\n  {wrong}")?;
            }
        }
        Ok(())
    }
}

/// The table of `docs/auditing.md`.
pub(crate) fn table(reports: &[Report]) -> String {
    let mut text = String::from(
        "| crate | tests | results | seconds | folded | findings |\n|---|---|---|---|---|---|\n",
    );
    for report in reports {
        let same = if report.differences.is_empty() { "the same" } else { "**differ**" };
        let mut findings = Vec::new();
        for (finding, judgement) in &report.findings {
            let test =
                finding.test.as_deref().map_or_else(|| "no test".to_owned(), |test| format!("`{test}`"));
            let words = judgement.as_ref().map_or_else(
                || "**not judged**".to_owned(),
                |(judgement, why)| format!("{}: {why}", judgement.words()),
            );
            findings.push(format!("{test}: `{}` × {} ({words})", finding.class, finding.count));
        }
        let findings = if findings.is_empty() { "none".to_owned() } else { findings.join("; ") };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} | {same} | {:.1} → {:.1} | {} | {findings} |",
            report.name, report.tests, report.seconds.0, report.seconds.1, report.folded
        );
    }
    text
}
