//! The calls on files, each with its place for a failure on demand.
//!
//! Runs on: the installing thread, the writer thread, recoveries. Must not:
//! decide anything.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::Path;

use crate::sys::descriptor;
use crate::sys::faults::{self, Call};
use crate::sys::own_file::OwnFile;
use crate::sys::system;

pub(crate) fn open(options: &OpenOptions, path: &Path) -> io::Result<OwnFile> {
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

/// Fails where `to` exists.
pub(crate) fn hard_link(from: &Path, to: &Path) -> io::Result<()> {
    faults::check(Call::Link)?;
    fs::hard_link(from, to)
}

/// Everything that was written to the file, or to the names of a directory, is on the disk.
pub(crate) fn sync(file: &File) -> io::Result<()> {
    faults::check(Call::Sync)?;
    file.sync_all()
}

/// The bytes from here to the end, at most this many.
pub(crate) fn read_to_end(file: &File, most: u64) -> io::Result<Vec<u8>> {
    use std::io::Read as _;
    faults::check(Call::Read)?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// All bytes at `offset`, in as many calls as it takes.
pub(crate) fn write_all_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let taken = faults::write_limit(bytes.len())
            .and_then(|limit| system::write_at(file, bytes.get(..limit).unwrap_or(bytes), offset));
        match taken {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(taken) => {
                bytes = bytes.get(taken..).unwrap_or_default();
                offset = offset.saturating_add(taken as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The byte at `offset`; `None` at the end of the file.
pub(crate) fn byte_at(file: &File, offset: u64) -> io::Result<Option<u8>> {
    faults::check(Call::Read)?;
    let mut byte = [0];
    let read = system::read_at(file, &mut byte, offset)?;
    Ok(byte.first().copied().filter(|_| read > 0))
}
