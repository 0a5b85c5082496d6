//! One line, of whatever kind, as a value and as text.
//!
//! Runs on: the writer thread and readers. Must not: do I/O.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    DeathLine, EndLine, FindingLine, Head, LossesLine, ProcessLine, RepeatsLine, Report, TestLine,
    VerdictLine, worded,
};

worded! {
    /// What a line speaks of.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
    #[non_exhaustive]
    pub enum LineKind {
        /// Start of the agent in a process.
        Process = "process",
        /// A panic.
        Panic = "panic",
        /// Later knowledge of a panic.
        Verdict = "verdict",
        /// Something about the process that its owner should know.
        Finding = "finding",
        /// Panics that repeat others and have no line of their own.
        Repeats = "repeats",
        /// A test harness planned or finished tests; audited harness processes only.
        Test = "test",
        /// Reports were lost; totals by reason.
        Losses = "losses",
        /// Clean end of the process, with totals.
        End = "end",
        /// End of a process that could not say so itself, by its supervisor.
        Death = "death",
    }
}

/// One line, as a value. What it holds is shared, so a clone is cheap.
///
/// # Examples
/// ```
/// use panic_agent::record::Fate;
/// use panic_agent::Line;
///
/// fn dies(line: &Line) -> bool {
///     line.verdict().is_some_and(|verdict| verdict.fate == Fate::ThreadDied)
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
    /// End of a process that could not say so itself.
    Death(Arc<DeathLine>),
}

impl Line {
    /// The line as JSON with its newline; `None` for one that cannot be serialized, which does not happen.
    pub(crate) fn encode(&self) -> Option<Vec<u8>> {
        let mut json = Vec::new();
        self.encode_into(&mut json).then_some(json)
    }

    /// The same behind what is there already; `false` and nothing for one that cannot be serialized.
    pub(crate) fn encode_into(&self, out: &mut Vec<u8>) -> bool {
        let before = out.len();
        let whole = serde_json::to_writer(&mut *out, self).is_ok();
        if whole {
            out.push(b'\n');
        } else {
            out.truncate(before);
        }
        whole
    }
}

/// What depends on the kind of a line alone.
macro_rules! kinds {
    ($($kind:ident: $line:ty),* $(,)?) => {
        impl Line {
            /// What the line speaks of.
            pub fn kind(&self) -> LineKind {
                match self {
                    $(Self::$kind(_) => LineKind::$kind,)*
                }
            }

            /// The fields that every line begins with.
            pub fn head(&self) -> Head {
                match self {
                    $(Self::$kind(line) => line.head.to_text(),)*
                }
            }

            /// Reads a line of the kind with this word; `None`: no kind of this version.
            pub(super) fn decode(kind: &str, json: &[u8]) -> Option<serde_json::Result<Self>> {
                $(if kind == LineKind::$kind.word() {
                    return Some(serde_json::from_slice(json).map(Self::$kind));
                })*
                None
            }
        }

        $(impl From<$line> for Line {
            fn from(line: $line) -> Self {
                Self::$kind(Arc::new(line))
            }
        })*
    };
}

kinds! {
    Process: ProcessLine,
    Panic: Report,
    Verdict: VerdictLine,
    Finding: FindingLine,
    Repeats: RepeatsLine,
    Test: TestLine,
    Losses: LossesLine,
    End: EndLine,
    Death: DeathLine,
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
    /// The same for a file that has the stack already.
    pub(crate) short: Option<ShortLine<'a>>,
}

/// A `panic` line that names its stack in place of showing it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShortLine<'a> {
    /// Of the stack; the whole line has it, too.
    pub(crate) stack_id: u64,
    pub(crate) with_newline: &'a [u8],
}

impl<'a> EncodedLine<'a> {
    /// Wraps a line whose text ends with its newline.
    pub(crate) fn new(line: &'a Line, with_newline: &'a [u8]) -> Self {
        let json = with_newline.strip_suffix(b"\n").unwrap_or(with_newline);
        Self { line, json, with_newline, short: None }
    }

    /// With the text for a file that has the stack already, if there is one.
    pub(crate) fn with_short(self, short: Option<ShortLine<'a>>) -> Self {
        Self { short, ..self }
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
