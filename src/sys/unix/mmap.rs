//! Maps and unmaps memory; see [`Region`](crate::sys::mmap::Region).
//!
//! Runs on: the thread that installs the agent. Must not: hand out memory that is not zero.

use core::ptr::NonNull;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;

pub(crate) fn zeroed(len: usize) -> io::Result<NonNull<u8>> {
    map(len, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1)
}

pub(crate) fn of_file(file: &File, len: usize) -> io::Result<NonNull<u8>> {
    map(len, libc::MAP_SHARED, file.as_raw_fd())
}

fn map(len: usize, flags: libc::c_int, file: libc::c_int) -> io::Result<NonNull<u8>> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping at an address of the system's choice touches no existing memory. Whoever reads that of a
    // file reckons with changes by other processes: all access is through atomics and cells.
    let start = unsafe { libc::mmap(core::ptr::null_mut(), len, protection, flags, file, 0) };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(start.cast()).ok_or_else(|| io::ErrorKind::OutOfMemory.into())
}

/// # Safety
/// The range is mapped from a file.
pub(crate) unsafe fn rest(start: NonNull<u8>, len: usize) {
    // SAFETY: as promised to this function. The pages are in the file, so nothing is lost, and whoever is in the middle of an
    // access has it repeated by the processor.
    unsafe { libc::madvise(start.as_ptr().cast(), len, libc::MADV_DONTNEED) };
}

/// # Safety
/// The range is a mapping that nobody uses any more.
pub(crate) unsafe fn release(start: NonNull<u8>, len: usize) {
    // A failure would leave the pages mapped, which is harmless.
    // SAFETY: as promised to this function.
    unsafe { libc::munmap(start.as_ptr().cast(), len) };
}
