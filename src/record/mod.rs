//! What lines consist of: [`Report`] and the other kinds of lines, the words in their fields, and a reader that returns
//! them from a file.
//!
//! All of them are serde types. `docs/record-schema.md` describes the fields.
//!
//! Runs on: every thread. Must not: allocate in anything that `RawRecord` owns; do I/O.

mod breadcrumb;
mod checksum;
mod crumb_bytes;
mod death;
mod decode;
pub(crate) mod digits;
mod evidence;
mod exit_place;
mod fate;
pub(crate) mod finding;
mod fnv;
mod frame;
mod head;
mod id;
pub(crate) mod line;
mod lines;
mod loss;
mod named_frame;
mod no_report;
mod notice;
mod place;
mod raw;
mod read_back;
mod reading;
mod recv_error;
mod report;
mod soft_error;
mod stack_book;
mod test;
mod text;
mod verdict;
mod walk;
mod worded;

pub use breadcrumb::{Breadcrumb, BreadcrumbLevel};
pub use death::{DeathLine, DeathUsage, LastPanic};
pub use evidence::{Evidence, Seen};
pub use fate::{AbortReason, Basis, Fate, HandlerKind, Level, PredictionSource, Receipt, StopKind};
pub use frame::{EhAction, Frame, Image};
pub use head::Head;
pub use id::{PanicId, ParsePanicIdError};
pub use line::{Line, LineKind};
pub use lines::{EndLine, EndedBy, FindingLine, LossSite, LossesLine, ProcessLine, RepeatsLine, VerdictLine};
pub use loss::{LossReason, Losses, ProbeLosses};
pub use no_report::NoReport;
pub use place::{Ancestor, Place, SpawnPlace};
pub use reading::{LineContent, LineReader, ReadLine};
pub use recv_error::RecvError;
pub use report::{DetachState, Handler, Location, Prediction, Report, StackSummary, ThreadFacts};
pub use soft_error::SoftError;
pub use stack_book::StackBook;
pub use test::{TestEvent, TestEvidence, TestLine, TestRef, TestResult};
pub use verdict::Verdict;

pub(crate) use checksum::Checksum;
#[cfg(any(test, feature = "breadcrumbs"))]
pub(crate) use crumb_bytes::RawCrumb;
pub(crate) use crumb_bytes::{CRUMB_BYTES, CrumbBytes};
pub(crate) use exit_place::ExitPlace;
pub(crate) use fnv::Fnv;
pub(crate) use head::SCHEMA_VERSION;
pub(crate) use line::{EncodedLine, ShortLine};
pub(crate) use loss::{LossCounters, LossMirror};
pub(crate) use named_frame::{Inlining, NamedFrame};
pub(crate) use notice::Notice;
pub(crate) use raw::{LabelBytes, PayloadKind, RawFlag, RawRecord};
use read_back::read_back;
pub(crate) use text::{FixedText, end_of, start_of};
pub(crate) use walk::{LANDING_FRAMES, MAX_FRAMES, NO_FRAME, RawWalk, ThreadStart, WalkEnd, WalkSource};
pub(crate) use worded::worded;
