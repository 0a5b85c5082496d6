//! Appends lines to a file, and finds it again when it was rotated away.
//!
//! Runs on: the writer thread, `open` on the installing thread. Must not: truncate, or write a part of a
//! line on purpose: other processes may append to the same file.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::whole_line::{RawWrite, WholeLine};
use crate::record::Line;
use crate::sink::Sink;

/// Lines between two looks at whether the file was moved; after a pause the next line always looks.
const LINES_PER_LOOK: u32 = 64;

/// A file that grows by whole lines: opened for appending (`O_APPEND`, `O_CLOEXEC`, mode 0600), one
/// `write(2)` per line.
///
/// A file that is removed or renamed (log rotation) is created again. When the disk is full the line is
/// counted as lost and the next one is tried as usual.
#[derive(Debug)]
pub struct FileSink {
    /// Absolute, so that a change of the working directory does not matter.
    path: PathBuf,
    file: File,
    line: WholeLine,
    until_look: u32,
}

impl FileSink {
    /// Opens or creates the file.
    ///
    /// # Errors
    /// When the file cannot be opened for appending.
    ///
    /// # Examples
    /// ```no_run
    /// let sink = panic_agent::FileSink::open("panics.jsonl")?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = std::path::absolute(path)?;
        let file = open(&path)?;
        Ok(Self { path, file, line: WholeLine::default(), until_look: 0 })
    }

    /// Opens the path again when it no longer leads to the open file.
    fn follow(&mut self) -> io::Result<()> {
        if self.until_look > 0 {
            self.until_look -= 1;
            return Ok(());
        }
        let moved = match std::fs::metadata(&self.path) {
            Ok(there) => !same_file(&there, &self.file.metadata()?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            // For example a directory that may no longer be searched: the open file is as good as before.
            Err(_) => false,
        };
        if moved {
            self.file = open(&self.path)?;
            self.line = WholeLine::default();
        }
        self.until_look = LINES_PER_LOOK;
        Ok(())
    }
}

impl Sink for FileSink {
    fn write(&mut self, line: &Line<'_>) -> io::Result<()> {
        self.follow()?;
        self.line.write(&mut self.file, line.with_newline())
    }

    /// Nothing is buffered; the next line looks whether the file was moved.
    fn flush(&mut self) -> io::Result<()> {
        self.until_look = 0;
        Ok(())
    }
}

impl RawWrite for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::Write::write(&mut self.by_ref(), bytes)
    }

    fn wait_writable(&mut self) {
        #[cfg(unix)]
        super::raw_fd::wait_writable(std::os::fd::AsRawFd::as_raw_fd(self));
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(unix)]
fn same_file(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Elsewhere an open file cannot be renamed away.
#[cfg(not(unix))]
fn same_file(_: &Metadata, _: &Metadata) -> bool {
    true
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::record::LineKind;

    struct Dir(PathBuf);

    impl Dir {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("panic-agent-file-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).ok();
        }
    }

    fn put(sink: &mut FileSink, text: &[u8]) -> io::Result<()> {
        sink.write(&Line::new(LineKind::Panic, text, None))
    }

    #[test]
    fn appends_whole_lines_to_a_file_only_its_owner_can_read() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = Dir::new("append");
        let path = dir.0.join("p.jsonl");
        std::fs::write(&path, "old\n").unwrap();
        put(&mut FileSink::open(&path).unwrap(), b"{}\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old\n{}\n");
        let fresh = dir.0.join("fresh");
        FileSink::open(&fresh).unwrap();
        assert_eq!(std::fs::metadata(&fresh).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_renamed_and_a_removed_file_are_made_again_after_a_pause() {
        let dir = Dir::new("rotate");
        let (path, old) = (dir.0.join("p.jsonl"), dir.0.join("p.jsonl.1"));
        let mut sink = FileSink::open(&path).unwrap();
        put(&mut sink, b"1\n").unwrap();
        std::fs::rename(&path, &old).unwrap();
        sink.flush().unwrap();
        put(&mut sink, b"2\n").unwrap();
        assert_eq!(std::fs::read_to_string(&old).unwrap(), "1\n");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "2\n");
        std::fs::remove_file(&path).unwrap();
        for _ in 0..=LINES_PER_LOOK {
            put(&mut sink, b"3\n").unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "3\n", "also in the middle of a storm");
    }

    #[test]
    fn a_directory_that_is_gone_is_an_error_and_its_return_is_noticed() {
        let dir = Dir::new("gone");
        let inner = dir.0.join("logs");
        std::fs::create_dir(&inner).unwrap();
        let path = inner.join("p.jsonl");
        let mut sink = FileSink::open(&path).unwrap();
        std::fs::remove_dir_all(&inner).unwrap();
        assert!(put(&mut sink, b"1\n").is_err());
        assert!(put(&mut sink, b"2\n").is_err(), "not only the first line");
        std::fs::create_dir(&inner).unwrap();
        put(&mut sink, b"3\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "3\n");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_an_error_every_time_and_never_a_panic() {
        let mut sink = FileSink::open("/dev/full").unwrap();
        for _ in 0..3 {
            let error = put(&mut sink, b"1\n").unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        }
    }
}
