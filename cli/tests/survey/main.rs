//! The survey: test suites of published crates, run without and with `cargo panic-agent test`.
//!
//! Their own results must be the same, and every finding must be one that `tests/survey/crates.toml` judges. For those with
//! `crosscheck = true` the source is scanned, too, and each place that the suite exercised must have the answer of its
//! judgement there. It fetches
//! and builds a good deal and takes most of an hour, so it is shown as ignored unless `AUDIT_SURVEY` is set: to `1` for all
//! crates, or to names separated by commas.
//!
//! Runs on: a thread of libtest-mimic. Must not: write into the repository, or into the registry's copies of the sources.

mod crates;
mod report;
mod sites;
mod suite;

use std::path::Path;

use crates::Survey;
use libtest_mimic::{Arguments, Failed, Trial};
use report::Report;
use sites::Sites;
use suite::Suite;

fn main() {
    let wanted = std::env::var("AUDIT_SURVEY").unwrap_or_default();
    let skip = wanted.is_empty();
    let name = "suites_of_published_crates_end_as_before_and_every_finding_is_judged";
    let trial = Trial::test(name, move || survey(&wanted)).with_ignored_flag(skip);
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit();
}

fn survey(wanted: &str) -> Result<(), Failed> {
    let survey = Survey::read();
    let wanted: Vec<_> = survey.wanted(wanted);
    let scratch = std::env::var_os("AUDIT_SURVEY_DIR")
        .map_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("survey"), Into::into);
    let sources = crates::fetch(&scratch, &wanted);
    suite::build_preload();
    let mut reports = Vec::new();
    for (published, source) in wanted.iter().zip(&sources) {
        let suite = Suite::prepare(&scratch, published, source);
        let (plain, audited) = (suite.plain(), suite.audited());
        let sites = published.crosscheck.then(|| Sites::new(published, &suite.crosscheck()));
        let report = Report::new(published, &plain, &audited, sites);
        eprintln!("{report}");
        reports.push(report);
    }
    let table = report::table(&reports);
    std::fs::write(scratch.join("survey.md"), &table).expect("the table");
    eprintln!("{table}\nalso in {}", scratch.join("survey.md").display());
    let wrong: Vec<_> = reports.iter().filter(|report| !report.is_good()).map(ToString::to_string).collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}
