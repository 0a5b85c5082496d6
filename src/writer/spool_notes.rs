//! What the writer notes in the spool while the process runs.
//!
//! Runs on: the writer thread. Must not: fail; a spool that cannot be written is worth less, and nothing else.

use crate::channel::layout;
use crate::record::ProcessLine;
use crate::report::process_view::Surroundings;
use crate::spool::{Facts, LiveSpool};

/// Generations of process-wide labels that are kept.
const LABELS_KEPT: usize = 8;

/// The spool, and what was said in it last.
pub(crate) struct Spooled {
    live: &'static LiveSpool,
    facts: Facts,
    /// Generations of labels and images in the facts.
    said: (u32, u32),
}

impl Spooled {
    pub(crate) fn new(live: &'static LiveSpool, redacted: bool, max_report_bytes: usize) -> Self {
        let log = live.log().map(ToOwned::to_owned);
        let facts = Facts { log, redacted, max_report_bytes, ..Facts::default() };
        Self { live, facts, said: (u32::MAX, u32::MAX) }
    }

    /// The agent starts; this is about to be its first line.
    pub(crate) fn starts(&mut self, line: &ProcessLine, surroundings: &dyn Surroundings) {
        self.facts.process = Some(line.clone());
        self.refresh(surroundings);
        self.live.note_log();
    }

    /// That line is written.
    pub(crate) fn started(&self) {
        self.live.say(layout::FLAG_PROCESS_LINE);
    }

    /// Lines are about to be written.
    pub(crate) fn before_lines(&self) {
        self.live.keep_lock();
        self.live.note_log();
    }

    /// Says what changed, if anything did.
    ///
    /// # Cost
    /// Two loads when nothing did.
    pub(crate) fn refresh(&mut self, surroundings: &dyn Surroundings) {
        let now = (surroundings.labels_generation(), surroundings.images_generation());
        if now == self.said {
            return;
        }
        self.said = now;
        let (labels, images) = now;
        let known = self.facts.labels.iter().any(|(generation, _)| *generation == labels);
        if let Some(texts) = surroundings.process_labels(Some(labels)).filter(|_| !known) {
            self.facts.labels.push((labels, (*texts).clone()));
            let over = self.facts.labels.len().saturating_sub(LABELS_KEPT);
            self.facts.labels.drain(..over);
        }
        self.facts.images_generation = images;
        self.facts.images = surroundings.images();
        // What a later process then lacks it says itself: labels and images are not known.
        self.live.write_facts(&self.facts).ok();
    }
}
