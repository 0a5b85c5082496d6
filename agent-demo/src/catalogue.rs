//! All scenarios, in the order of their themes.
//!
//! Runs on: any thread. Must not: run a scenario.

use crate::{Scenario, scenarios};

/// Names this close to a mistyped one are suggested.
const SIMILAR: f64 = 0.85;
/// Suggestions for a mistyped name.
const SUGGESTIONS: usize = 3;

/// Every scenario of this build.
pub fn all() -> impl Iterator<Item = &'static Scenario> {
    scenarios::THEMES.iter().flat_map(|theme| theme.scenarios.iter())
}

/// Names of the themes with their scenarios.
pub fn themes() -> impl Iterator<Item = (&'static str, &'static [Scenario])> {
    scenarios::THEMES.iter().map(|theme| (theme.name, theme.scenarios))
}

/// The scenario with this name.
pub fn find(name: &str) -> Option<&'static Scenario> {
    all().find(|scenario| scenario.name == name)
}

/// Names that somebody may have meant, best first.
pub fn similar(name: &str) -> Vec<&'static str> {
    let mut scored: Vec<(f64, &str)> = all()
        .map(|scenario| {
            // One word of a name is enough, but the whole name is better.
            let words = scenario.name.split('-').map(|word| 0.95 * strsim::jaro_winkler(name, word));
            (words.fold(strsim::jaro_winkler(name, scenario.name), f64::max), scenario.name)
        })
        .filter(|(score, _)| *score >= SIMILAR)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.into_iter().take(SUGGESTIONS).map(|(_, name)| name).collect()
}
