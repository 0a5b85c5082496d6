//! Findings that were there when the audit was adopted: they are folded, so that only new ones are denied.
//!
//! Runs on: threads that audit. Must not: depend on line numbers, process ids, the time, or the order of the tests.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::policy::PolicyError;
use super::{Class, Finding};
use crate::report::Fingerprint;
use crate::symbolize::portable;

/// Version of the file.
const SCHEMA: u32 = 1;

/// One known finding. Two findings with equal entries are one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct BaselineEntry {
    /// The test binary, as in [`Finding::binary`].
    pub binary: String,
    /// The test; `None` for findings whose test is not known.
    pub test: Option<String>,
    /// What it is.
    pub class: Class,
    /// Source file, without home directories and versions of packages.
    pub file: Option<String>,
    /// Function, without closures.
    pub function: Option<String>,
    /// 16 hex digits: the message without its numbers and quoted parts. `None` for findings without one.
    pub message: Option<String>,
}

impl BaselineEntry {
    /// The entry that a finding would have.
    pub(super) fn of(finding: &Finding) -> Self {
        let place = finding.place.as_ref();
        let file = place.and_then(|place| place.file.as_deref());
        let function = place.and_then(|place| place.function.as_deref());
        // Texts of the agent's own findings may change with its version.
        let message = finding.message.as_deref().filter(|_| finding.id.is_some());
        Self {
            binary: finding.binary.clone(),
            test: finding.test.clone(),
            class: finding.class,
            file: file.map(portable),
            function: function.map(|function| super::policy::expect::plain(function).to_owned()),
            message: message
                .map(|message| Fingerprint::without_stack().with(None, None, Some(message)).to_text()),
        }
    }
}

/// Known findings, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    entries: BTreeSet<BaselineEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: u32,
    entries: BTreeSet<BaselineEntry>,
}

impl Baseline {
    /// Reads what [`to_json`](Self::to_json) wrote; `path` is what errors call it.
    ///
    /// # Errors
    /// When the text is no baseline of a version that is known.
    pub fn parse(text: &str, path: impl AsRef<Path>) -> Result<Self, PolicyError> {
        let file: File = serde_json::from_str(text).map_err(|error| {
            let error_at = PolicyError::new(path.as_ref(), format!("not a baseline: {error}"));
            error_at
                .at_line(error.line())
                .accepted("what `--write-baseline` wrote; delete it and write it again")
        })?;
        if file.schema != SCHEMA {
            let problem = format!("version {} of the baseline is not supported", file.schema);
            return Err(PolicyError::new(path.as_ref(), problem).key("schema").accepted("1"));
        }
        Ok(Self { entries: file.entries })
    }

    /// One entry a line, sorted: what a change adds and removes can be read in a diff.
    pub fn to_json(&self) -> String {
        let mut text = format!("{{\n\"schema\": {SCHEMA},\n\"entries\": [");
        for (number, entry) in self.entries.iter().enumerate() {
            text.push_str(if number == 0 { "\n" } else { ",\n" });
            // Strings and nothing else: it cannot fail.
            text.push_str(&serde_json::to_string(entry).unwrap_or_default());
        }
        text.push_str("\n]\n}\n");
        text
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The entries, in order.
    pub fn entries(&self) -> impl Iterator<Item = &BaselineEntry> {
        self.entries.iter()
    }

    /// Adds the entries of another one.
    pub fn add(&mut self, other: Self) {
        self.entries.extend(other.entries);
    }

    /// Takes an entry away that is no longer seen.
    pub fn remove(&mut self, entry: &BaselineEntry) -> bool {
        self.entries.remove(entry)
    }

    /// Adds a finding.
    pub fn insert(&mut self, finding: &Finding) {
        self.entries.insert(BaselineEntry::of(finding));
    }

    pub(super) fn contains(&self, entry: &BaselineEntry) -> bool {
        self.entries.contains(entry)
    }
}
