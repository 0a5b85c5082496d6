//! Places that were labelled by reading them: recall, and precision among them.
//!
//! Runs on: a thread of libtest-mimic. Must not: pass where nothing is found, or everything is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use libtest_mimic::Failed;
use serde::Deserialize;
use serde_json::Value;

use crate::published::unpacked;
use crate::tool::{Place, file, places, say, scan};

/// Labels that are no rules.
const FINE: &str = "fine";
const UNSEEN: &str = "unseen";
const WRONG: [&str; 2] = ["wrong", "wrong-guess"];

/// By file, then by label.
type Files<T> = BTreeMap<String, BTreeMap<String, Vec<T>>>;

/// `tests/scan/labels.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Labels {
    published: BTreeMap<String, Files<u64>>,
    own: Files<String>,
}

/// What came of the labels of a source.
#[derive(Default)]
struct Judged {
    /// Labelled with a rule, and found.
    found: usize,
    missed: Vec<String>,
    /// Found, and labelled as something that is known to be found wrongly.
    known_wrong: usize,
    /// Found where there is another label, or none.
    wrong: Vec<String>,
    /// Labelled as what the scan does not see.
    unseen: usize,
    fine: usize,
}

/// Holds labels of a file against what was found in it. `whole`: a finding without a label is wrong, too.
fn judge(name: &str, labels: &BTreeMap<String, Vec<u64>>, found: &BTreeSet<Place>, whole: bool) -> Judged {
    let mut judged = Judged::default();
    let mut left: BTreeSet<(u64, &str)> =
        found.iter().map(|(_, line, rule)| (*line, rule.as_str())).collect();
    let mut quiet: BTreeSet<u64> = BTreeSet::new();
    for (label, lines) in labels {
        match label.as_str() {
            FINE => judged.fine += lines.len(),
            UNSEEN => judged.unseen += lines.len(),
            label if WRONG.contains(&label) => {
                for line in lines {
                    let before = left.len();
                    left.retain(|(other, _)| other != line);
                    judged.known_wrong += before - left.len();
                    if before == left.len() {
                        judged
                            .missed
                            .push(format!("{name}:{line}: no longer found, though `{label}` says so"));
                    }
                }
            }
            rule => {
                for line in lines {
                    if left.remove(&(*line, rule)) {
                        judged.found += 1;
                    } else {
                        judged.missed.push(format!("{name}:{line}: {rule}"));
                    }
                }
            }
        }
        quiet.extend(lines);
    }
    let wrong = left.into_iter().filter(|(line, _)| whole || quiet.contains(line));
    judged.wrong.extend(wrong.map(|(line, rule)| format!("{name}:{line}: {rule}")));
    judged
}

/// Lines on which texts stand that stand nowhere else in a file. A text of several lines is of its first one.
fn lines_of(name: &str, labels: &BTreeMap<String, Vec<String>>) -> BTreeMap<String, Vec<u64>> {
    let text = file(name);
    let line = |wanted: &String| {
        let mut all = text.match_indices(wanted.as_str());
        let (Some((at, _)), None) = (all.next(), all.next()) else {
            panic!("{name}: this text of tests/scan/labels.toml does not stand there exactly once: {wanted}");
        };
        let start = at + wanted.len() - wanted.trim_start().len();
        u64::try_from(text[..start].matches('\n').count() + 1).expect("a line")
    };
    labels.iter().map(|(label, texts)| (label.clone(), texts.iter().map(line).collect())).collect()
}

fn read() -> Labels {
    toml::from_str(&file("tests/scan/labels.toml"))
        .unwrap_or_else(|error| panic!("tests/scan/labels.toml: {error}"))
}

fn of_file(report: &Value, name: &str) -> BTreeSet<Place> {
    places(report, |finding| finding["file"] == name)
}

pub(crate) fn all() -> Result<(), Failed> {
    let labels = read();
    let (mut all, mut crates) = (Vec::new(), 0);
    for ((spec, files), path) in labels.published.iter().zip(fetch(&labels)) {
        let path = match path {
            Ok(path) => path,
            Err(why) => {
                say(&format!("SKIPPED: the labelled places of {spec}: {why}"));
                continue;
            }
        };
        crates += 1;
        let report = scan(&[], &path);
        for (name, labels) in files {
            all.push(judge(&format!("{spec} {name}"), labels, &of_file(&report, name), true));
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let demo = scan(&["-p", "agent-demo"], &root);
    let fixtures = scan(&[], &root.join("tests/fixtures/audit"));
    for (name, labels) in &labels.own {
        let labels = lines_of(name, labels);
        let found = match name.strip_prefix("tests/fixtures/audit/") {
            Some(inside) => of_file(&fixtures, inside),
            None => of_file(&demo, name),
        };
        all.push(judge(name, &labels, &found, false));
    }
    let sum = |part: fn(&Judged) -> usize| all.iter().map(part).sum::<usize>();
    let (found, known_wrong) = (sum(|judged| judged.found), sum(|judged| judged.known_wrong));
    let missed: Vec<_> = all.iter().flat_map(|judged| &judged.missed).collect();
    let wrong: Vec<_> = all.iter().flat_map(|judged| &judged.wrong).collect();
    let of =
        |part: usize, whole: usize| format!("{part} of {whole}, {:.3}", part as f64 / whole.max(1) as f64);
    say(&format!(
        "labelled places, {crates} published crates and {} own files: recall {}; precision {}; {} are fine, {} are known not to be seen",
        labels.own.len(),
        of(found, found + missed.len()),
        of(found, found + known_wrong + wrong.len()),
        sum(|judged| judged.fine),
        sum(|judged| judged.unseen),
    ));
    if missed.is_empty() && wrong.is_empty() {
        return Ok(());
    }
    Err(format!("not found: {missed:#?}\nfound, and labelled otherwise or not at all: {wrong:#?}").into())
}

/// All crates, fetched side by side where they are not here.
fn fetch(labels: &Labels) -> Vec<Result<PathBuf, String>> {
    std::thread::scope(|scope| {
        let fetches: Vec<_> = labels.published.keys().map(|spec| scope.spawn(|| unpacked(spec))).collect();
        fetches.into_iter().map(|fetch| fetch.join().expect("a fetch ends well")).collect()
    })
}

/// The twin: what must not pass.
pub(crate) fn refuse() -> Result<(), Failed> {
    let labels = read();
    let rules: BTreeSet<&String> =
        labels.published.values().flatten().flat_map(|(_, labels)| labels.keys()).collect();
    let rules: Vec<_> = rules.into_iter().filter(|rule| *rule != FINE && *rule != UNSEEN).collect();
    let (mut places, mut refused_nothing, mut refused_everything) = (0, 0, 0);
    for (spec, files) in &labels.published {
        for (name, labels) in files {
            let lines: BTreeSet<u64> = labels.values().flatten().copied().collect();
            places += labels.values().map(Vec::len).sum::<usize>();
            refused_nothing += judge(spec, labels, &BTreeSet::new(), true).missed.len();
            let everything =
                lines.iter().flat_map(|line| rules.iter().map(|rule| (name.clone(), *line, (*rule).clone())));
            refused_everything += judge(spec, labels, &everything.collect(), true).wrong.len();
        }
    }
    places += labels.own.values().flat_map(BTreeMap::values).map(Vec::len).sum::<usize>();
    assert!(
        places >= 150 && labels.published.len() >= 5,
        "{places} places of {} crates",
        labels.published.len()
    );
    assert!(refused_nothing > 50 && refused_everything > 50, "{refused_nothing} {refused_everything}");
    Ok(())
}
