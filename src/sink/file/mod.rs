//! Appends lines to a file, finds it again when it was moved away, and puts it aside when it is full or old.
//!
//! Runs on: the writer thread, `open` on the installing thread. Must not: truncate, or write a part of a
//! line on purpose: other processes may append to the same file. Must not: write to a descriptor that the program has
//! taken for a file of its own.

mod rotation;
mod rotations;
mod shown;
#[cfg(all(test, unix))]
mod tests;

use std::io;
use std::path::{Path, PathBuf};

pub use rotation::Rotation;
pub(crate) use rotation::{MIN_AGE as MIN_ROTATION_AGE, MIN_BYTES as MIN_ROTATION_BYTES};
pub use rotations::rotations;

use crate::files::whole_line::WholeLine;
use crate::files::{Appending, FileTrust, syscalls};
use crate::record::{EncodedLine, ShortLine};
use crate::sink::Sink;
use rotation::Directory;
use shown::Shown;

/// Lines between two looks at whether the file was moved; after a pause the next line always looks.
const LINES_PER_LOOK: u32 = 64;
/// Times that a file which is moved away again and again is opened for one line.
const MAX_OPENS: u32 = 4;

/// A file that grows by whole lines: opened for appending (`O_APPEND`, `O_CLOEXEC`, mode 0600), one
/// `write(2)` per line, or for several verdicts that are due together.
///
/// A file that is removed or renamed (log rotation) is created again. A last line without a newline, left by a
/// process that died, is closed before the first line. When the disk is full the line is counted as lost and the
/// next one is tried as usual. See `docs/files.md`.
#[derive(Debug)]
pub struct FileSink {
    /// Absolute, so that a change of the working directory does not matter.
    path: PathBuf,
    trust: FileTrust,
    rotation: Rotation,
    open: Appending,
    line: WholeLine,
    /// Lines that are written at once; empty between calls.
    together: Vec<u8>,
    /// Whether nobody has looked yet how the open file ends.
    end_unknown: bool,
    until_look: u32,
    /// Whether to try to rotate when it is due. After an attempt that changed nothing, not before the next look.
    may_rotate: bool,
    trouble: Trouble,
    /// Stacks that the open file has.
    shown: Shown,
}

/// What does not work and costs no line.
#[derive(Debug, Default)]
struct Trouble {
    /// Not asked for yet.
    news: Option<String>,
    /// Whether it was said since it last worked.
    known: bool,
}

impl Trouble {
    fn note(&mut self, what: &str, path: &Path, error: &io::Error) {
        if !self.known {
            self.known = true;
            self.news = Some(format!("{what} `{}`: {error}", path.display()));
        }
    }

    fn clear(&mut self) {
        self.known = false;
    }
}

