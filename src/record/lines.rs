//! The lines of the output, each a serde type. [`Report`] is the `panic` line.
//!
//! Runs on: the writer thread and readers. Must not: do I/O.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    Basis, Fate, Handler, Image, Level, Location, Losses, PanicId, Place, ProbeLosses, Receipt, Report,
    SoftError, TestLine, TestRef,
};

/// Version of the record schema, raised when a field changes its meaning or goes away.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// What a line speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LineKind {
    /// Start of the agent in a process.
    Process,
    /// A panic.
    Panic,
    /// Later knowledge of a panic.
    Verdict,
    /// Something about the process that its owner should know.
    Finding,
    /// Panics that repeat others and have no line of their own.
    Repeats,
    /// A test harness planned or finished tests; audited harness processes only.
    Test,
    /// Reports were lost; totals by reason.
    Losses,
    /// Clean end of the process, with totals.
    End,
}

/// One line, as a value. What it holds is shared, so a clone is cheap.
///
/// # Examples
/// ```
/// use panic_agent::{Fate, Line};
///
/// fn dies(line: &Line) -> bool {
///     match line {
///         Line::Panic(report) => report.fate == Fate::ThreadDied,
///         Line::Verdict(verdict) => verdict.fate == Fate::ThreadDied,
///         _ => false,
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Line {
    /// Start of the agent in a process.
    Process(Arc<ProcessLine>),
    /// A panic.
    Panic(Arc<Report>),
    /// Later knowledge of a panic.
    Verdict(Arc<VerdictLine>),
    /// Something about the process that its owner should know.
    Finding(Arc<FindingLine>),
    /// Panics that repeat others.
    Repeats(Arc<RepeatsLine>),
    /// What a test harness printed of its tests.
    Test(Arc<TestLine>),
    /// Totals of what was lost.
    Losses(Arc<LossesLine>),
    /// Clean end of the process.
    End(Arc<EndLine>),
}

impl Line {
    /// What the line speaks of.
    pub fn kind(&self) -> LineKind {
        match self {
            Self::Process(_) => LineKind::Process,
            Self::Panic(_) => LineKind::Panic,
            Self::Verdict(_) => LineKind::Verdict,
            Self::Finding(_) => LineKind::Finding,
            Self::Repeats(_) => LineKind::Repeats,
            Self::Test(_) => LineKind::Test,
            Self::Losses(_) => LineKind::Losses,
            Self::End(_) => LineKind::End,
        }
    }

    /// The line as JSON with its newline; `None` for one that cannot be serialized, which does not happen.
    pub(crate) fn encode(&self) -> Option<Vec<u8>> {
        let mut json = serde_json::to_vec(self).ok()?;
        json.push(b'\n');
        Some(json)
    }
}

macro_rules! line_from {
    ($($variant:ident: $line:ty),* $(,)?) => {
        $(impl From<$line> for Line {
            fn from(line: $line) -> Self {
                Self::$variant(Arc::new(line))
            }
        })*
    };
}

line_from! {
    Process: ProcessLine,
    Panic: Report,
    Verdict: VerdictLine,
    Finding: FindingLine,
    Repeats: RepeatsLine,
    Test: TestLine,
    Losses: LossesLine,
    End: EndLine,
}

/// One line on its way to a [`Sink`](crate::Sink): the value, and its text.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct EncodedLine<'a> {
    /// The line as a value.
    pub line: &'a Line,
    /// The line as JSON, without the newline.
    pub json: &'a [u8],
    /// `json` and the newline after it, so that a sink needs one write and no copy.
    with_newline: &'a [u8],
}

impl<'a> EncodedLine<'a> {
    /// Wraps a line whose text ends with its newline.
    pub(crate) fn new(line: &'a Line, with_newline: &'a [u8]) -> Self {
        let json = with_newline.strip_suffix(b"\n").unwrap_or(with_newline);
        Self { line, json, with_newline }
    }

    /// What the line speaks of.
    pub fn kind(&self) -> LineKind {
        self.line.kind()
    }

    /// The line as JSON, with the newline: what a file receives.
    pub fn with_newline(&self) -> &'a [u8] {
        self.with_newline
    }
}

