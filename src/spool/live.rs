//! The spool of this process: what changes in it while the process runs.
//!
//! Runs on: panicking threads (landings, losses), the writer (everything else). Must not: be touched in a forked
//! child, which shares the memory with its parent; `Probes` and `LossCounters` see to that.

use core::mem::offset_of;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::facts::Facts;
use super::layout::{self, changing};
use super::owner::identity;
use super::reader::{LogPosition, facts_checksum, log_checksum};
use crate::channel::SlotRoom;
use crate::files::calls;
use crate::probe::LandingNotes;
use crate::record::LossMirror;
use crate::sys::clock::wall_ns;
use crate::sys::fork;
use crate::sys::mmap::Region;

/// The start of the file, as it is written while the process runs. Every field is atomic, so any bytes that another
/// process may put there are a valid value.
#[repr(C)]
struct Head {
    /// The fixed header.
    _fixed: [AtomicU64; 15],
    flags: AtomicU32,
    _reserved: AtomicU32,
    losses: LossMirror,
    /// Two copies; the last two words of each are not used.
    log: [[AtomicU64; 8]; 2],
}

const _: () = {
    assert!(offset_of!(Head, flags) == changing::FLAGS, "the layout is documented");
    assert!(offset_of!(Head, losses) == changing::LOSSES, "the layout is documented");
    assert!(offset_of!(Head, log) == changing::LOG, "the layout is documented");
    assert!(size_of::<[AtomicU64; 8]>() == changing::LOG_STRIDE, "the layout is documented");
};

/// Numbers of panics that landed, for whoever comes after this process.
#[derive(Debug)]
pub(crate) struct Landings {
    entries: &'static [AtomicU64; layout::LANDINGS],
    /// [`fork::generation`] of the process that owns them.
    home: u32,
}

impl LandingNotes for Landings {
    fn landed(&self, sequence: u64) {
        self.change(sequence, sequence | layout::UNWINDING, sequence);
    }

    fn thrown_again(&self, sequence: u64) {
        self.change(sequence, sequence, sequence | layout::UNWINDING);
    }
}

impl Landings {
    /// By the hook, before it publishes the record.
    ///
    /// # Cost
    /// One store.
    pub(crate) fn raised(&self, sequence: u64) {
        if let Some(entry) = self.entry(sequence) {
            entry.store(sequence | layout::UNWINDING, Ordering::Relaxed);
        }
    }

    /// Another panic may have taken the entry meanwhile; then nothing is known of this one.
    fn change(&self, sequence: u64, from: u64, to: u64) {
        if let Some(entry) = self.entry(sequence) {
            let _ours = entry.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    fn entry(&self, sequence: u64) -> Option<&AtomicU64> {
        let at = usize::try_from(sequence).ok()?.checked_rem(layout::LANDINGS)?;
        self.entries.get(at).filter(|_| self.home == fork::generation())
    }
}

/// The spool of this process. Lives as long as the process.
pub(crate) struct LiveSpool {
    region: Arc<Region>,
    head: &'static Head,
    pub(crate) landings: Landings,
    /// Holds the lock. Never closed.
    file: File,
    /// `None` when the memory has no name.
    path: Option<PathBuf>,
    /// Absolute.
    log: Option<PathBuf>,
    /// Of the log position, and of the facts.
    generations: [AtomicU64; 2],
    removed: AtomicBool,
}

impl LiveSpool {
    /// Takes the mapping of a file whose fixed header is written. The mapping is never given back.
    pub(super) fn new(
        region: Arc<Region>,
        file: File,
        path: Option<PathBuf>,
        log: Option<PathBuf>,
    ) -> Option<Self> {
        if region.len() < layout::SLOTS_AT {
            return None;
        }
        // Kept for ever: panicking threads may look at it until the last instant of the process.
        core::mem::forget(region.clone());
        let start = region.start();
        // SAFETY: the region is longer than a `Head`, aligned to a page, and never unmapped, because one count of
        // it was forgotten above. All fields are atomic.
        let head: &'static Head = unsafe { start.cast::<Head>().as_ref() };
        // SAFETY: the landings lie within the region; checked above.
        let landings = unsafe { start.add(layout::LANDINGS_AT) }.cast::<[AtomicU64; layout::LANDINGS]>();
        // SAFETY: as for `head`; the offset is a multiple of 8.
        let entries: &'static _ = unsafe { landings.as_ref() };
        let landings = Landings { entries, home: fork::generation() };
        let generations = [const { AtomicU64::new(0) }; 2];
        Some(Self { region, head, landings, file, path, log, generations, removed: AtomicBool::new(false) })
    }

    /// Where the slots go.
    pub(crate) fn room(&self) -> SlotRoom {
        SlotRoom { region: self.region.clone(), at: layout::SLOTS_AT }
    }

    /// Loss counters that outlive the process.
    pub(crate) fn losses(&self) -> &'static LossMirror {
        &self.head.losses
    }

    /// The file of the lines.
    pub(crate) fn log(&self) -> Option<&Path> {
        self.log.as_deref()
    }

    /// The `process` line is in the log.
    pub(crate) fn process_line_is_written(&self) {
        self.head.flags.fetch_or(layout::FLAG_PROCESS_LINE, Ordering::Release);
    }

    /// Landings are noted from now on.
    pub(crate) fn landings_are_noted(&self) {
        self.head.flags.fetch_or(layout::FLAG_LANDINGS, Ordering::Release);
    }

    /// By the writer, before lines: notes where the log ends. It only grows, so any earlier end does, too.
    ///
    /// # Cost
    /// One system call.
    pub(crate) fn note_log(&self) {
        let Some(metadata) = self.log.as_ref().and_then(|log| calls::stat(log).ok()) else { return };
        let (device, inode) = identity(&metadata);
        let position = LogPosition { device, inode, offset: metadata.len(), noted_ns: wall_ns() };
        let generation = next(&self.generations[0]);
        let copy = if generation.is_multiple_of(2) { &self.head.log[0] } else { &self.head.log[1] };
        let LogPosition { offset, noted_ns, .. } = position;
        let words = [generation, device, inode, offset, noted_ns, log_checksum(generation, position)];
        for (place, word) in copy.iter().zip(words) {
            place.store(word, Ordering::Relaxed);
        }
    }

    /// By the writer: what a later process must know.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn write_facts(&self, facts: &Facts) -> io::Result<()> {
        let text = facts.to_bytes(layout::FACTS_BYTES - layout::FACTS_HEAD);
        let text = text.ok_or(io::ErrorKind::FileTooLarge)?;
        let generation = next(&self.generations[1]);
        let mut bytes = Vec::with_capacity(layout::FACTS_HEAD + text.len());
        bytes.extend_from_slice(&generation.to_ne_bytes());
        bytes.extend_from_slice(&(text.len() as u64).to_ne_bytes());
        bytes.extend_from_slice(&facts_checksum(generation, &text).to_ne_bytes());
        bytes.extend_from_slice(&text);
        let copy = usize::from(generation % 2 == 1);
        calls::write_all_at(&self.file, &bytes, (layout::FACTS_AT + copy * layout::FACTS_BYTES) as u64)
    }

    /// Takes the name away: everything is written. The memory stays.
    pub(crate) fn remove(&self) {
        if self.removed.swap(true, Ordering::Relaxed) {
            return;
        }
        if let Some(path) = &self.path {
            // Somebody else may have removed it; that is what was wanted.
            let _removed = calls::unlink(path);
        }
    }
}

/// The writer alone counts.
fn next(generation: &AtomicU64) -> u64 {
    generation.fetch_add(1, Ordering::Relaxed) + 1
}
