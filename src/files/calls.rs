//! The calls on files, each with its place for a failure on demand.
//!
//! Runs on: the installing thread, the writer thread, and the thread that compresses archives. Must not: decide
//! anything.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::Path;

use crate::sys::descriptor;
use crate::sys::faults::{self, Call};

pub(crate) fn open(options: &OpenOptions, path: &Path) -> io::Result<File> {
    faults::check(Call::Open)?;
    options.open(path).map(descriptor::out_of_the_way)
}

/// Follows links.
pub(crate) fn stat(path: &Path) -> io::Result<Metadata> {
    faults::check(Call::Stat)?;
    fs::metadata(path)
}

/// Does not follow a link at the end.
pub(crate) fn lstat(path: &Path) -> io::Result<Metadata> {
    faults::check(Call::Stat)?;
    fs::symlink_metadata(path)
}

pub(crate) fn fstat(file: &File) -> io::Result<Metadata> {
    faults::check(Call::Stat)?;
    file.metadata()
}

/// One `write(2)`.
pub(crate) fn write(mut file: &File, bytes: &[u8]) -> io::Result<usize> {
    let limit = faults::write_limit(bytes.len())?;
    io::Write::write(&mut file, bytes.get(..limit).unwrap_or(bytes))
}

pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    faults::check(Call::Rename)?;
    fs::rename(from, to)
}

pub(crate) fn unlink(path: &Path) -> io::Result<()> {
    faults::check(Call::Unlink)?;
    fs::remove_file(path)
}

/// Names of the entries of a directory. Those that cannot be read are left out.
pub(crate) fn list(directory: &Path) -> io::Result<Vec<std::ffi::OsString>> {
    faults::check(Call::List)?;
    Ok(fs::read_dir(directory)?.flatten().map(|entry| entry.file_name()).collect())
}

/// The byte at `offset`; `None` at the end of the file.
#[cfg(unix)]
pub(crate) fn byte_at(file: &File, offset: u64) -> io::Result<Option<u8>> {
    faults::check(Call::Read)?;
    let mut byte = [0];
    let read = std::os::unix::fs::FileExt::read_at(file, &mut byte, offset)?;
    Ok(byte.first().copied().filter(|_| read > 0))
}

/// Elsewhere a file that is open for appending cannot be read.
#[cfg(not(unix))]
pub(crate) fn byte_at(_: &File, _: u64) -> io::Result<Option<u8>> {
    faults::check(Call::Read)?;
    Err(io::ErrorKind::Unsupported.into())
}
