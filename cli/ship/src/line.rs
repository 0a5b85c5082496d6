//! What is looked at in a line on its way; everything else passes through as it is, also what this version does not know.
//!
//! Runs on: the thread of a destination. Must not: copy what it does not change.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io::Write as _;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A text that is borrowed where nothing in it is escaped.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

impl std::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// The fields by which lines are told apart and put together.
#[derive(Clone, Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(crate) struct Outline<'a> {
    pub(crate) kind: Text<'a>,
    pub(crate) id: Text<'a>,
    pub(crate) ts_ms: i64,
    pub(crate) fingerprint: Option<Text<'a>>,
    pub(crate) fate: Option<Text<'a>>,
    pub(crate) receipt: Option<Text<'a>>,
    pub(crate) basis: Option<Text<'a>>,
    pub(crate) silent: Option<bool>,
    pub(crate) swallowed: Option<bool>,
    pub(crate) uncaught: Option<bool>,
    pub(crate) incident: Option<Text<'a>>,
    pub(crate) message: Option<Text<'a>>,
    pub(crate) thread: Option<Text<'a>>,
    pub(crate) losses: Option<&'a RawValue>,
    /// Of a finding.
    pub(crate) code: Option<Text<'a>>,
    /// Of a death.
    pub(crate) cause: Option<Text<'a>>,
}

/// Reasons that the program chose, or by which no line is missing.
const WANTED: [&str; 3] = ["filtered", "folded", "subscriber_full"];

impl<'a> Outline<'a> {
    /// `None`: it is no line of an agent.
    pub(crate) fn of(line: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    /// Name of the process instance.
    pub(crate) fn instance(&self) -> &str {
        self.id.split('-').next().unwrap_or_default()
    }

    /// Totals of what was lost, by reason; empty where the line has none.
    pub(crate) fn losses(&self) -> BTreeMap<String, u64> {
        self.losses.and_then(|losses| serde_json::from_str(losses.get()).ok()).unwrap_or_default()
    }

    /// Whether a report has no line that should have one.
    pub(crate) fn has_lost(&self) -> bool {
        self.losses().iter().any(|(reason, count)| *count > 0 && !WANTED.contains(&reason.as_str()))
    }

    pub(crate) fn word(&self) -> Word {
        let text = |text: &Option<Text<'_>>| text.as_deref().map(str::to_owned);
        Word {
            fate: text(&self.fate),
            receipt: text(&self.receipt),
            silent: self.silent,
            swallowed: self.swallowed,
            uncaught: self.uncaught,
        }
    }

    /// Whether nothing is expected to follow that changes the meaning.
    pub(crate) fn is_settled(&self) -> bool {
        let seen = self.basis.as_deref() != Some("predicted") || self.fate.as_deref() == Some("aborted");
        // Nobody is alarmed in vain: a scope may report the death a moment later.
        seen && self.receipt.as_deref() != Some("pending") && self.silent != Some(true)
    }
}

/// The verdict in a line, as far as somebody acts on it. Two that are equal say the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) fate: Option<String>,
    pub(crate) receipt: Option<String>,
    pub(crate) silent: Option<bool>,
    swallowed: Option<bool>,
    uncaught: Option<bool>,
}

/// The beginning of a text, at most so many bytes.
pub(crate) fn beginning(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// The fields that every line has and that no verdict changes.
pub(crate) const OF_EVERY_LINE: [&str; 10] =
    ["schema", "kind", "id", "ts", "ts_ms", "pid", "service", "version", "environment", "host"];

/// The `panic` line with what the `verdict` line says. `None`: one of them is no object.
pub(crate) fn merged(panic: &[u8], verdict: &[u8]) -> Option<Vec<u8>> {
    let panic: Fields<'_> = serde_json::from_slice(panic).ok()?;
    let verdict: Fields<'_> = serde_json::from_slice(verdict).ok()?;
    let later = |name: &str| {
        // A verdict has those of its own, and the message and fingerprint of the panic in short.
        let own = OF_EVERY_LINE.contains(&name) || matches!(name, "message" | "fingerprint");
        verdict.0.iter().filter(|_| !own).find(|(field, _)| &**field == name).map(|(_, value)| *value)
    };
    let mut line =
        Vec::with_capacity(panic.0.iter().map(|(name, value)| name.len() + value.get().len() + 4).sum());
    line.push(b'{');
    for (name, value) in &panic.0 {
        let value = later(name).unwrap_or(value);
        if line.len() > 1 {
            line.push(b',');
        }
        serde_json::to_writer(&mut line, &**name).ok()?;
        write!(line, ":{}", value.get()).ok()?;
    }
    line.push(b'}');
    Some(line)
}

/// The fields of an object in their order, unread.
struct Fields<'a>(Vec<(Text<'a>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::with_capacity(48);
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_replaces_what_it_judges_and_nothing_else() {
        let panic = br#"{"schema":1,"kind":"panic","id":"a-1","ts":"T","ts_ms":7,"level":"error","message":"whole\nmessage","fate":"unknown","receipt":"pending","silent":null,"frames":[{"x":"}"}],"new":0}"#;
        let verdict = br#"{"schema":1,"kind":"verdict","id":"a-1","ts":"U","ts_ms":9,"level":"warn","message":"whole","fate":"caught","receipt":"read","silent":false,"other":1}"#;
        let line = String::from_utf8(merged(panic, verdict).unwrap()).unwrap();
        let expected = r#"{"schema":1,"kind":"panic","id":"a-1","ts":"T","ts_ms":7,"level":"warn","message":"whole\nmessage","fate":"caught","receipt":"read","silent":false,"frames":[{"x":"}"}],"new":0}"#;
        assert_eq!(line, expected);
        assert_eq!((beginning("aéb", 2), beginning("aéb", 3), beginning("a", 9)), ("a", "aé", "a"));
        assert_eq!(merged(b"[]", verdict), None);
        let outline = Outline::of(line.as_bytes()).unwrap();
        assert!(outline.is_settled() && outline.instance() == "a");
        assert!(!Outline::of(panic).unwrap().is_settled());
        let silent = line.replace("\"silent\":false", "\"silent\":true");
        assert!(!Outline::of(silent.as_bytes()).unwrap().is_settled());
        assert_ne!(Outline::of(panic).unwrap().word(), Outline::of(verdict).unwrap().word());
    }
}
