//! Fingerprints that were seen before, also by earlier runs.
//!
//! Runs on: the thread of the first destination. Must not: grow for ever.

use std::collections::HashSet;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use super::state::private;

/// After so many, none counts as new any more: the metric would say nothing.
const MOST: usize = 100_000;

/// The set, and the file that keeps it.
#[derive(Debug)]
pub(super) struct Fingerprints {
    seen: HashSet<String>,
    file: Option<File>,
}

impl Fingerprints {
    /// What cannot be read was never seen.
    pub(super) fn open(directory: &Path) -> Self {
        let path = directory.join("fingerprints");
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        Self { seen: text.lines().map(str::to_owned).collect(), file: private(&path).ok() }
    }

    /// Whether it is the first time; from now on it is not.
    pub(super) fn note_new(&mut self, fingerprint: &str) -> bool {
        if self.seen.len() >= MOST || self.seen.contains(fingerprint) {
            return false;
        }
        self.seen.insert(fingerprint.to_owned());
        if let Some(file) = &mut self.file {
            // Not written: it is new once more after the next start.
            let _written = writeln!(file, "{fingerprint}");
        }
        true
    }
}
