//! A value that cannot be used: its place, what it is, and what to do.
//!
//! Runs on: the main thread. Must not: repeat a value that may be a secret.

use std::ops::Range;
use std::path::Path;

use crate::failure::Failure;

/// Words in the name of a key whose value is not repeated.
const SECRET: [&str; 6] = ["auth", "dsn", "key", "pass", "secret", "token"];
/// Longest value that is repeated.
const MAX_SHOWN: usize = 60;

/// The text of a configuration, and where it comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'t> {
    pub(crate) path: &'t Path,
    pub(crate) text: &'t str,
}

impl Source<'_> {
    /// `ship.toml:7:9`.
    pub(crate) fn place(&self, span: &Range<usize>) -> String {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        format!("{}:{line}:{column}", self.path.display())
    }

    /// `why` says what is wrong and what to do.
    pub(crate) fn failure(&self, key: &str, value: &Range<usize>, why: &str) -> Failure {
        Failure::new(format!("{}: `{key} = {}`: {why}", self.place(value), self.shown(key, value)))
    }

    /// A key that is wrong itself.
    pub(crate) fn key_failure(&self, key: &str, span: &Range<usize>, why: &str) -> Failure {
        Failure::new(format!("{}: `{key}`: {why}", self.place(span)))
    }

    /// The value as it is written, unless that may be a secret.
    fn shown(&self, key: &str, value: &Range<usize>) -> String {
        let text = self.text.get(value.clone()).unwrap_or_default();
        let text = text.lines().next().unwrap_or_default();
        let key = key.to_ascii_lowercase();
        // An address may have a password in it.
        if SECRET.iter().any(|word| key.contains(word)) || text.contains('@') {
            return "…".to_owned();
        }
        match text.char_indices().nth(MAX_SHOWN) {
            Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
            None => text.to_owned(),
        }
    }
}
