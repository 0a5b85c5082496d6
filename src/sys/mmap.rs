//! Zeroed memory straight from the system, for things that must not come from the program's allocator.
//!
//! Runs on: the thread that installs the agent. Must not: hand out memory that is not zero.

use core::ptr::NonNull;
use std::io;

use super::faults::{self, Call};

/// A mapping of private, anonymous, zeroed pages. Pages take memory when they are first touched.
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
    #[cfg(unix)]
    pub(crate) fn zeroed(len: usize) -> io::Result<Self> {
        faults::check(Call::Mmap)?;
        // SAFETY: a new anonymous mapping at an address of the system's choice touches no existing memory.
        let start = unsafe {
            libc::mmap(
                core::ptr::null_mut(),
                len,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?;
        Ok(Self { start, len })
    }

    /// Maps the first `len` bytes of a file, shared with everyone who maps it; `len` must not be beyond its end.
    ///
    /// # Errors
    /// When the file cannot be mapped for writing.
    #[cfg(panic_agent_spool)]
    pub(crate) fn of_file(file: &std::fs::File, len: usize) -> io::Result<Self> {
        use std::os::fd::AsRawFd as _;
        faults::check(Call::Mmap)?;
        // SAFETY: a new mapping at an address of the system's choice touches no existing memory. Whoever reads
        // it reckons with changes by other processes: all access is through atomics and cells.
        let start = unsafe {
            libc::mmap(
                core::ptr::null_mut(),
                len,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?;
        Ok(Self { start, len })
    }

    /// The twin for systems without `mmap`: the allocator's memory, in whole pages.
    ///
    /// # Errors
    /// When there is no memory, or `len` is 0.
    #[cfg(not(unix))]
    pub(crate) fn zeroed(len: usize) -> io::Result<Self> {
        faults::check(Call::Mmap)?;
        let layout = layout(len)?;
        // SAFETY: `layout` is not of size 0; that was checked when it was made.
        let start = unsafe { std::alloc::alloc_zeroed(layout) };
        let start = NonNull::new(start).ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?;
        Ok(Self { start, len })
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

#[cfg(not(unix))]
fn layout(len: usize) -> io::Result<std::alloc::Layout> {
    std::alloc::Layout::from_size_align(len, 4096)
        .ok()
        .filter(|layout| layout.size() > 0)
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))
}

impl Drop for Region {
    #[cfg(unix)]
    fn drop(&mut self) {
        // SAFETY: `start` and `len` are those of a mapping that this value owns and nobody uses any more.
        // A failure would leave the pages mapped, which is harmless.
        unsafe {
            libc::munmap(self.start.as_ptr().cast(), self.len);
        }
    }

    #[cfg(not(unix))]
    fn drop(&mut self) {
        if let Ok(layout) = layout(self.len) {
            // SAFETY: the memory came from the allocator with this layout and nobody uses it any more.
            unsafe { std::alloc::dealloc(self.start.as_ptr(), layout) };
        }
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
