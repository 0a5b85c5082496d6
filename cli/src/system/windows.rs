//! Windows. Access lists are not looked at.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::windows::fs::FileExt as _;
use std::path::{Path, PathBuf};

use same_file::Handle;
use terminal_size::{Height, Width, terminal_size_of};

/// What tells an open file from others; it keeps the file open.
pub(crate) type Identity = Handle;

/// Of an open file; `None` when it cannot be asked.
pub(crate) fn identity(file: &File) -> Option<Identity> {
    Handle::from_file(file.try_clone().ok()?).ok()
}

/// Of what lies at a path.
pub(crate) fn identity_at(path: &Path) -> Option<Identity> {
    Handle::from_path(path).ok()
}

/// Opens a file for appending; its directory says who may read it.
pub(crate) fn append_own(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// The path from the root on. Not without links: that would be one of the form `\\?\C:\`, which cargo does not write.
///
/// # Errors
/// There is nothing at the path.
pub(crate) fn whole_path(path: &Path) -> io::Result<PathBuf> {
    path.metadata()?;
    std::path::absolute(path)
}

/// Reads at an offset; readers of the same file must not rely on where it stands then.
pub(crate) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    match file.seek_read(buffer, offset) {
        // `ERROR_HANDLE_EOF`, for an offset behind the end.
        Err(error) if error.raw_os_error() == Some(38) => Ok(0),
        read => read,
    }
}

/// The cache that is locked has a library in it which no program here could load.
pub(crate) fn lock(_: &File) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// What can be executed is not said by the file.
pub(crate) fn is_executable(_: &Metadata) -> bool {
    true
}

/// No file here runs as somebody else.
pub(crate) fn is_setuid(_: &Metadata) -> bool {
    false
}

/// Not known, as the agent does not know it either.
pub(crate) fn everybody_can_write_to(_: &Metadata) -> bool {
    false
}

/// Not known before somebody tries; a directory has to be there.
pub(crate) fn can_write_into(directory: &Path) -> bool {
    directory.metadata().is_ok_and(|metadata| metadata.is_dir())
}

/// Columns and rows of the terminal that standard output is.
pub(crate) fn terminal_size() -> Option<(usize, usize)> {
    let (Width(columns), Height(rows)) = terminal_size_of(io::stdout())?;
    Some((columns.into(), rows.into()))
}

/// Not known before the next write.
pub(crate) fn has_reader() -> bool {
    true
}

/// Whether a process is known to be over: none is.
pub(crate) fn is_gone(_: u32) -> bool {
    false
}

/// Where programs of this user keep what they remember.
pub(crate) fn state_directory() -> Option<PathBuf> {
    std::env::var_os("LOCALAPPDATA").map(PathBuf::from).filter(|path| path.is_absolute())
}
