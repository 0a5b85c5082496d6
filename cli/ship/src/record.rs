//! What is shipped: one record per panic, one more if its verdict changed after that, and what is told of the process.
//!
//! Runs on: the thread of a destination.

use std::sync::Arc;

use super::line::Word;

/// What a record tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A panic, with the last word on it.
    Panic,
    /// A verdict that became known after the panic was shipped.
    Verdict,
    /// Something about the process that its owner should know.
    Finding,
    /// Reports were lost, or what the probes saw.
    Losses,
    /// The process ended in order, and reports of it had been lost.
    End,
    /// The process died, and could not say so itself.
    Death,
}

impl Event {
    /// Name by the OpenTelemetry conventions: precise, and stable.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Panic => "rust.panic",
            Self::Verdict => "rust.panic.verdict",
            Self::Finding => "rust.panic.finding",
            Self::Losses => "rust.panic.losses",
            Self::End => "rust.process.end",
            Self::Death => "rust.process.death",
        }
    }

    /// Whether it speaks of one panic, and has a verdict.
    pub(crate) fn is_of_panic(self) -> bool {
        matches!(self, Self::Panic | Self::Verdict)
    }
}

/// A line on its way.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) event: Event,
    /// That of the panic; of other records the process instance.
    pub(crate) id: String,
    pub(crate) ts_ms: i64,
    pub(crate) word: Word,
    /// JSON without a newline: a `panic` line with its last verdict in it, or another line as it was written.
    pub(crate) line: Vec<u8>,
    /// The first panic of its incident, if this is another one and that was seen.
    pub(crate) root: Option<Arc<Root>>,
    /// The lines that are done when this is delivered.
    pub(crate) lines: Vec<u64>,
}

impl Record {
    /// The same for each time that this is sent, and for nothing else.
    pub(crate) fn uid(&self) -> String {
        match self.event {
            Event::Panic => self.id.clone(),
            Event::Verdict => format!("{}:{}", self.id, self.ts_ms),
            // A process may say several things in one moment.
            _ => format!("{}:{}:{:016x}", self.id, self.ts_ms, self.hash()),
        }
    }

    /// The same for the same line, whatever version of this tool looks at it: FNV-1a.
    pub(crate) fn hash(&self) -> u64 {
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        self.line.iter().fold(0xcbf2_9ce4_8422_2325, step)
    }
}

/// What is remembered of the first panic of an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Root {
    pub(crate) id: String,
    pub(crate) fingerprint: String,
    pub(crate) message: Option<String>,
    pub(crate) thread: Option<String>,
}
