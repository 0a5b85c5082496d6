//! The twin of `live` for systems without spools: none exists.
//!
//! Runs on: nothing. Must not: be made.

use std::io;
use std::path::Path;

use super::Facts;
use crate::channel::SlotRoom;
use crate::probe::LandingNotes;
use crate::record::LossMirror;

/// Notes of landings; none exist here.
#[derive(Debug)]
pub(crate) enum Landings {}

impl Landings {
    /// By the hook.
    pub(crate) fn raised(&self, _: u64) {
        match *self {}
    }
}

impl LandingNotes for Landings {
    fn landed(&self, _: u64) {
        match *self {}
    }

    fn thrown_again(&self, _: u64) {
        match *self {}
    }
}

/// A spool; none exists here.
#[derive(Debug)]
pub(crate) struct LiveSpool {
    pub(crate) landings: Landings,
}

impl LiveSpool {
    /// The log that it was made for.
    pub(crate) fn log(&self) -> Option<&Path> {
        match self.landings {}
    }

    /// The log may have been rotated.
    pub(crate) fn note_log(&self) {
        match self.landings {}
    }

    /// One of the flags holds.
    pub(crate) fn say(&self, _: u32) {
        match self.landings {}
    }

    /// The program may have closed the descriptor.
    pub(crate) fn keep_lock(&self) {
        match self.landings {}
    }

    /// What a later process needs to know.
    pub(crate) fn write_facts(&self, _: &Facts) -> io::Result<()> {
        match self.landings {}
    }

    /// Where the slots go.
    pub(crate) fn room(&self) -> SlotRoom {
        match self.landings {}
    }

    /// Loss counters that outlive the process.
    pub(crate) fn losses(&self) -> &'static LossMirror {
        match self.landings {}
    }

    /// Takes the name away.
    pub(crate) fn remove(&self) {
        match self.landings {}
    }
}
