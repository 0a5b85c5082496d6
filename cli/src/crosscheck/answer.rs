//! The answers, what each of them is about, and both in words.
//!
//! Runs on: the main thread. Must not: say fine where nothing happened.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::scan::rule::Rule;
use crate::story::words::count;

/// What the lines say of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// A panic really got lost here, and the scan had said so.
    Confirmed,
    /// A panic really got lost here, and the scan does not know it: in a dependency, a macro, foreign code, or a place
    /// that it took for fine.
    RuntimeOnly,
    /// The source is another one than that which was scanned.
    Stale,
    /// Panics came here, and what became of them is not known.
    Unknown,
    /// Panics came here, and somebody learned of each.
    Exercised,
    /// No panic came here.
    StaticOnly,
}

impl Answer {
    pub(crate) const ALL: [Self; 6] =
        [Self::Confirmed, Self::RuntimeOnly, Self::Stale, Self::Unknown, Self::Exercised, Self::StaticOnly];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::RuntimeOnly => "runtime only",
            Self::Stale => "stale",
            Self::Unknown => "unknown",
            Self::Exercised => "exercised and fine",
            Self::StaticOnly => "static only",
        }
    }

    /// What it means.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed: panics really got lost here",
            Self::RuntimeOnly => "runtime only: panics got lost where the scan had said nothing",
            Self::Stale => "stale: the source is another one than that which was scanned",
            Self::Unknown => "unknown: panics came here, and what became of them is not known",
            Self::Exercised => "exercised and fine: panics came here, and none got lost here",
            Self::StaticOnly => "static only: no panic came here",
        }
    }
}

/// How many panics came to a place, by what became of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Panics {
    /// Silent or swallowed.
    pub(crate) lost: u64,
    /// Read, carried on, or fatal.
    pub(crate) told: u64,
    pub(crate) unknown: u64,
    /// Ids of the first ones: lost ones before others.
    pub(crate) ids: Vec<String>,
}

/// Most ids that are kept for a place.
const MAX_IDS: usize = 5;

impl Panics {
    pub(super) fn add(&mut self, lost: Option<bool>, id: String) {
        let count = match lost {
            Some(true) => &mut self.lost,
            Some(false) => &mut self.told,
            None => &mut self.unknown,
        };
        *count += 1;
        if self.ids.len() < MAX_IDS {
            self.ids.push(id);
        }
    }

    pub(crate) fn total(&self) -> u64 {
        self.lost.saturating_add(self.told).saturating_add(self.unknown)
    }

    pub(crate) fn words(&self) -> String {
        let parts = [(self.lost, "lost"), (self.told, "told"), (self.unknown, "not known")];
        let parts = parts.iter().filter(|(number, _)| *number > 0);
        parts.map(|(number, word)| format!("{number} {word}")).collect::<Vec<_>>().join(", ")
    }
}

/// A place, and what the lines say of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) answer: Answer,
    /// `spawn`, `catch` or `join`.
    pub(crate) kind: String,
    pub(crate) file: String,
    pub(crate) line: u32,
    /// Number of its site in the scan; `None`: the scan has none.
    pub(crate) site: Option<usize>,
    /// Rules that the scan found broken there.
    pub(crate) rules: Vec<Rule>,
    /// Why the scan allows it.
    pub(crate) allowed: Option<String>,
    pub(crate) function: String,
    /// What is called there.
    pub(crate) api: String,
    pub(crate) panics: Panics,
    /// Message of the first panic.
    pub(crate) message: Option<String>,
    /// What is odd, or why it is stale.
    pub(crate) note: Option<String>,
}

impl Row {
    /// Whether it is shown when not all are asked for: of what is fine or never happened only what the scan complains of.
    pub(crate) fn is_shown(&self, all: bool) -> bool {
        all || self.answer < Answer::Exercised || !self.rules.is_empty()
    }

    /// The place in words.
    pub(crate) fn what(&self) -> String {
        let rules: Vec<&str> = self.rules.iter().map(|rule| rule.id()).collect();
        let rules = if rules.is_empty() { String::new() } else { format!("{}: ", rules.join(", ")) };
        let called =
            if self.api.is_empty() { self.kind.clone() } else { format!("{} {}", self.kind, self.api) };
        let function =
            if self.function.is_empty() { String::new() } else { format!(" in {}", self.function) };
        format!("{rules}{called}{function}")
    }
}

/// What a program's catches ever did.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Coverage {
    pub(crate) catches: usize,
    /// Of these ever stopped a panic.
    pub(crate) exercised: usize,
    /// The others, as `file:line`.
    pub(crate) never: Vec<String>,
}

impl Coverage {
    pub(crate) fn words(&self) -> String {
        let catches = count(self.catches as u64, "catch").replace("catchs", "catches");
        format!("{} of {catches} ever stopped a panic", self.exercised)
    }
}
