//! What was seen of a panic after its hook, in short: the evidence that its line gives.
//!
//! Runs on: the writer thread. Must not: grow, or say what `landing`, `received_at` and `reason` say already.

use super::{Change, Lives};
use crate::record::{Evidence, Place, Seen, start_of, worded};
use crate::verdict::life::{DroppedBy, Life, LifeEvent};

/// Things seen that are kept: more happens only to a payload that is thrown again and again. Then the last one takes the
/// place of the one before it.
pub(super) const MARKS: usize = 8;
/// Bytes of the function and of the file that are named.
const NAME_BYTES: usize = 200;

/// When and where something happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moment {
    /// OS thread id; 0 when it happened on none.
    pub(crate) tid: u32,
    /// Monotonic clock; 0 when not known.
    pub(crate) mono_ns: u64,
}

worded! {
    /// Something that is seen of a panic. The words are part of the schema.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(crate) enum Saw {
        /// A catch's landing pad was entered.
        #[default]
        Landed = "landed",
        /// A wrapper of this crate stopped it.
        WrapperCaught = "wrapper_caught",
        /// The payload was thrown once more.
        ThrownAgain = "thrown_again",
        /// The unwinder came back: nothing catches.
        EndOfStack = "end_of_stack",
        /// The unwinding met a frame that must not unwind.
        MetBoundary = "met_boundary",
        /// core said that it aborts the process because of it.
        CoreAborts = "core_aborts",
        /// Its thread runs where its frames cannot be.
        LeftBehind = "left_behind",
        /// The handle of its thread was let go of.
        Detached = "detached",
        /// Its thread was joined.
        Joined = "joined",
        /// The error of a wrapper was handed to the program.
        Handed = "handed",
        /// Its thread ended.
        ThreadEnded = "thread_ended",
        /// The error was examined.
        Read = "read",
        /// Whoever had joined the thread, or been handed the error, dropped it.
        DroppedGiven = "dropped_given",
        /// The root of the dying thread dropped it, because nobody could join any more.
        DroppedByRoot = "dropped_by_root",
        /// It was dropped with the handle of its thread.
        DroppedWithHandle = "dropped_with_handle",
        /// The root of `main` dropped it.
        DroppedByMain = "dropped_by_main",
        /// A wrapper of this crate dropped it, and the program had never had it.
        DroppedByWrapper = "dropped_by_wrapper",
        /// Names tell that the program dropped it.
        DroppedInProgram = "dropped_in_program",
        /// Names tell that a runtime dropped it.
        DroppedInRuntime = "dropped_in_runtime",
        /// It was dropped, and no name tells by whom.
        DroppedUnnamed = "dropped_unnamed",
        /// Another panic carried it on.
        CarriedOn = "carried_on",
        /// A scope may have spawned the thread, and waits for it then.
        ScopeWaits = "scope_waits",
        /// A scope reported the death.
        ScopeSpoke = "scope_spoke",
        /// A scope reported a death, and it may be another.
        ScopeUnclear = "scope_unclear",
        /// The process ended, and the error was still unread.
        ProcessEnded = "process_ended",
    }
}

impl Saw {
    /// What names told of a drop.
    pub(super) fn named(by: DroppedBy) -> Self {
        match by {
            DroppedBy::Program => Self::DroppedInProgram,
            DroppedBy::Runtime => Self::DroppedInRuntime,
            DroppedBy::Unknown => Self::DroppedUnnamed,
        }
    }

    /// In whose code it was dropped, if it says so.
    pub(super) fn dropped_by(self) -> DroppedBy {
        match self {
            Self::DroppedGiven | Self::DroppedInProgram => DroppedBy::Program,
            Self::DroppedByRoot
            | Self::DroppedWithHandle
            | Self::DroppedByMain
            | Self::DroppedByWrapper
            | Self::DroppedInRuntime => DroppedBy::Runtime,
            _ => DroppedBy::Unknown,
        }
    }

    /// Whether the place of the program on that stack tells who threw the error away, and no other field has it.
    fn has_place(self) -> bool {
        matches!(self, Self::DroppedWithHandle | Self::DroppedByWrapper | Self::DroppedInRuntime)
    }

    /// Whether `landing`, `received_at` and `reason` say it.
    fn is_plain(self) -> bool {
        matches!(self, Self::Landed | Self::Read | Self::DroppedInProgram | Self::DroppedUnnamed)
    }

