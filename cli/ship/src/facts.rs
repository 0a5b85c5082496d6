//! What a record tells somebody who does not read our lines: severity, whether it was handled, names, times, a stack.
//!
//! Runs on: the thread of a destination. Must not: fail because of a word that it does not know.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use serde::Deserialize;

use super::line::Text;
use super::record::Record;

/// The fields that destinations ask for.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Facts<'a> {
    kind: Option<Text<'a>>,
    ts: Option<Text<'a>>,
    ts_ms: i64,
    pub(crate) pid: i64,
    pub(crate) level: Option<Text<'a>>,
    pub(crate) service: Option<Text<'a>>,
    pub(crate) version: Option<Text<'a>>,
    pub(crate) environment: Option<Text<'a>>,
    pub(crate) host: Option<Text<'a>>,
    pub(crate) message: Option<Text<'a>>,
    pub(crate) fingerprint: Option<Text<'a>>,
    pub(crate) thread: Option<Text<'a>>,
    pub(crate) fate: Option<Text<'a>>,
    pub(crate) receipt: Option<Text<'a>>,
    pub(crate) basis: Option<Text<'a>>,
    pub(crate) uncaught: Option<bool>,
    pub(crate) silent: Option<bool>,
    pub(crate) swallowed: Option<bool>,
    pub(crate) reason: Option<Text<'a>>,
    pub(crate) incident: Option<Text<'a>>,
    pub(crate) relation: Option<Text<'a>>,
    pub(crate) landing: Option<Landing<'a>>,
    pub(crate) payload_type: Option<Text<'a>>,
    pub(crate) location: Option<Location<'a>>,
    pub(crate) thread_facts: ThreadFacts,
    pub(crate) labels: BTreeMap<Text<'a>, Text<'a>>,
    pub(crate) frames: Vec<Frame<'a>>,
    pub(crate) images: Vec<Image<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Landing<'a> {
    pub(crate) kind: Option<Text<'a>>,
    pub(crate) function: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(crate) struct Location<'a> {
    pub(crate) file: Text<'a>,
    pub(crate) line: i64,
    pub(crate) column: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ThreadFacts {
    pub(crate) os_id: Option<i64>,
    pub(crate) main: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Frame<'a> {
    pub(crate) function: Option<Text<'a>>,
    pub(crate) file: Option<Text<'a>>,
    pub(crate) line: Option<i64>,
    pub(crate) column: Option<i64>,
    pub(crate) ip: Option<Text<'a>>,
    pub(crate) image: Option<Text<'a>>,
    pub(crate) in_app: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(crate) struct Image<'a> {
    pub(crate) name: Text<'a>,
    pub(crate) path: Option<Text<'a>>,
    pub(crate) build_id: Option<Text<'a>>,
    pub(crate) bias: Option<Text<'a>>,
}

/// How bad it is, by its impact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// Somebody handled it.
    Warn,
    /// Nobody was told, a thread died, or it is not known.
    Error,
    /// The process ended.
    Fatal,
}

impl<'a> Facts<'a> {
    /// `None`: fields have other types than the schema says.
    pub(crate) fn of(record: &'a Record) -> Option<Self> {
        serde_json::from_slice(&record.line).ok()
    }

    pub(crate) fn severity(&self) -> Severity {
        match self.kind.as_deref() {
            Some("death") => return Severity::Fatal,
            // It is shipped because reports were lost.
            Some("end") => return Severity::Error,
            Some("finding" | "losses") => return Severity::of_level(self.level.as_deref()),
            _ => {}
        }
        let fate = self.fate.as_deref().unwrap_or_default();
        if matches!(fate, "main_died" | "aborted") || self.level.as_deref() == Some("fatal") {
            return Severity::Fatal;
        }
        let caught = matches!(fate, "caught" | "runtime_caught");
        if caught && self.silent != Some(true) { Severity::Warn } else { Severity::Error }
    }

    /// Whether somebody caught it and looked at it. What is not known was not handled.
    pub(crate) fn is_handled(&self) -> bool {
        matches!(self.fate.as_deref(), Some("caught" | "runtime_caught"))
            && self.receipt.as_deref() == Some("read")
    }

    /// What people read first.
    pub(crate) fn text(&self) -> &str {
        self.message.as_deref().unwrap_or("(payload is not a text)")
    }

    /// When it was, RFC 3339.
    pub(crate) fn time(&self) -> String {
        let time = || Timestamp::from_millisecond(self.ts_ms).unwrap_or_default().to_string();
        self.ts.as_deref().map_or_else(time, str::to_owned)
    }

    /// Nanoseconds since the Unix epoch.
    pub(crate) fn nanos(&self) -> u64 {
        let time = self.ts.as_deref().and_then(|ts| ts.parse::<Timestamp>().ok());
        let nanos = time.map_or(i128::from(self.ts_ms) * 1_000_000, |time| time.as_nanosecond());
        u64::try_from(nanos).unwrap_or(0)
    }

    /// The stack as text, innermost first; empty without frames.
    pub(crate) fn stack(&self) -> String {
        let mut text = String::with_capacity(self.frames.len() * 160);
        for (index, frame) in self.frames.iter().enumerate() {
            let address = frame.ip.as_deref().unwrap_or("?");
            // A string can be written to.
            let _written = write!(text, "{index:4}: ");
            text.push_str(frame.function.as_deref().unwrap_or(address));
            if let Some(file) = frame.file.as_deref() {
                text.push_str("\n             at ");
                text.push_str(file);
                for number in [frame.line, frame.column].into_iter().flatten() {
                    let _written = write!(text, ":{number}");
                }
            }
            text.push('\n');
        }
        text
    }

    /// The innermost function of the program.
    pub(crate) fn function(&self) -> Option<&str> {
        let own = self.frames.iter().find(|frame| frame.in_app == Some(true) && frame.function.is_some());
        own?.function.as_deref()
    }
}

impl Severity {
    fn of_level(level: Option<&str>) -> Self {
        match level {
            Some("fatal") => Self::Fatal,
            Some("error") => Self::Error,
            _ => Self::Warn,
        }
    }

    /// Number of OpenTelemetry.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Warn => 13,
            Self::Error => 17,
            Self::Fatal => 21,
        }
    }

    /// Number of syslog: 4 warning, 3 error, 2 critical.
    pub(crate) fn of_syslog(self) -> u8 {
        match self {
            Self::Warn => 4,
            Self::Error => 3,
            Self::Fatal => 2,
        }
    }

    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }
}
