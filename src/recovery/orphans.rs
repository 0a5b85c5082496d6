//! Finds the spools of dead processes, and lets one recovery at a time have each.
//!
//! Runs on: recoveries. Must not: open the spool of its own process (closing it would end the lock), follow a
//! link, read a file of another user, or look where another user can replace files.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::reader::{self, Contents, SpoolError};
use crate::channel::layout;
use crate::channel::layout::slot;
use crate::files::{FileTrust, Last, own_alone, resolve_directory, syscalls};
use crate::spool::Place;
use crate::spool::create::{is_unfinished, pid_in_name};
use crate::spool::process_identity::{Life, boot_word, identity, maps};
use crate::sys::own_file::OwnFile;
use crate::sys::spool_file::{self, Lock};
use crate::sys::user;

/// Bytes of a spool with the most slots.
const LONGEST: u64 = layout::file_bytes(crate::config::MAX_SLOTS + crate::channel::RESERVE) as u64;

/// Time in which a spool is made of which no lock tells.
const MAKING: Duration = Duration::from_secs(3600);

/// A spool whose process is gone. While it lives nobody else recovers it.
#[derive(Debug)]
pub(crate) struct DeadSpool {
    pub(crate) path: PathBuf,
    pub(crate) contents: Contents,
    /// Holds the lock.
    file: OwnFile,
}

/// What a file that is named like a spool turned out to be.
#[derive(Debug)]
pub(crate) enum Search {
    Dead(Box<DeadSpool>),
    /// Its process lives, or somebody else is recovering it.
    InUse,
    /// Not a spool that this build can read. It is left where it is.
    Unreadable(SpoolError),
    /// Nothing was in it: its process died while it made it. It is gone now.
    NeverUsed,
}

/// Files in a place that are named like spools of its log, or of any log when there is none.
pub(crate) fn find(place: &Place, any_log: bool) -> io::Result<Vec<PathBuf>> {
    let log_name = place.log_name();
    let mut found = Vec::new();
    for entry in syscalls::list(&place.directory)? {
        let log_name = if any_log { log_part(&entry).unwrap_or_default() } else { log_name };
        if pid_in_name(&entry, log_name).is_some() {
            found.push(place.directory.join(entry));
        }
    }
    found.sort();
    Ok(found)
}

/// The part of a spool's name that names its log.
fn log_part(name: &OsStr) -> Option<&OsStr> {
    let (name, infix) = (name.as_bytes(), crate::spool::INFIX.as_bytes());
    let at = name.windows(infix.len()).rposition(|part| part == infix)?;
    name.get(..at).map(OsStr::from_bytes)
}

/// The log beside a spool, to which it belongs by its name.
pub(crate) fn log_of(spool: &Path) -> Option<PathBuf> {
    Some(spool.with_file_name(log_part(spool.file_name()?)?))
}

impl DeadSpool {
    /// Looks at one file.
    ///
    /// # Errors
    /// When the file cannot be opened or read, or lies where another user can replace it.
    /// [`io::ErrorKind::NotFound`]: somebody else has recovered it.
    pub(crate) fn open(path: &Path, trust: FileTrust) -> io::Result<Search> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let directory = resolve_directory(path.parent().unwrap_or(Path::new("/")), trust)?;
        let path = &directory.path.join(name);
        let before = syscalls::lstat(path)?;
        if !before.is_file() || before.uid() != user::effective_id() {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "not a file of this user"));
        }
        // Also where that cannot be read: closing a file of one's own would end its lock.
        if maps("self", before.ino()) != Some(false) {
            return Ok(Search::InUse);
        }
        let flags = libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_NONBLOCK;
        let file = syscalls::open(File::options().read(true).write(true).custom_flags(flags), path)?;
        let metadata = syscalls::fstat(&file)?;
        if identity(&metadata) != identity(&before) {
            return Ok(Search::InUse);
        }
        if directory.last == Last::Shared {
            own_alone(path, &metadata)?;
        }
        let lock = spool_file::lock_for_file(&file);
        if lock == Lock::Held {
            return Ok(Search::InUse);
        }
        // Somebody may have recovered and removed it between the look and the lock.
        if syscalls::lstat(path).map(|now| identity(&now))? != identity(&metadata) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let bytes = syscalls::read_to_end(&file, LONGEST)?;
        let contents = match reader::read(&bytes) {
            Ok(contents) => contents,
            Err(SpoolError::NotASpool) if is_unfinished(path.as_os_str()) => {
                return Self::never_used(path, lock == Lock::Taken, &metadata);
            }
            // Keeps a name free where there are no hard links, and is about to be replaced.
            Err(SpoolError::NotASpool) if bytes.is_empty() => {
                return Self::never_used(path, false, &metadata);
            }
            Err(error) => return Ok(Search::Unreadable(error)),
        };
        // The lock alone does not tell where the file system has none, or when the process closed what it did not
        // open.
        match (contents.owner.life(metadata.ino()), lock) {
            // Of a process in another container only the lock tells.
            (Life::Gone, _) | (Life::Elsewhere, Lock::Taken) => {
                Ok(Search::Dead(Box::new(Self { path: path.clone(), contents, file })))
            }
            _ => Ok(Search::InUse),
        }
    }

    /// `unlocked`: who makes a spool locks it first, and begins anew if the file is gone before that.
    fn never_used(path: &Path, unlocked: bool, metadata: &fs::Metadata) -> io::Result<Search> {
        let is_old = || metadata.modified().ok()?.elapsed().ok().map(|age| age > MAKING);
        if !unlocked && is_old() != Some(true) {
            return Ok(Search::InUse);
        }
        syscalls::unlink(path)?;
        Ok(Search::NeverUsed)
    }

    /// Numbers of panics whose lines an earlier recovery wrote, in this boot: the log has them, or had them. After
    /// another boot they may never have reached the disk.
    pub(crate) fn written_before(&self) -> impl Iterator<Item = u64> {
        let boot = boot_word();
        let written = self.contents.records.iter().filter(move |found| boot != 0 && found.written_in == boot);
        written.map(|found| found.record.sequence)
    }

    /// The lines of the record in this slot are written. Said in the spool itself, because the log may be gone before
    /// somebody else goes on from here.
    pub(crate) fn mark_written(&self, number: u32) {
        let at = (layout::SLOTS_AT + number as usize * self.contents.slot_bytes) as u64;
        let boot = boot_word().to_ne_bytes();
        let marked =
            syscalls::write_all_at(&self.file, &boot, at + slot::RECOVERED_IN as u64).and_then(|()| {
                syscalls::write_all_at(&self.file, &slot::RECOVERED.to_ne_bytes(), at + slot::STATE as u64)
            });
        // Else the log tells.
        let _marked = marked;
    }

    /// Removes the file: everything in it is on disk elsewhere. The lock ends after that.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub(crate) fn remove(self) -> io::Result<()> {
        let removed = syscalls::unlink(&self.path);
        drop(self.file);
        removed
    }
}
