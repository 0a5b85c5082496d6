//! What a destination remembers between two runs: positions in the log, and that nobody else ships to it.
//!
//! Two files, because a disk takes its time: `NAME.json` survives the machine and is written some times a second, what
//! `NAME.recent` says besides survives the process and is written after each delivery. Both are behind what was delivered, never
//! ahead of it, so the newer one that can be read counts.
//!
//! Runs on: the thread of a destination. Must not: leave half a file behind.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::follow::Position;
use crate::failure::Failure;

/// Raised when a field changes its meaning.
const VERSION: u32 = 1;

/// The content of the file.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Saved {
    version: u32,
    /// Grows with each one that is written.
    #[serde(default)]
    number: u64,
    /// Newest time that a line has told, in milliseconds since the Unix epoch.
    pub(crate) clock_ms: i64,
    pub(crate) files: Vec<Position>,
}

impl Saved {
    pub(crate) fn new(clock_ms: i64, files: Vec<Position>) -> Self {
        Self { version: VERSION, number: 0, clock_ms, files }
    }

    fn says_the_same(&self, other: &Self) -> bool {
        (self.clock_ms, &self.files) == (other.clock_ms, &other.files)
    }
}

/// Positions are on the disk after so long at the latest.
const SYNC: Duration = Duration::from_millis(200);

/// The files, and the lock on them.
#[derive(Debug)]
pub(crate) struct State {
    path: PathBuf,
    saved: Option<Saved>,
    /// When positions were last put on the disk. `None`: not in this run.
    synced: Option<Instant>,
    /// Whether what was saved last is on the disk.
    is_synced: bool,
    /// The second file, once something was written into it.
    recent: Option<File>,
    /// Held as long as this lives.
    _lock: File,
    complained: bool,
}

impl State {
    /// Takes the state of one destination; the directory is made if it is not there.
    pub(crate) fn open(directory: &Path, name: &str) -> Result<Self, Failure> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(|error| Failure::io("create the directory", directory, &error))?;
        let lock_path = directory.join(format!("{name}.lock"));
        let lock = private(&lock_path).map_err(|error| Failure::io("open", &lock_path, &error))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
            Failure::new(format!(
                "`{}` is locked: another `panic-agent ship` serves the destination `{name}`; stop it, or give this one \
                 another `name` or `state`",
                lock_path.display()
            ))
        })?;
        let path = directory.join(format!("{name}.json"));
        let saved = match fs::read(&path) {
            Ok(text) => Some(newer(Self::parse(&path, &text)?, &recent(&path))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(Failure::io("read", &path, &error)),
        };
        Ok(Self { path, saved, synced: None, is_synced: false, recent: None, _lock: lock, complained: false })
    }

    fn parse(path: &Path, text: &[u8]) -> Result<Saved, Failure> {
        let saved: Result<Saved, _> = serde_json::from_slice(text);
        saved.ok().filter(|saved| saved.version == VERSION).ok_or_else(|| {
            Failure::new(format!(
                "`{}` is no state of this version; remove it to ship the log from its beginning, with duplicates",
                path.display()
            ))
        })
    }

    /// What an earlier run has left. `None`: there was none.
    pub(crate) fn saved(&self) -> Option<&Saved> {
        self.saved.as_ref()
    }

    /// Writes it down, and onto the disk if that was not done for a while.
    pub(crate) fn note(&mut self, saved: Saved) {
        let is_due = self.synced.is_none_or(|synced| synced.elapsed() >= SYNC);
        self.keep(saved, is_due);
    }

    /// Puts it onto the disk. What cannot be written is sent again after the next start, and said once.
    pub(crate) fn save(&mut self, saved: Saved) {
        self.keep(saved, true);
    }

    fn keep(&mut self, mut saved: Saved, sync: bool) {
        let is_known = self.saved.as_ref().is_some_and(|before| before.says_the_same(&saved));
        if is_known && (self.is_synced || !sync) {
            return;
        }
        saved.number = self.saved.as_ref().map_or(0, |before| before.number) + 1;
        match self.write(&saved, sync) {
            Ok(()) => {
                self.saved = Some(saved);
                self.is_synced = sync;
                self.complained = false;
                if sync {
                    self.synced = Some(Instant::now());
                }
            }
            Err(error) if !self.complained => {
                self.complained = true;
                eprintln!(
                    "panic-agent: cannot write `{}`: {error}; shipping goes on, and a start before this is mended sends lines \
                     again",
                    self.path.display()
                );
            }
            Err(_) => {}
        }
    }

    fn write(&mut self, saved: &Saved, sync: bool) -> io::Result<()> {
        let mut text = serde_json::to_vec(saved)?;
        text.push(b'\n');
        if !sync {
            let file = match self.recent.take() {
                Some(file) => file,
                None => in_place(&recent(&self.path))?,
            };
            // One write, whose first line counts: a kill comes before it or after it.
            return self.recent.insert(file).write_all_at(&text, 0);
        }
        let new = self.path.with_extension("json.new");
        // Left by a run that was killed.
        let _gone = fs::remove_file(&new);
        let mut file = private(&new)?;
        file.write_all(&text)?;
        file.sync_data()?;
        fs::rename(&new, &self.path)
    }
}

/// What was written after each delivery.
fn recent(path: &Path) -> PathBuf {
    path.with_extension("recent")
}

/// The newer of both. Half a file is none: the machine went down before it was whole.
fn newer(saved: Saved, recent: &Path) -> Saved {
    let text = fs::read(recent).unwrap_or_default();
    let line = text.split_inclusive(|byte| *byte == b'\n').next().filter(|line| line.ends_with(b"\n"));
    let other: Option<Saved> = line.and_then(|line| serde_json::from_slice(line).ok());
    let other = other.filter(|other| other.version == VERSION && other.number > saved.number);
    other.unwrap_or(saved)
}

fn in_place(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)
}

/// A file that only this user may read.
pub(super) fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(clock_ms: i64) -> Saved {
        Saved::new(clock_ms, Vec::new())
    }

    fn clock(dir: &Path) -> Option<i64> {
        State::open(dir, "d").unwrap().saved().map(|saved| saved.clock_ms)
    }

    #[test]
    fn the_newer_of_both_files_counts_and_half_of_one_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let (whole, recent) = (dir.path().join("d.json"), dir.path().join("d.recent"));
        let mut state = State::open(dir.path(), "d").unwrap();
        assert!(state.saved().is_none());
        // The first is on the disk at once, the next ones after a while.
        state.note(saved(1));
        assert!(whole.exists() && !recent.exists());
        state.note(saved(2));
        state.note(saved(3));
        let before = fs::read(&whole).unwrap();
        assert!(recent.exists() && state.saved().is_some_and(|saved| saved.clock_ms == 3));
        drop(state);
        assert_eq!(clock(dir.path()), Some(3), "a process that is killed forgets nothing");
        let text = fs::read(&recent).unwrap();
        for broken in [&text[..text.len() / 2], b"", b"null\n", &text[..text.len() - 1]] {
            fs::write(&recent, broken).unwrap();
            assert_eq!(clock(dir.path()), Some(1), "what the machine had not written is sent again");
        }
        fs::write(&recent, &text).unwrap();
        let mut state = State::open(dir.path(), "d").unwrap();
        state.save(saved(3));
        assert_ne!(fs::read(&whole).unwrap(), before, "an end in order puts all onto the disk");
        state.save(saved(9));
        drop(state);
        assert_eq!(clock(dir.path()), Some(9), "what is recent is older now");
        fs::remove_file(&whole).unwrap();
        assert_eq!(clock(dir.path()), None, "who removes the file begins anew");
    }
}
