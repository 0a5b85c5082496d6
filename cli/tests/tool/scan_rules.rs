//! The examples of docs/scan-rules.md: what is marked is found, and nothing else.

use std::collections::BTreeSet;
use std::fs;

use crate::support::Place;

fn page() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/scan-rules.md")).expect("a page")
}

/// Examples of a rule: whether they are bad, and their code.
fn examples(section: &str) -> Vec<(bool, &str)> {
    let parts: Vec<&str> = section.split("```").collect();
    let code = |index: &usize| parts.get(*index).and_then(|code| code.strip_prefix("rust,ignore\n"));
    let says =
        |index: usize, word: &str| parts.get(index - 1).is_some_and(|text| text.trim_end().ends_with(word));
    (1..parts.len())
        .step_by(2)
        .filter(|index| says(*index, "Bad:") || says(*index, "Good:"))
        .filter_map(|index| Some((says(index, "Bad:"), code(&index)?)))
        .collect()
}

/// Lines and rules that an example marks.
fn marks(code: &str) -> BTreeSet<(u64, String)> {
    let mut found = BTreeSet::new();
    for (number, line) in (1..).zip(code.lines()) {
        let Some((_, rules)) = line.split_once("//~ ") else { continue };
        let (rules, below) = rules.strip_suffix(" below").map_or((rules, 0), |rules| (rules, 1));
        found.extend(rules.split(' ').map(|rule| (number + below, rule.to_owned())));
    }
    found
}

/// Lines and rules of the findings that count.
fn found(report: &serde_json::Value) -> BTreeSet<(u64, String)> {
    let open = report["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .filter(|finding| finding["allowed"].is_null());
    open.map(|finding| {
        (finding["span"]["line"].as_u64().unwrap(), finding["rule"].as_str().unwrap().to_owned())
    })
    .collect()
}

#[test]
fn in_bad_examples_what_is_marked_is_found_and_in_good_ones_nothing() {
    let page = page();
    let place = Place::new(&[]);
    let (mut bad_seen, mut good_seen) = (0, 0);
    for section in page.split("\n## ").skip(1) {
        let rule = section.lines().next().unwrap();
        for (is_bad, code) in examples(section) {
            place.put("example.rs", code);
            let report =
                serde_json::from_str(&place.text(&["scan", "example.rs", "--format", "json"])).unwrap();
            assert_eq!(found(&report), marks(code), "{rule}: {code}\n{report:#}");
            assert_eq!(is_bad, !marks(code).is_empty(), "{rule}");
            assert!(!is_bad || marks(code).iter().any(|(_, marked)| marked == rule), "{rule}");
            let seen = if is_bad { &mut bad_seen } else { &mut good_seen };
            *seen += 1;
        }
    }
    assert!(bad_seen >= 14 && good_seen >= 14, "{bad_seen} {good_seen}");
}

#[test]
fn the_page_has_each_rule_with_its_level_and_no_other() {
    let place = Place::new(&[]);
    place.put("a.rs", "fn main() {}");
    let sarif: serde_json::Value =
        serde_json::from_str(&place.text(&["scan", "a.rs", "--format", "sarif"])).unwrap();
    let rules = sarif["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap().clone();
    let page = page();
    let mut rows = page.lines().filter(|line| line.starts_with("| [`"));
    for rule in &rules {
        let (id, level) =
            (rule["id"].as_str().unwrap(), rule["defaultConfiguration"]["level"].as_str().unwrap());
        let row = rows.next().unwrap();
        let level = if level == "warning" { "warn" } else { level };
        assert!(row.starts_with(&format!("| [`{id}`](#{id}) | {level} |")), "{row}");
        assert!(page.contains(&format!("\n## {id}\n")), "{id}");
    }
    assert_eq!(rows.next(), None);
    assert!(rules.len() >= 16);
}