/// Written once, when the agent starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProcessLine {
    /// Version of the schema.
    pub schema: u32,
    /// Always [`LineKind::Process`].
    pub kind: LineKind,
    /// Process instance: the part of every [`PanicId`] before the dash.
    pub id: String,
    /// RFC 3339, UTC, nanoseconds.
    pub ts: String,
    /// Milliseconds since the Unix epoch.
    pub ts_ms: i64,
    /// Process id.
    pub pid: u32,
    /// Always `info`.
    pub level: Level,
    /// Service name, as configured.
    pub service: Option<Arc<str>>,
    /// Service version, as configured.
    pub version: Option<Arc<str>>,
    /// Deployment environment, as configured.
    pub environment: Option<Arc<str>>,
    /// Host name.
    pub host: Option<Arc<str>>,
    /// For people.
    pub message: String,
    /// Path of the executable.
    pub exe: Option<String>,
    /// The executable as an image, with its build-id.
    pub image: Option<Image>,
    /// Version of this crate.
    pub agent_version: String,
    /// `unwind` or `abort`: how the agent was compiled, and so the program.
    pub panic_strategy: String,
    /// Process-wide labels at the start.
    pub labels: BTreeMap<String, String>,
    /// Abilities of this build on this platform: `tables`, `symbols`, `detach_state`, ….
    pub can: Vec<String>,
    /// What the agent cannot do here, and why.
    pub soft_errors: Vec<SoftError>,
}

/// Later knowledge of a panic. The last one of an id stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VerdictLine {
    /// Version of the schema.
    pub schema: u32,
    /// Always [`LineKind::Verdict`].
    pub kind: LineKind,
    /// The panic that this speaks of.
    pub id: PanicId,
    /// When this was written: RFC 3339, UTC, nanoseconds.
    pub ts: String,
    /// Milliseconds since the Unix epoch.
    pub ts_ms: i64,
    /// Process id.
    pub pid: u32,
    /// Severity.
    pub level: Level,
    /// Service name, as configured.
    pub service: Option<Arc<str>>,
    /// Service version, as configured.
    pub version: Option<Arc<str>>,
    /// Deployment environment, as configured.
    pub environment: Option<Arc<str>>,
    /// Host name.
    pub host: Option<Arc<str>>,
    /// Fingerprint of the panic.
    pub fingerprint: String,
    /// First line of the panic's message, at most 200 bytes; `null` when the payload is not a text.
    pub message: Option<String>,
    /// Name of the panicking thread; `null` when it has none.
    pub thread: Option<String>,
    /// How it ended, as far as known.
    pub fate: Fate,
    /// Whether anybody received the error, as far as known.
    pub receipt: Receipt,
    /// On what `fate` rests.
    pub basis: Basis,
    /// Whether nothing in the program stopped it; `null` when it cannot be told.
    pub uncaught: Option<bool>,
    /// Whether the process goes on and nobody finds out; `null` when it cannot be told (yet).
    pub silent: Option<bool>,
    /// Whether it was received and dropped unread; `null` when it cannot be told (yet).
    pub swallowed: Option<bool>,
    /// Why the process aborts, or why something is unknown.
    pub reason: Option<String>,
    /// First panic of the chain this one belongs to; its own id when it stands alone.
    pub incident: PanicId,
    /// How it is linked to that first panic; `null` when it is the first.
    pub relation: Option<String>,
    /// Who stopped it, once it has landed.
    pub landing: Option<Handler>,
    /// Where the payload was read, or dropped unread by the program.
    pub received_at: Option<Place>,
    /// How often the payload was thrown again after it had landed.
    pub hops: u32,
    /// The test that it belongs to; `None` outside of audited test harnesses.
    #[serde(default)]
    pub test: Option<TestRef>,
}

/// Something about the process that its owner should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FindingLine {
    /// Version of the schema.
    pub schema: u32,
    /// Always [`LineKind::Finding`].
    pub kind: LineKind,
    /// Process instance.
    pub id: String,
    /// RFC 3339, UTC, nanoseconds.
    pub ts: String,
    /// Milliseconds since the Unix epoch.
    pub ts_ms: i64,
    /// Process id.
    pub pid: u32,
    /// Severity.
    pub level: Level,
    /// Service name, as configured.
    pub service: Option<Arc<str>>,
    /// Service version, as configured.
    pub version: Option<Arc<str>>,
    /// Deployment environment, as configured.
    pub environment: Option<Arc<str>>,
    /// Host name.
    pub host: Option<Arc<str>>,
    /// A stable short word: `hook_replaced`, `raise_without_hook`, `unbalanced`, `exit_while_unwinding`,
    /// `group_dropped`, `worker_gave_up`.
    pub code: String,
    /// One sentence for people.
    pub message: String,
    /// The panic concerned; `null` when none is.
    pub panic: Option<PanicId>,
    /// Where it happened, innermost first; empty when no stack was taken.
    pub places: Vec<Place>,
    /// The test that it belongs to; `None` outside of audited test harnesses, and when it belongs to none.
    #[serde(default)]
    pub test: Option<TestRef>,
}

