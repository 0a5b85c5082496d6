//! Compresses archives, on a thread that ends when it is done.
//!
//! Runs on: the thread `panic-agent-gzip`. Must not: touch an archive into which some process still writes, or give
//! an unfinished file the name of a finished one.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use flate2::write::GzEncoder;

use super::rotation::{Archive, Directory, GZ, PART, State};
use crate::files::calls;
use crate::sys::file_lock;
use crate::sys::own_file::OwnFile;

/// Name of the thread.
const THREAD_NAME: &str = "panic-agent-gzip";
/// Whether archives can be compressed in this build.
pub(crate) const AVAILABLE: bool = true;

/// Compresses the archives that are not in use, without waiting for it. The archives that are left are compressed
/// after the next rotation, by this or another process.
pub(super) fn start(directory: &Directory) {
    let Ok(archives) = directory.archives() else { return };
    let plain: Vec<Archive> = archives.into_iter().filter(|archive| archive.state == State::Plain).collect();
    if !plain.is_empty() {
        let work = move || plain.iter().for_each(|archive| drop(compress(archive)));
        // Without a thread they stay as they are.
        let _on_its_own = thread::Builder::new().name(THREAD_NAME.to_owned()).spawn(work);
    }
}

/// # Errors
/// When it could not be compressed. It is left as it was.
pub(super) fn compress(archive: &Archive) -> io::Result<()> {
    let Some(source) = archive.take()? else { return Ok(()) };
    let (part, whole) = (with_ending(&archive.path, PART), with_ending(&archive.path, GZ));
    let written = write(&source, &part).and_then(|()| calls::rename(&part, &whole));
    if written.is_err() {
        // If this fails, too, the next rotation deletes it.
        calls::unlink(&part).ok();
        return written;
    }
    calls::unlink(&archive.path)
}

fn write(mut source: &File, part: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let target = match calls::open(&options, part) {
        // Who has the lock on the archive is the only one to compress it: this was left by somebody who died.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            calls::unlink(part)?;
            calls::open(&options, part)?
        }
        other => other?,
    };
    // So that nobody takes it for one that was left behind. Without the lock it is only made once more.
    let _unlocked_where_there_are_none = file_lock::exclusive(&target);
    let mut encoder = GzEncoder::new(Written(target), flate2::Compression::default());
    io::copy(&mut source, &mut encoder)?;
    encoder.finish()?.0.sync_all()
}

/// A file whose writes can be made to fail.
struct Written(OwnFile);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        calls::write(&self.0, bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