impl FileSink {
    /// Opens or creates the file, in a place that no other user can replace, and never rotates it.
    ///
    /// # Errors
    /// When the file cannot be opened for appending, or when another user could replace it.
    ///
    /// # Examples
    /// ```no_run
    /// let sink = panic_agent::sink::FileSink::open("panics.jsonl")?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::open_with(path, FileTrust::Strict, Rotation::never())
    }

    /// Opens or creates the file. A size below 4096 bytes, an age below one second and 0 archives are taken as these
    /// numbers (and 1).
    ///
    /// # Errors
    /// When the file cannot be opened for appending, or is not to be trusted.
    ///
    /// # Examples
    /// ```no_run
    /// use panic_agent::sink::{FileSink, FileTrust, Rotation};
    ///
    /// let rotation = Rotation::never().at_bytes(64 * 1024 * 1024);
    /// let sink = FileSink::open_with("panics.jsonl", FileTrust::Strict, rotation)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn open_with(path: impl AsRef<Path>, trust: FileTrust, rotation: Rotation) -> io::Result<Self> {
        let path = std::path::absolute(path)?;
        Ok(Self {
            open: Appending::open(&path, trust)?,
            path,
            trust,
            rotation: rotation.at_least(),
            line: WholeLine::default(),
            together: Vec::new(),
            end_unknown: true,
            until_look: 0,
            may_rotate: true,
            trouble: Trouble::default(),
            shown: Shown::default(),
        })
    }

    /// Opens the path again when it no longer leads to the open file, and looks how the file ends.
    fn look(&mut self) -> io::Result<()> {
        for _ in 0..MAX_OPENS {
            // The lock comes first: a file that is put aside after it is not deleted while we write. A descriptor
            // that the program has closed or taken for itself is not touched.
            let free = self.open.is_ours() && self.open.lock();
            if free && self.open.is_at(&self.path) {
                // When the size cannot be had, the old one is as good as any.
                self.open.look().ok();
                match self.open.is_torn() {
                    Some(torn) => self.line.set_torn(torn),
                    // An empty line is better than one that begins in the middle of another.
                    None if self.end_unknown && self.open.regular && self.open.size > 0 => {
                        self.line.set_torn(true)
                    }
                    None => {}
                }
                self.end_unknown = false;
                self.until_look = LINES_PER_LOOK;
                self.may_rotate = true;
                return Ok(());
            }
            match Appending::open(&self.path, self.trust) {
                Ok(open) => {
                    self.open = open;
                    self.line = WholeLine::default();
                    self.shown = Shown::default();
                    self.end_unknown = true;
                }
                // The program has closed it again before we had a look at it.
                #[cfg(unix)]
                Err(error) if error.raw_os_error() == Some(libc::EBADF) => {}
                // The file was renamed and cannot be made again. It is still a file that can be found.
                Err(error) if free && self.open.look().unwrap_or(false) => {
                    self.trouble.note(
                        "lines still go to the file that was renamed, because this one cannot be made:",
                        &self.path,
                        &error,
                    );
                    self.until_look = 0;
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes whole lines. When the program has closed the descriptor, or has a file of its own there, the path is
    /// opened again first.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.line.write(&mut self.open, bytes) {
            Err(_) if !self.open.is_ours() => {
                self.look()?;
                self.line.write(&mut self.open, bytes)
            }
            other => other,
        }
    }

    /// Writes a line that names its stack where the file has it, and shows it where it does not.
    fn append_once(&mut self, line: &EncodedLine<'_>, short: ShortLine<'_>) -> io::Result<()> {
        if self.open.regular && self.shown.has(short.stack_id) {
            let before = self.open.size;
            if self.open.look().is_ok() && self.open.size >= before {
                match self.line.write(&mut self.open, short.with_newline) {
                    // Nothing was written, and the path may lead to a file that does not have the stack.
                    Err(_) if !self.open.is_ours() => {}
                    other => return other,
                }
            }
            // Somebody has truncated it, or it is to be opened again.
            self.shown = Shown::default();
        }
        self.append(line.with_newline())?;
        self.shown.add(short.stack_id);
        Ok(())
    }

    /// Puts the file aside and begins a new one, unless somebody else just does that.
    fn rotate(&mut self, more: usize) -> io::Result<()> {
        // With any place trusted, the path may be a link.
        let path = match std::fs::canonicalize(&self.open.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Somebody else has just put it aside.
                self.until_look = 0;
                return Ok(());
            }
            other => other?,
        };
        let Some(directory) = Directory::of(&path)? else { return Ok(()) };
        // Nobody but us renames it now; somebody may have done so before.
        self.look()?;
        if !self.open.is_at(&self.path) || !self.rotation.is_due(self.open.size, more, self.open.since) {
            return Ok(());
        }
        syscalls::rename(&path, &directory.free_name()?)?;
        if self.open.is_at(&self.path) {
            self.rotation = Rotation::never();
            return Err(io::Error::other(
                "the path leads to an open file under any name, so it cannot be rotated",
            ));
        }
        self.look()?;
        directory.delete_old(self.rotation.keep)
    }
}

impl Sink for FileSink {
    fn write(&mut self, line: &EncodedLine<'_>) -> io::Result<()> {
        let bytes = line.with_newline();
        if self.until_look == 0 {
            self.look()?;
        }
        self.until_look = self.until_look.saturating_sub(1);
        if self.may_rotate
            && self.open.rotates()
            && self.rotation.is_due(self.open.size, bytes.len(), self.open.since)
        {
            self.may_rotate = false;
            match self.rotate(bytes.len()) {
                Ok(()) => self.trouble.clear(),
                // It goes on growing; the next look tries again.
                Err(error) => self.trouble.note("cannot rotate", &self.path, &error),
            }
        }
        match line.short {
            Some(short) => self.append_once(line, short),
            None => self.append(bytes),
        }
    }

    /// One `write(2)`; one for each line when the file is rotated, so that it is put aside between the right two.
    fn write_all(&mut self, lines: &[EncodedLine<'_>]) -> io::Result<()> {
        if self.rotation != Rotation::never() {
            let mut outcome = Ok(());
            for line in lines {
                outcome = outcome.and(self.write(line));
            }
            return outcome;
        }
        if self.until_look == 0 {
            self.look()?;
        }
        self.until_look = self.until_look.saturating_sub(u32::try_from(lines.len()).unwrap_or(u32::MAX));
        let mut together = core::mem::take(&mut self.together);
        together.clear();
        lines.iter().for_each(|line| together.extend_from_slice(line.with_newline()));
        let result = self.append(&together);
        self.together = together;
        result
    }

    /// Nothing is buffered; the next line looks whether the file was moved.
    fn flush(&mut self) -> io::Result<()> {
        self.until_look = 0;
        self.open.unlock();
        Ok(())
    }

    fn take_trouble(&mut self) -> Option<String> {
        self.trouble.news.take()
    }
}
