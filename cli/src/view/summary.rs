//! The last line: what all of it comes to.
//!
//! Runs on: the main thread. Must not: hide that something is missing.

use crate::screen::Paint;
use crate::story::{Complaints, Gather, Process, Story, words};

/// Counts of what was shown.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    incidents: u64,
    panics: u64,
    silent: u64,
    swallowed: u64,
    fatal: u64,
    open: u64,
    notes: u64,
    hidden: u64,
}

impl Summary {
    pub(crate) fn shown(&mut self, story: &Story) {
        let Story::Incident(incident) = story else {
            self.notes += 1;
            return;
        };
        self.incidents += 1;
        let panics = (incident.panics.len() as u64).saturating_add(incident.repeats);
        self.panics = self.panics.saturating_add(panics);
        self.silent += u64::from(incident.is_silent());
        self.swallowed += u64::from(!incident.is_silent() && incident.is_swallowed());
        self.fatal += u64::from(
            incident.panics.iter().any(|told| told.word.level == panic_agent::record::Level::Fatal),
        );
        self.open += u64::from(incident.panics.iter().any(|told| told.word.silent.is_none()));
    }

    pub(crate) fn hidden(&mut self, story: &Story) {
        if let Story::Incident(incident) = story {
            self.passed_over(incident.panics.len() as u64);
        }
    }

    /// Panics that the filters hide.
    pub(crate) fn passed_over(&mut self, panics: u64) {
        self.hidden = self.hidden.saturating_add(panics);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.incidents == 0 && self.notes == 0
    }

    /// One line, with what was left out.
    pub(crate) fn line(&self, gather: &Gather, complaints: &Complaints) -> String {
        let mut parts = vec![format!(
            "{} in {}",
            words::count(self.panics, "panic"),
            words::count(self.incidents, "incident")
        )];
        let mut part = |number: u64, paint: Paint, what: &str| {
            if number > 0 {
                parts.push(paint.on(format!("{number} {what}")));
            }
        };
        part(self.silent, Paint::Alarm, "silent");
        part(self.swallowed, Paint::Warning, "swallowed");
        part(self.fatal, Paint::Alarm, "ended the process");
        part(self.open, Paint::Warning, "with something unknown");
        part(self.notes, Paint::Warning, if self.notes == 1 { "note" } else { "notes" });
        let lost: u64 = gather.processes().map(Process::lost).fold(0, u64::saturating_add);
        part(lost, Paint::Alarm, "reports lost by the agents");
        part(self.hidden, Paint::Faint, "more not shown (filters)");
        part(complaints.total(), Paint::Faint, "lines left out");
        format!("{}\n", parts.join(", "))
    }
}