/// Panics of one fingerprint that were counted instead of written; see [`Folding`](crate::Folding).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RepeatsLine {
    /// Version of the schema.
    pub schema: u32,
    /// Always [`LineKind::Repeats`].
    pub kind: LineKind,
    /// Process instance.
    pub id: String,
    /// When this was written: RFC 3339, UTC, nanoseconds.
    pub ts: String,
    /// Milliseconds since the Unix epoch.
    pub ts_ms: i64,
    /// Process id.
    pub pid: u32,
    /// The worst of the panics.
    pub level: Level,
    /// Service name, as configured.
    pub service: Option<Arc<str>>,
    /// Service version, as configured.
    pub version: Option<Arc<str>>,
    /// Deployment environment, as configured.
    pub environment: Option<Arc<str>>,
    /// Host name.
    pub host: Option<Arc<str>>,
    /// First line of the last panic's message, at most 200 bytes; `null` when its payload is not a text.
    pub message: Option<String>,
    /// Fingerprint of the panics.
    pub fingerprint: String,
    /// Panics since the last such line.
    pub count: u64,
    /// The same since the last `panic` line of this fingerprint.
    pub total: u64,
    /// A panic of the same fingerprint that has a `panic` line.
    pub first: PanicId,
    /// The last of the panics.
    pub last: PanicId,
    /// When the last one was raised: RFC 3339, UTC, nanoseconds.
    pub last_ts: String,
    /// Milliseconds since the Unix epoch.
    pub last_ts_ms: i64,
    /// Name of the last one's thread; `null` when it has none.
    pub thread: Option<String>,
    /// Where the last one was raised; `null` when it has no location.
    pub location: Option<Location>,
    /// How many of the panics met each fate, as far as it was known at once.
    pub fates: BTreeMap<String, u64>,
}

/// Written when reports were lost since the last such line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LossesLine {
    /// Version of the schema.
    pub schema: u32,
    /// Always [`LineKind::Losses`].
    pub kind: LineKind,
    /// Process instance.
    pub id: String,
    /// RFC 3339, UTC, nanoseconds.
    pub ts: String,
    /// Milliseconds since the Unix epoch.
    pub ts_ms: i64,
    /// Process id.
    pub pid: u32,
    /// `error`; `warn` when only the probes lost something.
    pub level: Level,
    /// Service name, as configured.
    pub service: Option<Arc<str>>,
    /// Service version, as configured.
    pub version: Option<Arc<str>>,
    /// Deployment environment, as configured.
    pub environment: Option<Arc<str>>,
    /// Host name.
    pub host: Option<Arc<str>>,
    /// For people.
    pub message: String,
    /// Totals since the start of the process.
    pub losses: Losses,
    /// What the probes could not follow; `null` without probes.
    pub probes: Option<ProbeLosses>,
    /// Places that lost most reports, most first; at most a few dozen.
    pub sites: Vec<LossSite>,
}

/// A place of the program whose reports were lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LossSite {
    /// `file:line:column` of the `panic!`.
    pub location: String,
    /// Reports lost there since the start of the process.
    pub lost: u64,
}

/// Written when the process ends in order, and again when a panic was written after that; the last one counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EndLine {
    /// Version of the schema.
    pub schema: u32,
    /// Always [`LineKind::End`].
    pub kind: LineKind,
    /// Process instance.
    pub id: String,
    /// RFC 3339, UTC, nanoseconds.
    pub ts: String,
    /// Milliseconds since the Unix epoch.
    pub ts_ms: i64,
    /// Process id.
    pub pid: u32,
    /// Always `info`.
    pub level: Level,
    /// Service name, as configured.
    pub service: Option<Arc<str>>,
    /// Service version, as configured.
    pub version: Option<Arc<str>>,
    /// Deployment environment, as configured.
    pub environment: Option<Arc<str>>,
    /// Host name.
    pub host: Option<Arc<str>>,
    /// For people.
    pub message: String,
    /// Panics that were written or counted as lost before this line.
    pub panics: u64,
    /// `panic` lines written since the start.
    pub written: u64,
    /// Totals of what was lost.
    pub losses: Losses,
    /// What the probes could not follow; `null` without probes.
    pub probes: Option<ProbeLosses>,
}

impl PanicId {
    /// The process instance as it stands in `process`, `losses` and `end` lines.
    pub fn instance_text(self) -> String {
        format!("{:016x}", self.instance())
    }
}

impl Report {
    /// First line of the message, or a stand-in for a payload that is not a text.
    pub fn summary(&self) -> &str {
        match &self.message {
            Some(message) => message.lines().next().unwrap_or_default(),
            None => "(payload is not a text)",
        }
    }
}
