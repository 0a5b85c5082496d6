//! Zeroed memory straight from the system, for things that must not come from the program's allocator.
//!
//! Runs on: the thread that installs the agent. Must not: hand out memory that is not zero.

use core::ptr::NonNull;
use std::fs::File;
use std::io;

use super::faults::{self, Call};
use super::system::mmap;

/// A mapping of private, anonymous, zeroed pages, or of a file. Pages take memory when they are first touched.
#[derive(Debug)]
pub(crate) struct Region {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the region owns its pages; nothing about them depends on the thread that mapped them.
unsafe impl Send for Region {}
// SAFETY: a shared region gives out nothing but its address and length.
unsafe impl Sync for Region {}

impl Region {
    /// Maps at least `len` bytes.
    ///
    /// # Errors
    /// When the system has no memory, or `len` is 0.
    pub(crate) fn zeroed(len: usize) -> io::Result<Self> {
        faults::check(Call::Mmap)?;
        Ok(Self { start: mmap::zeroed(len)?, len })
    }

    /// Maps the first `len` bytes of a file, shared with everyone who maps it. What is beyond its end must not be touched.
    ///
    /// # Errors
    /// When the file cannot be mapped for writing.
    pub(crate) fn of_file(file: &File, len: usize) -> io::Result<Self> {
        faults::check(Call::Mmap)?;
        Ok(Self { start: mmap::of_file(file, len)?, len })
    }

    /// Lets go of the pages from an offset on, which are those of a file that is mapped shared: they come back with what is in
    /// them when somebody touches them.
    pub(crate) fn rest_from(&self, at: usize) {
        const PAGE: usize = 64 * 1024;
        let at = at.next_multiple_of(PAGE);
        let Some(len) = self.len.checked_sub(at).filter(|len| *len > 0) else { return };
        // SAFETY: `at` is within the mapping.
        let start = unsafe { self.start.add(at) };
        // SAFETY: the range lies within the mapping of this value, which is that of a file.
        unsafe { mmap::rest(start, len) };
    }

    /// First byte; aligned to a page. Valid for reads and writes of [`len`](Self::len) bytes while the
    /// region lives.
    pub(crate) fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// Bytes that were asked for.
    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: `start` and `len` are those of a mapping that this value owns and nobody uses any more.
        unsafe { mmap::release(self.start, self.len) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_zero_and_an_empty_one_is_an_error() {
        let region = Region::zeroed(10_000).unwrap();
        // SAFETY: `len` bytes from `start` are mapped, zeroed and not written by anyone here.
        let bytes = unsafe { core::slice::from_raw_parts(region.start().as_ptr(), region.len()) };
        assert!(bytes.iter().all(|&byte| byte == 0));
        assert_eq!(region.start().as_ptr() as usize % 4096, 0);
        assert!(Region::zeroed(0).is_err());
        assert!(Region::zeroed(isize::MAX as usize).is_err());
    }
}
