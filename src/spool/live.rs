//! The spool of this process: what changes in it while the process runs.
//!
//! Runs on: panicking threads (landings, losses), the writer (everything else). Must not: be touched in a forked
//! child, which shares the memory with its parent; `Probes` and `LossCounters` see to that.

use core::mem::offset_of;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::checksums::{LogPosition, facts_checksum, log_checksum};
use super::process_facts::Facts;
use super::process_identity::identity;
use crate::channel::layout::changing;
use crate::channel::{Extend, SlotRoom, layout};
use crate::files::syscalls;
use crate::probe::LandingNotes;
use crate::record::LossMirror;
use crate::sys::clock::wall_ns;
use crate::sys::fork;
use crate::sys::mmap::Region;
use crate::sys::own_file::OwnFile;
use crate::sys::spool_file::{self, Lock};

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

/// Words of one copy of the facts.
const FACTS_WORDS: usize = layout::FACTS_BYTES / 8;

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
    /// Two copies.
    facts: &'static [[AtomicU64; FACTS_WORDS]; 2],
    /// Holds the lock; never closed by the agent. Locked by the writer alone.
    file: Mutex<OwnFile>,
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
    pub(crate) fn new(
        region: Arc<Region>,
        file: OwnFile,
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
        // SAFETY: the facts lie within the region, before the landings.
        let facts = unsafe { start.add(layout::FACTS_AT) }.cast::<[[AtomicU64; FACTS_WORDS]; 2]>();
        // SAFETY: as for `head`; the offset is a multiple of 8.
        let facts: &'static _ = unsafe { facts.as_ref() };
        let file = Mutex::new(file);
        let generations = [const { AtomicU64::new(0) }; 2];
        let removed = AtomicBool::new(false);
        Some(Self { region, head, landings, facts, file, path, log, generations, removed })
    }

    /// Where the slots go.
    pub(crate) fn room(&'static self) -> SlotRoom {
        // Memory without a name is as long as it will ever be, and takes pages as they are touched.
        let extend = self.path.as_ref().map(|_| -> Extend { Box::new(|len| self.extend(len)) });
        SlotRoom { region: self.region.clone(), at: layout::SLOTS_AT, extend }
    }

    /// By the writer: gives the file this length; whether that worked.
    fn extend(&self, len: usize) -> bool {
        self.keep_lock();
        let file = self.file.lock();
        file.is_ours() && spool_file::reserve(&file, len).is_ok()
    }

    /// Loss counters that outlive the process.
    pub(crate) fn losses(&self) -> &'static LossMirror {
        &self.head.losses
    }

    /// The file of the lines.
    pub(crate) fn log(&self) -> Option<&Path> {
        self.log.as_deref()
    }

    /// One of the flags of [`layout`] holds from now on.
    pub(crate) fn say(&self, flag: u32) {
        self.head.flags.fetch_or(flag, Ordering::Release);
    }

    /// By the writer, before lines: notes where the log ends. It only grows, so any earlier end does, too.
    ///
    /// # Cost
    /// One system call.
    pub(crate) fn note_log(&self) {
        let Some(metadata) = self.log.as_ref().and_then(|log| syscalls::stat(log).ok()) else { return };
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
    /// When they are too long.
    pub(crate) fn write_facts(&self, facts: &Facts) -> io::Result<()> {
        let text = facts.to_bytes(layout::FACTS_BYTES - layout::FACTS_HEAD);
        let text = text.ok_or(io::ErrorKind::FileTooLarge)?;
        let generation = next(&self.generations[1]);
        let mut bytes = Vec::with_capacity(layout::FACTS_HEAD + text.len());
        bytes.extend_from_slice(&generation.to_ne_bytes());
        bytes.extend_from_slice(&(text.len() as u64).to_ne_bytes());
        bytes.extend_from_slice(&facts_checksum(generation, &text).to_ne_bytes());
        bytes.extend_from_slice(&text);
        let copy = if generation % 2 == 1 { &self.facts[1] } else { &self.facts[0] };
        // Through the memory: the descriptor may be gone.
        for (word, bytes) in copy.iter().zip(bytes.chunks(8)) {
            let mut whole = [0; 8];
            whole[..bytes.len()].copy_from_slice(bytes);
            word.store(u64::from_ne_bytes(whole), Ordering::Relaxed);
        }
        Ok(())
    }

    /// By the writer, before lines: a program that closed descriptors which it did not open has ended the lock. It is
    /// taken again, through the path.
    ///
    /// # Cost
    /// One system call.
    pub(crate) fn keep_lock(&self) {
        let mut file = self.file.lock();
        let Some(path) = self.path.as_ref().filter(|_| !file.is_ours()) else { return };
        if self.removed.load(Ordering::Relaxed) {
            return;
        }
        let mut options = File::options();
        options.read(true).write(true).custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_NONBLOCK);
        // Without it a recovery still sees that this process has the file mapped.
        let Ok(again) = syscalls::open(&options, path) else { return };
        if again.is_same(&file) && spool_file::lock_for_process(&again) != Lock::Held {
            *file = again;
        }
    }

    /// Takes the name away: everything is written. The memory stays.
    pub(crate) fn remove(&self) {
        if self.removed.swap(true, Ordering::Relaxed) {
            return;
        }
        if let Some(path) = &self.path {
            // Somebody else may have removed it; that is what was wanted.
            let _removed = syscalls::unlink(path);
        }
    }
}

/// The writer alone counts.
fn next(generation: &AtomicU64) -> u64 {
    generation.fetch_add(1, Ordering::Relaxed) + 1
}

#[cfg(all(test, not(miri)))]
mod tests {
    use std::os::fd::AsRawFd as _;

    use super::*;
    use crate::files::testing::Dir;
    use crate::spool::tests::spool;

    #[test]
    fn a_lock_that_the_program_has_ended_is_taken_again() {
        let dir = Dir::new("lock");
        let (live, _channel, path) = spool(&dir);
        let number = live.file.lock().as_raw_fd();
        let nowhere = File::open("/dev/null").unwrap();
        // A lock of the process excludes one of the file, also within the process.
        let is_held = || {
            let file = std::mem::ManuallyDrop::new(File::options().write(true).open(&path).unwrap());
            let held = spool_file::lock_for_file(&file) == Lock::Held;
            // Not closed while it is held, which would end the lock of the process.
            (!held).then(|| std::mem::ManuallyDrop::into_inner(file));
            held
        };
        live.keep_lock();
        assert!(is_held() && live.file.lock().as_raw_fd() == number, "nothing has happened");
        // SAFETY: numbers only; what was open there belongs to the spool, which is to find that out.
        assert_eq!(unsafe { libc::dup2(nowhere.as_raw_fd(), number) }, number);
        assert!(!is_held());
        live.keep_lock();
        assert!(is_held() && live.file.lock().as_raw_fd() != number);
        assert!(!live.removed.load(Ordering::Relaxed));
    }
}
