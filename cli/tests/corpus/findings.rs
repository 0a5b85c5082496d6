//! Every warning that published crates get, and what somebody made of it who looked at the code.
//!
//! Runs on: a thread of libtest-mimic. Must not: pass with a finding that nobody judged.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use libtest_mimic::Failed;
use serde::Deserialize;

use crate::published::{unpacked, wanted};
use crate::tool::{Place, file, places, say, scan};

const LIST: &str = "tests/scan/findings.toml";
const PAGE: &str = "docs/scan-rules.md";
/// What the table of the page stands between.
const MARKS: (&str, &str) = ("<!-- corpus -->\n", "<!-- end of corpus -->");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Corpus {
    #[serde(rename = "crate")]
    crates: Vec<Published>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Published {
    name: String,
    version: String,
    /// Lines of its Rust files.
    lines: u64,
    #[serde(default)]
    finding: Vec<Judged>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Judged {
    at: String,
    rule: String,
    judgement: Judgement,
    why: String,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
enum Judgement {
    /// It is as the scan says, and nobody would be told.
    True,
    /// It is as the scan says, and its authors mean it, or see to it elsewhere.
    ByDesign,
    /// It is not as the scan says.
    False,
}

impl Published {
    fn count(&self, judgement: Judgement) -> usize {
        self.finding.iter().filter(|finding| finding.judgement == judgement).count()
    }
}

fn read() -> Corpus {
    toml::from_str(&file(LIST)).unwrap_or_else(|error| panic!("{LIST}: {error}"))
}

/// Scans each crate; the difference to the list is the failure.
pub(crate) fn all() -> Result<(), Failed> {
    let names = wanted().unwrap_or_default();
    let mut difference = String::new();
    let mut scanned = 0;
    for published in &read().crates {
        if !names.is_empty() && !names.contains(&published.name) {
            continue;
        }
        scanned += 1;
        let spec = format!("{}@{}", published.name, published.version);
        let path = unpacked(&spec)?;
        let report = scan(&[], &path);
        let found = places(&report, |finding| finding["level"] == "warn" && finding["allowed"].is_null());
        let mut left: Vec<&Judged> = published.finding.iter().collect();
        for place in &found {
            match left.iter().position(|judged| judged.is_of(place)) {
                Some(at) => drop(left.remove(at)),
                None => {
                    let (file, line, rule) = place;
                    let _written =
                        writeln!(difference, "+ {spec}: {file}:{line} {rule}: nobody has judged it");
                }
            }
        }
        for gone in left {
            let _written = writeln!(difference, "- {spec}: {} {}: no longer found", gone.at, gone.rule);
        }
        let lines: u64 =
            report["files"].as_array().expect("files").iter().filter_map(|file| file["lines"].as_u64()).sum();
        if lines != published.lines {
            let _written = writeln!(difference, "~ {spec}: {lines} lines, not {}", published.lines);
        }
    }
    assert!(scanned > 0, "SCAN_CORPUS names no crate of {LIST}");
    say(&format!("findings of {scanned} published crates are those of {LIST}: {}", difference.is_empty()));
    if difference.is_empty() {
        Ok(())
    } else {
        Err(format!("what the scan finds is not what {LIST} judges:\n{difference}").into())
    }
}

impl Judged {
    fn is_of(&self, (file, line, rule): &Place) -> bool {
        self.rule == *rule && self.at == format!("{file}:{line}")
    }
}

/// The table of the page, and what it says of the whole.
pub(crate) fn page() -> Result<(), Failed> {
    let corpus = read();
    let mut table =
        String::from("| crate | lines | warnings | true | by design | false |\n|---|---|---|---|---|---|\n");
    let mut sums: BTreeMap<Judgement, usize> = BTreeMap::new();
    let mut row = |name: &str, lines: u64, counts: [usize; 3]| {
        let all: usize = counts.iter().sum();
        let [good, meant, wrong] = counts;
        let _written = writeln!(table, "| {name} | {lines} | {all} | {good} | {meant} | {wrong} |");
    };
    const ALL: [Judgement; 3] = [Judgement::True, Judgement::ByDesign, Judgement::False];
    for published in &corpus.crates {
        let counts = ALL.map(|judgement| published.count(judgement));
        row(&format!("{} {}", published.name, published.version), published.lines, counts);
        ALL.iter().zip(counts).for_each(|(judgement, count)| *sums.entry(*judgement).or_default() += count);
        assert!(
            published.finding.iter().all(|finding| !finding.why.is_empty()),
            "{}: a judgement says why",
            published.name
        );
    }
    let sums = ALL.map(|judgement| sums.get(&judgement).copied().unwrap_or_default());
    row("all", corpus.crates.iter().map(|published| published.lines).sum(), sums);
    let (right, all) = (sums[0] + sums[1], sums.iter().sum::<usize>());
    let precision = right as f64 / all as f64;
    assert!(corpus.crates.len() >= 15 && all >= 50, "{} crates, {all} warnings", corpus.crates.len());
    assert!(precision >= 0.9, "{right} of {all} warnings say what is so");
    let page = file(PAGE);
    let written = page
        .split(MARKS.0)
        .nth(1)
        .and_then(|rest| rest.split(MARKS.1).next())
        .expect("the marks of the table");
    if written == table { Ok(()) } else { Err(format!("{PAGE} must have this table:\n{table}").into()) }
}
