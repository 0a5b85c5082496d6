//! Files whose bytes are read where they lie, page by page as they are asked for.
//!
//! Runs on: the threads that read symbols. Must not: map a file for writing, or keep its descriptor.

use core::ops::Deref;
use core::ptr::NonNull;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;

/// A private, read-only mapping of a whole file.
///
/// A file that is cut while it is mapped takes its pages along. Linkers and package managers put a new file in the
/// place of the old one; whoever reads for long asks first whether the file is still as long as it was.
#[derive(Debug)]
pub(crate) struct MappedFile {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping is only ever read, from any thread.
unsafe impl Send for MappedFile {}
// SAFETY: as above.
unsafe impl Sync for MappedFile {}

impl MappedFile {
    /// Maps all of a file.
    ///
    /// # Errors
    /// When it is empty or cannot be mapped.
    pub(crate) fn new(file: &File) -> io::Result<Self> {
        let len = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        // SAFETY: a new mapping at an address of the system's choice touches no existing memory.
        let start = unsafe {
            libc::mmap(core::ptr::null_mut(), len, libc::PROT_READ, libc::MAP_PRIVATE, file.as_raw_fd(), 0)
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?;
        Ok(Self { start, len })
    }

    /// Lets go of the pages that were read: they are read again, from the same file, when somebody asks for them.
    pub(crate) fn rest(&self) {
        // SAFETY: the mapping is this value's own and private, and nobody writes to it, so its pages are those of the file
        // before and after.
        unsafe { libc::madvise(self.start.as_ptr().cast(), self.len, libc::MADV_DONTNEED) };
    }
}

impl Deref for MappedFile {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: `len` bytes from `start` are mapped readable until this value is dropped, and nobody writes
        // through the mapping. What others write into the file is read as bytes without a meaning of their own.
        unsafe { core::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl Drop for MappedFile {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own, and no slice of it outlives the value.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "maps a file")]
    fn all_bytes_of_a_file_are_there_and_an_empty_one_is_an_error() {
        let own = std::env::current_exe().unwrap();
        let mapped = MappedFile::new(&File::open(&own).unwrap()).unwrap();
        assert_eq!(mapped.len() as u64, own.metadata().unwrap().len());
        assert!(mapped.starts_with(b"\x7fELF"));
        assert!(MappedFile::new(&File::open("/dev/null").unwrap()).is_err());
    }
}
