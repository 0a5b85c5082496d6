//! Finds the spools of dead processes, and lets one recovery at a time have each.
//!
//! Runs on: recoveries. Must not: open the spool of its own process (closing it would end the lock), follow a
//! link, or read a file of another user.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::Place;
use super::create::{is_unfinished, pid_in_name};
use super::layout;
use super::owner::{Life, identity, maps};
use super::reader::{self, Contents, SpoolError};
use crate::sys::spool_file::{self, Lock};

/// Bytes of a spool with the most slots.
const LONGEST: u64 = layout::file_bytes(crate::config::MAX_SLOTS) as u64;

/// A spool whose process is gone. While it lives nobody else recovers it.
#[derive(Debug)]
pub(crate) struct DeadSpool {
    pub(crate) path: PathBuf,
    pub(crate) contents: Contents,
    /// Holds the lock.
    file: File,
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
    for entry in fs::read_dir(&place.directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let log_name = if any_log { log_part(&name).unwrap_or_default() } else { &log_name };
        if pid_in_name(&name, log_name).is_some() {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// The part of a spool's name that names its log.
fn log_part(name: &str) -> Option<&str> {
    name.rsplit_once(super::INFIX).map(|(log, _)| log)
}

/// The log beside a spool, to which it belongs by its name.
pub(crate) fn log_of(spool: &Path) -> Option<PathBuf> {
    let name = spool.file_name()?.to_string_lossy().into_owned();
    Some(spool.with_file_name(log_part(&name)?))
}

impl DeadSpool {
    /// Looks at one file.
    ///
    /// # Errors
    /// When the file cannot be opened or read. [`io::ErrorKind::NotFound`]: somebody else has recovered it.
    pub(crate) fn open(path: &Path) -> io::Result<Search> {
        let before = fs::symlink_metadata(path)?;
        if !before.is_file() || before.uid() != effective_user() {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "not a file of this user"));
        }
        if maps(std::process::id(), before.ino()) == Some(true) {
            return Ok(Search::InUse);
        }
        let flags = libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_NONBLOCK;
        let mut file = File::options().read(true).write(true).custom_flags(flags).open(path)?;
        let metadata = file.metadata()?;
        if identity(&metadata) != identity(&before) {
            return Ok(Search::InUse);
        }
        match spool_file::lock_for_file(&file) {
            Lock::Held => return Ok(Search::InUse),
            Lock::Taken | Lock::Unsupported => {}
        }
        // Somebody may have recovered and removed it between the look and the lock.
        if fs::symlink_metadata(path).map(|now| identity(&now))? != identity(&metadata) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let mut bytes = Vec::new();
        file.by_ref().take(LONGEST).read_to_end(&mut bytes)?;
        let contents = match reader::read(&bytes) {
            Ok(contents) => contents,
            Err(SpoolError::NotASpool) if is_unfinished(&path.to_string_lossy()) => {
                return Self::never_used(path);
            }
            Err(error) => return Ok(Search::Unreadable(error)),
        };
        // The lock alone does not tell where the file system has none, or when the process closed what it did not
        // open.
        match contents.owner.life(metadata.ino()) {
            Life::Gone => Ok(Search::Dead(Box::new(Self { path: path.to_owned(), contents, file }))),
            Life::Uses | Life::Unknown => Ok(Search::InUse),
        }
    }

    fn never_used(path: &Path) -> io::Result<Search> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let pid = log_part(&name).and_then(|log| pid_in_name(&name, log)).unwrap_or(0);
        if Path::new(&format!("/proc/{pid}")).exists() {
            return Ok(Search::InUse);
        }
        fs::remove_file(path)?;
        Ok(Search::NeverUsed)
    }

    /// Removes the file: everything in it is on disk elsewhere. The lock ends after that.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub(crate) fn remove(self) -> io::Result<()> {
        let removed = fs::remove_file(&self.path);
        drop(self.file);
        removed
    }
}

fn effective_user() -> u32 {
    // The owner of one's own `/proc` directory is the effective user.
    fs::metadata("/proc/self").map_or(u32::MAX, |metadata| metadata.uid())
}
