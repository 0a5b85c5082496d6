//! What Windows has of a file: an identity, a lock, and reads at a place.
//!
//! Runs on: the thread that installs the agent, and the writer. Must not: decide anything.

use core::ffi::c_void;
use core::mem::MaybeUninit;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::windows::fs::{FileExt as _, OpenOptionsExt as _};
use std::os::windows::io::AsRawHandle as _;
use std::path::Path;

use crate::sys::file_lock::{Locking, Wanted};

/// Directories are opened, too.
const FILE_FLAG_BACKUP_SEMANTICS: u32 = 0x0200_0000;
const LOCKFILE_FAIL_IMMEDIATELY: u32 = 1;
const LOCKFILE_EXCLUSIVE_LOCK: u32 = 2;
const ERROR_LOCK_VIOLATION: i32 = 33;
const ERROR_IO_PENDING: i32 = 997;

/// Locks here keep others from reading and writing what is locked, so a byte is locked that no file has.
const LOCKED_BYTE: [u32; 2] = [u32::MAX - 1, u32::MAX];

#[repr(C)]
struct Overlapped {
    internal: [usize; 2],
    offset: [u32; 2],
    event: *mut c_void,
}

/// `BY_HANDLE_FILE_INFORMATION`, in words of 32 bits.
#[repr(C)]
struct FileInformation {
    attributes: u32,
    times: [[u32; 2]; 3],
    volume: u32,
    size: [u32; 2],
    links: u32,
    /// High half first.
    index: [u32; 2],
}

#[link(name = "kernel32")]
unsafe extern "system" {
    fn GetFileInformationByHandle(file: *mut c_void, information: *mut FileInformation) -> i32;
    fn LockFileEx(
        file: *mut c_void,
        flags: u32,
        reserved: u32,
        low: u32,
        high: u32,
        overlapped: *mut Overlapped,
    ) -> i32;
    fn UnlockFileEx(
        file: *mut c_void,
        reserved: u32,
        low: u32,
        high: u32,
        overlapped: *mut Overlapped,
    ) -> i32;
}

/// Volume and number of an open file.
pub(crate) fn file_id(file: &File, _: &Metadata) -> Option<(u64, u64)> {
    let mut information = MaybeUninit::<FileInformation>::zeroed();
    // SAFETY: the handle is open as long as `file` lives, and `information` is writable.
    let told = unsafe { GetFileInformationByHandle(file.as_raw_handle().cast(), information.as_mut_ptr()) };
    // SAFETY: zeroes are valid, and so is what Windows wrote.
    let FileInformation { volume, index: [high, low], .. } = unsafe { information.assume_init() };
    (told != 0).then_some((u64::from(volume), u64::from(high) << 32 | u64::from(low)))
}

/// Those of the file at a path. It is opened for that, without any right to its content.
pub(crate) fn file_id_at(path: &Path, metadata: &Metadata) -> Option<(u64, u64)> {
    let file = OpenOptions::new().access_mode(0).custom_flags(FILE_FLAG_BACKUP_SEMANTICS).open(path).ok()?;
    file_id(&file, metadata)
}

/// `LockFileEx`, without waiting. A lock that is held already is given back first, so that it can change its kind.
pub(crate) fn lock_file(file: &File, wanted: Wanted) -> io::Result<Locking> {
    let handle = file.as_raw_handle().cast::<c_void>();
    let mut place = Overlapped { internal: [0; 2], offset: LOCKED_BYTE, event: core::ptr::null_mut() };
    // SAFETY: the handle is open as long as `file` lives. It fails where nothing is locked, which is as good.
    unsafe { UnlockFileEx(handle, 0, 1, 0, &raw mut place) };
    let flags = LOCKFILE_FAIL_IMMEDIATELY
        | match wanted {
            Wanted::None => return Ok(Locking::Held),
            Wanted::Shared => 0,
            Wanted::Exclusive => LOCKFILE_EXCLUSIVE_LOCK,
        };
    // SAFETY: as above; nothing is pending when it returns, because it does not wait.
    if unsafe { LockFileEx(handle, flags, 0, 1, 0, &raw mut place) } != 0 {
        return Ok(Locking::Held);
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(ERROR_LOCK_VIOLATION | ERROR_IO_PENDING) => Ok(Locking::Busy),
        _ => Err(error),
    }
}

/// Moves the file's own position, which appending does not use.
pub(crate) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    file.seek_read(buffer, offset)
}
