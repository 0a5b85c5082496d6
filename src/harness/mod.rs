//! Test harnesses that are audited: which test a panic belongs to, and what the harness says of its tests.
//!
//! Runs on: the writer thread. Must not: take the test that happens to run now for the one that is meant.
//!
//! Evidence, strongest first: the stack of the panic goes through libtest into a test; a frame of it is a known
//! test's; the payload is thrown again on such a stack; a test started the thread, itself or through others. Without
//! any of them the test is unknown, with the reason.

mod attribute;
mod frames;
mod owner;
mod threads;

use std::collections::VecDeque;

use threads::Threads;

pub(crate) use attribute::Scene;
pub(crate) use libtest_output::{Reader, Said, Word};

use crate::probe::harness_notes::{HarnessNotes, Noted};
use crate::probe::{Entry, Event};
use crate::record::finding::Finding;

/// Everything known of the tests of this process.
pub(crate) struct Harness {
    pub(crate) notes: &'static HarnessNotes,
    /// Losses of the notes that were taken into account.
    lost: u64,
    threads: Threads,
    reader: Reader,
    /// What it said and nobody has taken yet.
    pub(crate) said: Vec<Said>,
    /// Panics whose test is not known, for another look at the end; oldest first.
    open: VecDeque<(u64, Scene)>,
    /// Whether starts of threads are seen.
    watches_threads: bool,
    lingering: lingering::Lingering,
    /// Panics that called no hook, until it is known why.
    pub(crate) unhooked: Vec<Finding>,
    /// libtest is done, and has dropped the hooks of the process.
    pub(crate) is_over: bool,
}

impl Harness {
    /// For the process with these notes. `watches_threads`: whether the probe for starts of threads works.
    pub(crate) fn new(notes: &'static HarnessNotes, watches_threads: bool) -> Self {
        let mut threads = Threads::new(notes.main);
        let exe = std::env::current_exe().ok();
        let stem = exe.as_ref().and_then(|exe| exe.file_stem()).and_then(|stem| stem.to_str());
        if let Some(krate) = stem.and_then(attribute::crate_of_binary) {
            threads.suppose_crate(krate);
        }
        Self {
            notes,
            lost: 0,
            threads,
            reader: Reader::default(),
            said: Vec::new(),
            open: VecDeque::new(),
            watches_threads,
            lingering: lingering::Lingering::default(),
            unhooked: Vec::new(),
            is_over: false,
        }
    }

    /// A probe's event, as soon as it is out of its queue.
    pub(crate) fn saw(&mut self, entry: &Entry) {
        let stamp = entry.stamp;
        match entry.event {
            Event::Started { .. } => _ = self.threads.known.began(stamp.thread, stamp.tid, stamp.mono_ns),
            Event::Exited => self.threads.known.ended(stamp.thread, stamp.mono_ns),
            _ => {}
        }
    }

    /// Some events were lost.
    pub(crate) fn events_lost(&mut self) {
        self.threads.gaps = true;
    }

    /// Takes the notes out of their queue.
    pub(crate) fn collect(&mut self) {
        while let Some(note) = self.notes.try_receive() {
            match note.what {
                Noted::Spawn { .. } => self.threads.spawning(&note),
                Noted::Output { cut } => {
                    for said in self.reader.read(note.output(), cut, note.mono_ns) {
                        match &said.what {
                            Word::Planned(number) => _ = self.threads.planned.get_or_insert(*number),
                            Word::Finished { name, .. } => self.threads.finished(name, said.mono_ns),
                            Word::Ended => {}
                        }
                        self.said.push(said);
                    }
                }
            }
        }
        let lost = self.notes.lost();
        if lost != self.lost {
            self.lost = lost;
            self.threads.gaps = true;
        }
    }
}

mod libtest_output;
mod lingering;
#[cfg(test)]
mod tests;
