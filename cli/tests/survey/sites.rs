//! What `crosscheck` says of each place that a suite exercised, beside the judgement of whoever looked at it.
//!
//! Runs on: the test's thread. Must not: call a place right that nobody has judged.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use crate::crates::Published;

/// A place that somebody has looked at.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Site {
    /// `catch src/lib.rs:12`.
    pub(crate) at: String,
    pub(crate) answer: String,
    /// What happens there; read by people.
    #[serde(rename = "why")]
    pub(crate) _why: String,
}

/// The answers for a suite, and those that are not as they were judged.
#[derive(Default)]
pub(crate) struct Sites {
    pub(crate) answers: BTreeMap<String, usize>,
    pub(crate) wrong: Vec<String>,
}

impl Sites {
    /// Holds what `crosscheck --format json` said against the judgements. What was never exercised needs none.
    pub(crate) fn new(published: &Published, said: &Value) -> Self {
        let mut sites = Self::default();
        let mut seen = BTreeSet::new();
        for place in said["places"].as_array().expect("places") {
            let answer = place["answer"].as_str().expect("an answer").to_owned();
            *sites.answers.entry(answer.clone()).or_default() += 1;
            if answer == "static_only" {
                continue;
            }
            let file = short(place["file"].as_str().expect("a file"));
            let at = format!("{} {file}:{}", place["kind"].as_str().expect("a kind"), place["line"]);
            let judged = published.site.iter().any(|site| site.at == at && site.answer == answer);
            if !judged {
                sites.wrong.push(format!("NOT JUDGED {answer}: {at} {} {}", place["api"], place["panics"]));
            }
            seen.insert((at, answer));
        }
        let gone = |site: &&Site| !seen.contains(&(site.at.clone(), site.answer.clone()));
        let gone = published.site.iter().filter(gone);
        sites.wrong.extend(gone.map(|site| format!("NOT SAID {}: {}", site.answer, site.at)));
        sites
    }
}

/// A path without what differs between machines.
fn short(file: &str) -> &str {
    match file.split_once("/registry/src/") {
        Some((_, rest)) => rest.split_once('/').map_or(rest, |(_, rest)| rest),
        None => file.find("/library/").map_or(file, |at| &file[at + 1..]),
    }
}
