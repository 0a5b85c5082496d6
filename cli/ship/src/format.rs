//! What a line looks like at a destination that takes lines: as the agent writes it, or by the Elastic Common Schema.
//!
//! Runs on: the thread of a destination.

use std::borrow::Cow;

use super::config::Keys;
use super::ecs;
use super::facts::Facts;
use super::record::Record;
use crate::failure::Failure;

/// A form of lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// `docs/record-schema.md`.
    Lines,
    Ecs,
}

impl Format {
    /// The key `format`.
    pub(crate) fn open(keys: &Keys<'_>) -> Result<Self, Failure> {
        let word = keys.word("format", &["lines", "ecs"])?;
        Ok(Self::of_word(word).unwrap_or(Self::Lines))
    }

    pub(crate) fn of_word(word: &str) -> Option<Self> {
        match word {
            "lines" => Some(Self::Lines),
            "ecs" => Some(Self::Ecs),
            _ => None,
        }
    }

    /// JSON without a newline.
    pub(crate) fn line(self, record: &Record) -> Cow<'_, [u8]> {
        let ecs = match self {
            Self::Lines => None,
            Self::Ecs => Facts::of(record).map(|facts| ecs::line(&facts, record)),
        };
        // A line whose fields have other types than the schema says goes as it is.
        ecs.map_or(Cow::Borrowed(record.line.as_slice()), Cow::Owned)
    }

    /// A line per record.
    pub(crate) fn lines(self, records: &[Record]) -> Vec<u8> {
        let mut text = Vec::with_capacity(records.iter().map(|record| record.line.len() + 1).sum());
        for record in records {
            text.extend_from_slice(&self.line(record));
            text.push(b'\n');
        }
        text
    }
}
