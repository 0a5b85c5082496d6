//! What lines consist of: [`Report`] and the other kinds of lines, the words in their fields, and a reader that returns
//! them from a file.
//!
//! All of them are serde types. `docs/record-schema.md` describes the fields.
//!
//! Runs on: every thread. Must not: allocate in anything that `RawRecord` owns; do I/O.

mod breadcrumb;
mod checksum;
mod decode;
pub(crate) mod digits;
mod fate;
pub(crate) mod finding;
mod fnv;
mod frame;
mod head;
mod id;
pub(crate) mod line;
mod lines;
mod loss;
mod no_report;
mod place;
mod raw;
mod reading;
mod report;
mod stack_book;
mod test;
mod text;
mod verdict;
mod walk;
mod words;

pub use breadcrumb::{Breadcrumb, BreadcrumbLevel};
pub use fate::{AbortReason, Basis, Fate, HandlerKind, Level, PredictionSource, Receipt, StopKind};
pub use frame::{EhAction, Frame, Image};
pub use head::Head;
pub use id::{PanicId, ParsePanicIdError};
pub use line::{Line, LineKind};
pub use lines::{
    DeathLine, DeathUsage, EndLine, EndedBy, FindingLine, LastPanic, LossSite, LossesLine, ProcessLine,
    RepeatsLine, VerdictLine,
};
pub use loss::{LossReason, Losses, ProbeLosses};
pub use no_report::{NoReport, RecvError};
pub use place::{Ancestor, Place, SpawnPlace};
pub use reading::{LineContent, LineReader, ReadLine};
pub use report::{DetachState, Handler, Location, Prediction, Report, SoftError, StackSummary, ThreadFacts};
pub use stack_book::StackBook;
pub use test::{TestEvent, TestEvidence, TestLine, TestRef, TestResult};
pub use verdict::{Evidence, Seen, Verdict};

#[cfg(any(test, feature = "breadcrumbs"))]
pub(crate) use breadcrumb::RawCrumb;
pub(crate) use breadcrumb::{CRUMB_BYTES, CrumbBytes};
pub(crate) use checksum::Checksum;
pub(crate) use finding::Notice;
pub(crate) use fnv::Fnv;
pub(crate) use frame::{Inlining, NamedFrame};
pub(crate) use head::SCHEMA_VERSION;
pub(crate) use line::{EncodedLine, ShortLine};
pub(crate) use loss::{LossCounters, LossMirror};
pub(crate) use place::ExitPlace;
pub(crate) use raw::{LabelBytes, PayloadKind, RawFlag, RawRecord};
pub(crate) use text::{FixedText, end_of, start_of};
pub(crate) use walk::{LANDING_FRAMES, MAX_FRAMES, NO_FRAME, RawWalk, ThreadStart, WalkEnd, WalkSource};
use words::read_back;
pub(crate) use words::worded;
