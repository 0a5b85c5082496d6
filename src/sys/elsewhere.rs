//! The twin of `unix` for other systems: by std alone, and where std has nothing, nothing. `windows` has better of some.
//!
//! Runs on: see the files of `unix`. Must not: be reached otherwise than through `sys`.

use core::mem::ManuallyDrop;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::path::Path;

use crate::sys::file_lock::{Locking, Wanted};

/// There are no signals here, so nothing is blocked.
pub(crate) mod signal_mask {
    pub(crate) struct AllBlocked;

    impl AllBlocked {
        pub(crate) fn new() -> Option<Self> {
            None
        }
    }
}

/// Without `clock_gettime`.
pub(crate) mod clock {
    pub(crate) fn wall_ns() -> u64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }

    /// Counts from the first call.
    pub(crate) fn mono_ns() -> u64 {
        static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
        let since = START.get_or_init(std::time::Instant::now).elapsed();
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX).saturating_add(1)
    }
}

/// Files have no numbers that a program counts on.
pub(crate) mod descriptor {
    use crate::sys::own_file::OwnFile;

    pub(crate) fn out_of_the_way(file: std::fs::File) -> OwnFile {
        OwnFile::new(file)
    }
}

/// Without `mmap`: the allocator's memory, in whole pages.
pub(crate) mod mmap {
    use core::ptr::NonNull;
    use std::alloc::Layout;
    use std::fs::File;
    use std::io;

    pub(crate) fn zeroed(len: usize) -> io::Result<NonNull<u8>> {
        let layout = layout(len).ok_or(io::ErrorKind::InvalidInput)?;
        // SAFETY: `layout` is not of size 0; that was checked when it was made.
        let start = unsafe { std::alloc::alloc_zeroed(layout) };
        NonNull::new(start).ok_or_else(|| io::ErrorKind::OutOfMemory.into())
    }

    fn layout(len: usize) -> Option<Layout> {
        Layout::from_size_align(len, 4096).ok().filter(|layout| layout.size() > 0)
    }

    pub(crate) fn of_file(_: &File, _: usize) -> io::Result<NonNull<u8>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// # Safety
    /// None is needed: no file is mapped.
    pub(crate) unsafe fn rest(_: NonNull<u8>, _: usize) {}

    /// # Safety
    /// The range comes from [`zeroed`], and nobody uses it any more.
    pub(crate) unsafe fn release(start: NonNull<u8>, len: usize) {
        if let Some(layout) = layout(len) {
            // SAFETY: as promised to this function.
            unsafe { std::alloc::dealloc(start.as_ptr(), layout) };
        }
    }
}

/// There is no preloading.
#[cfg(feature = "audit")]
pub(crate) mod symbol {
    pub(crate) fn is_exported(_: &core::ffi::CStr) -> bool {
        false
    }
}

/// No program closes what it did not open, so no file has to know itself again.
pub(crate) fn file_id(_: &File, _: &Metadata) -> Option<(u64, u64)> {
    None
}

/// Not known either.
pub(crate) fn file_id_at(_: &Path, _: &Metadata) -> Option<(u64, u64)> {
    None
}

/// An open file cannot be renamed away.
pub(crate) fn has_name(_: &Metadata) -> bool {
    true
}

pub(crate) fn close_file(file: &mut ManuallyDrop<File>) {
    // SAFETY: dropped once, by the drop of its owner, and not used afterwards.
    unsafe { ManuallyDrop::drop(file) };
}

pub(crate) fn lock_file(_: &File, _: Wanted) -> io::Result<Locking> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn for_appending(_: &mut OpenOptions, _: bool) {}

pub(crate) fn not_open() -> io::Error {
    io::ErrorKind::NotConnected.into()
}

/// A file that is open for appending cannot be read.
pub(crate) fn read_at(_: &File, _: &mut [u8], _: u64) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn write_at(_: &File, _: &[u8], _: u64) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The table of open files stays that of the program.
pub(crate) fn keep_apart() {}

/// There are no forks.
///
/// # Safety
/// None is needed.
pub(crate) unsafe fn at_fork(_: extern "C" fn(), _: extern "C" fn(), _: extern "C" fn()) {}

/// No spool is read.
pub(crate) fn name_of(bytes: Vec<u8>) -> std::ffi::OsString {
    String::from_utf8_lossy(&bytes).into_owned().into()
}
