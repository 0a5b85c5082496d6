//! An open file that knows itself again: by device and inode.
//!
//! Runs on: the thread that installs the agent, the writer, and recoveries. Must not: write to, lock or close a number
//! behind which the program has opened something else.
//!
//! A program may close descriptors that it did not open (a daemon closes all from 3 on) and get their numbers for
//! files of its own. So whoever writes asks first, and what is not ours any more is not closed either.

use core::cell::Cell;
use core::mem::ManuallyDrop;
use core::ops::Deref;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use super::system;

/// See the module.
#[derive(Debug)]
pub(crate) struct OwnFile {
    file: ManuallyDrop<File>,
    /// `None`: the system did not tell it, perhaps because the program has closed the number already. Then it is not ours.
    id: Option<(u64, u64)>,
    /// Whether the number was seen to lead elsewhere. It is never ours again then: the same file under the same number
    /// is another opening of it, which somebody else closes.
    lost: Cell<bool>,
}

/// All bytes of a file that is open for that alone, such as one of `/proc`.
///
/// # Errors
/// Those of the system.
pub(crate) fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let file = OwnFile::new(File::open(path)?);
    let mut bytes = Vec::new();
    (&*file).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn id(file: &File) -> Option<(u64, u64)> {
    system::file_id(file, &file.metadata().ok()?)
}

impl OwnFile {
    /// A file that was opened a moment ago.
    pub(crate) fn new(file: File) -> Self {
        let id = id(&file);
        Self { file: ManuallyDrop::new(file), id, lost: Cell::new(false) }
    }

    /// Whether the number still leads to the file that was opened. `false` when that cannot be told.
    ///
    /// # Cost
    /// One system call.
    pub(crate) fn is_ours(&self) -> bool {
        if cfg!(unix) && !self.lost.get() {
            self.lost.set(self.id.is_none() || id(&self.file) != self.id);
        }
        !self.lost.get()
    }

    /// Whether both are the same file.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.id.is_some() && self.id == other.id
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
        if self.is_ours() {
            system::close_file(&mut self.file);
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

    use super::*;
    use crate::files::testing::Dir;

    /// Lets the number of a file lead to another one.
    fn lead(own: &OwnFile, to: &File) {
        let number = own.as_raw_fd();
        // SAFETY: numbers only; what was open there belongs to `own`, which is to find that out.
        assert_eq!(unsafe { libc::dup2(to.as_raw_fd(), number) }, number);
        assert!(!own.is_ours());
    }

    /// What its number leads to after the drop of a file that leads elsewhere.
    fn left_by(own: OwnFile) -> File {
        let number = own.as_raw_fd();
        drop(own);
        // SAFETY: `own` has left it open, and nobody else knows it.
        File::from(unsafe { OwnedFd::from_raw_fd(number) })
    }

    #[test]
    fn a_number_that_leads_elsewhere_is_not_ours_and_is_not_closed() {
        let dir = Dir::new("own-file");
        let own = OwnFile::new(File::create(dir.join("own")).unwrap());
        assert!(own.is_ours());
        let theirs = File::create(dir.join("theirs")).unwrap();
        lead(&own, &theirs);
        assert_eq!(id(&left_by(own)), id(&theirs), "it is still open");
    }

    #[test]
    fn the_same_file_under_the_same_number_is_another_opening_of_it() {
        let dir = Dir::new("own-again");
        let own = OwnFile::new(File::create(dir.join("own")).unwrap());
        let again = File::open(dir.join("own")).unwrap();
        lead(&own, &File::open("/dev/null").unwrap());
        lead(&own, &again);
        assert_eq!(id(&left_by(own)), id(&again), "it is still open");
    }

    #[test]
    fn a_number_that_is_closed_is_not_ours() {
        let dir = Dir::new("own-closed");
        let own = OwnFile::new(File::create(dir.join("own")).unwrap());
        // SAFETY: a number only. No other thread of this test opens files between here and the end.
        unsafe { libc::close(own.as_raw_fd()) };
        assert!(!own.is_ours());
    }
}
