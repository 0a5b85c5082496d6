//! What is shown as one story: an incident, or something about a process that concerns no panic.
//!
//! Runs on: the main thread. Must not: know how it is shown.

use std::sync::Arc;

use panic_agent::record::{
    DeathLine, EndLine, FindingLine, Head, LossesLine, PanicId, ProcessLine, RepeatsLine,
};

use super::{At, Told};

/// A chain of panics; one that stands alone is a chain of one.
#[derive(Clone, Debug)]
pub(crate) struct Incident {
    pub(crate) id: PanicId,
    /// In the order of their numbers: the root cause first. Never empty.
    pub(crate) panics: Vec<Told>,
    /// Panics that were counted but not written, by `repeats` lines that name one of these.
    pub(crate) repeats: u64,
    /// Whether the chain begins with a panic that is not in what was read.
    pub(crate) headless: bool,
    /// Whether its beginning was told before.
    pub(crate) continued: bool,
}

impl Incident {
    pub(crate) fn new(id: PanicId, told: Told) -> Self {
        let headless = told.id != id;
        Self { id, panics: vec![told], repeats: 0, headless, continued: false }
    }

    pub(crate) fn push(&mut self, told: Told) {
        let at = self.panics.partition_point(|other| other.id < told.id);
        self.headless &= told.id != self.id;
        self.continued &= self.headless;
        self.panics.insert(at, told);
    }

    /// The panic that everything began with.
    pub(crate) fn root(&self) -> Option<&Told> {
        self.panics.first()
    }

    pub(crate) fn find(&mut self, id: PanicId) -> Option<&mut Told> {
        self.panics.iter_mut().find(|told| told.id == id)
    }

    /// Whether nobody learned of one of its panics, and none of the later ones carried it on.
    pub(crate) fn is_silent(&self) -> bool {
        self.panics.iter().any(Told::is_silent)
    }

    /// Whether the error of one of them was thrown away unread.
    pub(crate) fn is_swallowed(&self) -> bool {
        self.panics.iter().any(|told| told.word.swallowed == Some(true))
    }
}

/// What concerns a process and no panic.
#[derive(Clone, Debug)]
pub(crate) enum Note {
    Finding(Arc<FindingLine>),
    /// Panics that were counted, where the one that they repeat is not in what was read.
    Repeats(Arc<RepeatsLine>),
    /// The end of a process, as its supervisor told it.
    Death(Arc<DeathLine>),
}

impl Note {
    /// What its line begins with.
    pub(crate) fn head(&self) -> &Head {
        match self {
            Self::Finding(line) => &line.head,
            Self::Repeats(line) => &line.head,
            Self::Death(line) => &line.head,
        }
    }
}

/// One thing to show.
#[derive(Clone, Debug)]
pub(crate) enum Story {
    Incident(Incident),
    Note(Note, At),
}

/// What is known of a process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Process {
    /// Its `process` line; `None` when that is not in what was read.
    pub(crate) line: Option<Arc<ProcessLine>>,
    /// Its last `end` line; `None`: it was killed, still runs, or the line is not in what was read.
    pub(crate) end: Option<Arc<EndLine>>,
    /// Its last `losses` line.
    pub(crate) losses: Option<Arc<LossesLine>>,
    /// Whether it ended without an `end` line, as somebody who recovered its spool found out.
    pub(crate) died: bool,
}

impl Process {
    /// Whether nothing more can be said by it.
    pub(crate) fn is_over(&self) -> bool {
        self.end.is_some() || self.died
    }

    /// Name of its executable.
    pub(crate) fn name(&self) -> Option<&str> {
        Some(&self.line.as_ref()?.image.as_ref()?.name)
    }

    /// Reports that were lost, as its last line says.
    pub(crate) fn lost(&self) -> u64 {
        let folded = |losses: &panic_agent::record::Losses| losses.total().saturating_sub(losses.folded);
        match (&self.end, &self.losses) {
            (Some(end), _) => folded(&end.losses),
            (None, Some(losses)) => folded(&losses.losses),
            (None, None) => 0,
        }
    }
}
