//! Unix.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Access, FlockOperation, access, flock};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

/// What tells an open file from others: device and inode.
pub(crate) type Identity = (u64, u64);

/// Of an open file; `None` when it cannot be asked.
pub(crate) fn identity(file: &File) -> Option<Identity> {
    file.metadata().ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

/// Of what lies at a path.
pub(crate) fn identity_at(path: &Path) -> Option<Identity> {
    path.metadata().ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

/// Opens a file for appending that nobody else may read when this call creates it.
pub(crate) fn append_own(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

/// The path from the root on, without links.
///
/// # Errors
/// There is nothing at the path.
pub(crate) fn whole_path(path: &Path) -> io::Result<PathBuf> {
    path.canonicalize()
}

/// Reads at an offset, wherever the file stands.
pub(crate) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(buffer, offset)
}

/// Waits for the lock of an open file; it goes when the file is closed.
pub(crate) fn lock(file: &File) -> io::Result<()> {
    Ok(flock(file, FlockOperation::LockExclusive)?)
}

/// Whether a file has an executable bit.
pub(crate) fn is_executable(metadata: &Metadata) -> bool {
    metadata.permissions().mode() & 0o111 != 0
}

/// Whether a program runs as somebody else: then the loader ignores `LD_PRELOAD`.
pub(crate) fn is_setuid(metadata: &Metadata) -> bool {
    metadata.permissions().mode() & 0o6000 != 0
}

/// Whether everybody can replace what lies in a directory.
pub(crate) fn everybody_can_write_to(metadata: &Metadata) -> bool {
    metadata.permissions().mode() & 0o1002 == 0o0002
}

/// Whether this user can create files in a directory.
pub(crate) fn can_write_into(directory: &Path) -> bool {
    access(directory, Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

/// Columns and rows of the terminal that standard output is; 0 for one that it does not know.
pub(crate) fn terminal_size() -> Option<(usize, usize)> {
    let size = rustix::termios::tcgetwinsize(rustix::stdio::stdout()).ok()?;
    Some((size.ws_col.into(), size.ws_row.into()))
}

/// Whether somebody may still read standard output: the other end of a pipe is open.
pub(crate) fn has_reader() -> bool {
    let out = rustix::stdio::stdout();
    let mut asked = [PollFd::new(&out, PollFlags::empty())];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    let answered = poll(&mut asked, Some(&now));
    answered.is_err() || !asked.iter().any(|one| one.revents().contains(PollFlags::ERR))
}

/// Whether a process is known to be over.
pub(crate) fn is_gone(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_none_or(|pid| test_kill_process(pid) == Err(Errno::SRCH))
}

/// Where programs of this user keep what they remember: `$XDG_STATE_HOME`, else `~/.local/state`.
pub(crate) fn state_directory() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    state.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/state")))
}
