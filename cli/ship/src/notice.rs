//! What a line tells of its process: a finding, losses, an end, a death.
//!
//! Runs on: the thread of a destination. Must not: fail because of a word that it does not know.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::line::Text;
use super::record::Record;

/// The fields that such lines have besides those of every line.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Notice<'a> {
    /// Of a finding: what it is.
    pub(crate) code: Option<Text<'a>>,
    /// Of a finding: the panic that it speaks of.
    pub(crate) panic: Option<Text<'a>>,
    pub(crate) places: Vec<Place<'a>>,
    /// Of losses and ends: totals by reason.
    pub(crate) losses: Option<BTreeMap<String, u64>>,
    pub(crate) probes: Option<BTreeMap<String, u64>>,
    /// Of a death: why.
    pub(crate) cause: Option<Text<'a>>,
    pub(crate) basis: Option<Text<'a>>,
    pub(crate) signal: Option<Text<'a>>,
    pub(crate) status: Option<i64>,
    pub(crate) stderr: Option<Text<'a>>,
    pub(crate) starts: Option<i64>,
    pub(crate) restart_in_ms: Option<i64>,
    /// Of a death a list, of an end a number.
    panics: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Place<'a> {
    pub(crate) function: Option<Text<'a>>,
    pub(crate) file: Option<Text<'a>>,
    pub(crate) line: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct LastPanic<'a> {
    panic: Text<'a>,
}

impl<'a> Notice<'a> {
    /// `None`: the record is of a panic, or its fields have other types than the schema says.
    pub(crate) fn of(record: &'a Record) -> Option<Self> {
        if record.event.is_of_panic() {
            return None;
        }
        serde_json::from_slice(&record.line).ok()
    }

    /// Ids of the last panics before a death, oldest first.
    pub(crate) fn panics(&self) -> Vec<String> {
        let panics: Option<Vec<LastPanic<'_>>> =
            self.panics.and_then(|panics| serde_json::from_str(panics.get()).ok());
        panics.into_iter().flatten().map(|last| last.panic.to_string()).collect()
    }
}
