//! The nouns that travel: from the panicking thread ([`RawRecord`], fixed size, plain bytes) and out of
//! the process ([`Report`] and the other [`lines`], serde types).
//!
//! Runs on: every thread. Must not: allocate in anything that [`RawRecord`] owns; do I/O.

mod checksum;
#[cfg(panic_agent_spool)]
mod decode;
pub(crate) mod digits;
mod exit_place;
mod fate;
pub(crate) mod finding;
mod frame;
mod id;
pub(crate) mod lines;
mod loss;
mod named_frame;
mod notice;
mod place;
mod raw;
mod reading;
mod report;
mod soft_error;
mod test;
mod text;
mod walk;

pub use fate::{AbortReason, Basis, Fate, HandlerKind, Level, Receipt, StopKind};
pub use frame::{EhAction, Frame, Image};
pub use id::PanicId;
pub use lines::{
    EncodedLine, EndLine, FindingLine, Line, LineKind, LossSite, LossesLine, ProcessLine, RepeatsLine,
    VerdictLine,
};
pub use loss::{LossReason, Losses, ProbeLosses};
pub use place::{Ancestor, Place, SpawnPlace};
pub use reading::{LineContent, LineReader, ReadLine};
pub use report::{DetachState, Handler, Location, Prediction, Report, StackSummary, ThreadFacts};
pub use soft_error::SoftError;
pub use test::{TestEvent, TestEvidence, TestLine, TestRef, TestResult};

#[cfg(panic_agent_spool)]
pub(crate) use checksum::Checksum;
pub(crate) use exit_place::ExitPlace;
pub(crate) use loss::{LossCounters, LossMirror};
pub(crate) use named_frame::{Inlining, NamedFrame};
pub(crate) use notice::Notice;
pub(crate) use raw::{LabelBytes, PayloadKind, RawFlag, RawRecord};
pub(crate) use text::{FixedText, start_of};
#[cfg(panic_agent_spool)]
pub(crate) use walk::LANDING_FRAMES;
#[cfg(panic_agent_tables)]
pub(crate) use walk::NO_FRAME;
pub(crate) use walk::{MAX_FRAMES, RawWalk, WalkEnd, WalkSource};
