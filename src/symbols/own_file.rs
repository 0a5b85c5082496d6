//! A file that is open for a moment.
//!
//! A program may close descriptors that it did not open, and get their numbers for files of its own. What is not ours any more is
//! not closed. And std, which ends the process in debug builds when a descriptor was closed before it, is not asked to close.
//!
//! Runs on: the threads that ask. Must not: close a number behind which the program has opened something else.

use core::mem::ManuallyDrop;
use core::ops::Deref;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// See the module.
pub(crate) struct OwnFile {
    file: ManuallyDrop<File>,
    id: Option<(u64, u64)>,
}

impl OwnFile {
    /// Opens a file for reading.
    ///
    /// # Errors
    /// Those of the system.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = ManuallyDrop::new(File::open(path)?);
        let id = id(&file);
        Ok(Self { file, id })
    }
}

impl Deref for OwnFile {
    type Target = File;

    fn deref(&self) -> &File {
        &self.file
    }
}

impl Drop for OwnFile {
    fn drop(&mut self) {
        if self.id.is_some() && id(&self.file) == self.id {
            // SAFETY: a number only, which was ours a moment ago; `file` is not dropped.
            unsafe { libc::close(self.file.as_raw_fd()) };
        }
    }
}

/// All bytes of a file.
///
/// # Errors
/// Those of the system.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = OwnFile::open(path)?;
    let mut bytes = Vec::new();
    (&*file).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn id(file: &File) -> Option<(u64, u64)> {
    let metadata = file.metadata().ok()?;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "opens files")]
    fn a_number_that_is_closed_or_leads_elsewhere_is_left_alone() {
        let own = std::env::current_exe().unwrap();
        let closed = OwnFile::open(&own).unwrap();
        // SAFETY: a number only; what was open there belongs to `closed`, which is to find that out.
        unsafe { libc::close(closed.as_raw_fd()) };
        drop(closed);
        let replaced = OwnFile::open(&own).unwrap();
        let number = replaced.as_raw_fd();
        let theirs = File::open("/dev/null").unwrap();
        // SAFETY: as above.
        assert_eq!(unsafe { libc::dup2(theirs.as_raw_fd(), number) }, number);
        drop(replaced);
        // SAFETY: a number only.
        assert!(unsafe { libc::fcntl(number, libc::F_GETFD) } >= 0, "it is still open");
        // SAFETY: it was left open, and nobody else knows it.
        unsafe { libc::close(number) };
        assert_eq!(read(Path::new("/proc/self/comm")).unwrap().last(), Some(&b'\n'));
    }
}