    /// What an event adds to what is known of a life, in so far as the event alone tells.
    fn of(event: &LifeEvent, life: &Life) -> Option<Self> {
        match event {
            LifeEvent::Thrown { .. } if life.was_thrown() => Some(Self::ThrownAgain),
            LifeEvent::Landed(_) => Some(Self::Landed),
            LifeEvent::Wrapped(_) => Some(Self::WrapperCaught),
            LifeEvent::EndOfStack if !life.is_doomed() => Some(Self::EndOfStack),
            LifeEvent::LeftBehind if life.is_under_way() => Some(Self::LeftBehind),
            LifeEvent::Read(_) if life.is_untouched() => Some(Self::Read),
            LifeEvent::Carried => Some(Self::CarriedOn),
            LifeEvent::AwaitsScope => Some(Self::ScopeWaits),
            LifeEvent::ScopeObserved => Some(Self::ScopeSpoke),
            LifeEvent::ScopeAmbiguous => Some(Self::ScopeUnclear),
            // Without probes that is all that is seen of any panic.
            LifeEvent::ProcessEnds { watched: true } if life.is_untouched() && !life.is_doomed() => {
                Some(Self::ProcessEnded)
            }
            _ => None,
        }
    }
}

/// One thing seen.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    saw: Saw,
    at: Moment,
}

/// What was seen of one panic, in the order in which the writer learned of it.
#[derive(Debug, Default)]
pub(super) struct Trail {
    marks: [Mark; MARKS],
    len: usize,
    /// Where the program threw away what held the error.
    dropped_at: Option<Box<Place>>,
}

impl Trail {
    /// Adds what an event tells of a life, before the life takes it.
    pub(super) fn follow(&mut self, event: &LifeEvent, life: &Life, at: Moment) {
        if let Some(saw) = Saw::of(event, life) {
            self.push(saw, at);
        }
    }

    pub(super) fn push(&mut self, saw: Saw, at: Moment) {
        let next = self.len.min(MARKS.saturating_sub(1));
        if let Some(mark) = self.marks.get_mut(next) {
            *mark = Mark { saw, at };
            self.len = next.saturating_add(1);
        }
    }

    /// The payload was dropped.
    pub(super) fn dropped(&mut self, saw: Saw, at: Moment, place: &Place) {
        self.push(saw, at);
        if saw.has_place() && (place.function.is_some() || place.file.is_some()) {
            self.dropped_at = Some(Box::new(place.clone()));
        }
    }

    fn marks(&self) -> &[Mark] {
        self.marks.get(..self.len).unwrap_or_default()
    }

    /// Whether it landed and was read or dropped there, and nothing else was seen: other fields say that.
    fn is_plain(&self) -> bool {
        self.marks().iter().all(|mark| mark.saw.is_plain())
    }

    fn seen(&self, raised: Moment) -> Vec<Seen> {
        let cut = |text: &String| start_of(text, NAME_BYTES).to_owned();
        let seen = |mark: &Mark| {
            let Moment { tid, mono_ns } = mark.at;
            let place = self.dropped_at.as_ref().filter(|_| mark.saw.has_place());
            Seen {
                what: mark.saw.word().to_owned(),
                us: (mono_ns != 0).then(|| mono_ns.saturating_sub(raised.mono_ns) / 1000),
                os_thread: Some(tid).filter(|tid| *tid != 0 && *tid != raised.tid),
                function: place.and_then(|place| place.function.as_ref().map(cut)),
                file: place.and_then(|place| place.file.as_ref().map(cut)),
                line: place.and_then(|place| place.line),
            }
        };
        self.marks().iter().map(seen).collect()
    }
}

impl Lives {
    /// What happens next happens there and then.
    pub(crate) fn at(&mut self, tid: u32, mono_ns: u64) {
        self.now = Moment { tid, mono_ns };
    }

    /// Something was seen of a panic.
    pub(super) fn saw(&mut self, sequence: u64, saw: Saw) {
        let now = self.now;
        if let Some(kept) = self.kept.get_mut(&sequence) {
            kept.trail.push(saw, now);
        }
    }

    /// What a verdict that was just said rests on; `None` where its other fields say it all.
    pub(crate) fn evidence(&self, change: &Change) -> Option<Evidence> {
        let kept = self.kept.get(&change.sequence)?;
        let outcome = &change.outcome;
        let unseen = || kept.life.unseen();
        if kept.trail.is_plain() && unseen().all(|word| outcome.reason == Some(word)) {
            return None;
        }
        // Not of whoever threw it again.
        let raised = kept.raise.as_ref().map(|raise| Moment { tid: raise.tid, mono_ns: raise.mono_ns });
        Some(Evidence {
            rule: kept.life.rule(outcome.fate, outcome.receipt).word().to_owned(),
            seen: kept.trail.seen(raised.unwrap_or_default()),
            unseen: unseen().map(str::to_owned).collect(),
        })
    }
}
