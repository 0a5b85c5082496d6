//! An open file to which lines are appended, and what is known of it.
//!
//! Runs on: the installing thread and the writer thread. Must not: block when it is opened, truncate, or change
//! the mode of a file that exists.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use std::{io, thread};

use super::trusted_path::{FileTrust, Last, own_alone, resolve};
use super::{RawWrite, raw_fd, syscalls};
use crate::sys::file_lock::{self, Locking};
use crate::sys::own_file::OwnFile;
use crate::sys::system;

/// Looks at an end that is no newline before it counts as torn: another process may be in the middle of its write.
const LOOKS_AT_END: u32 = 3;
/// Between two of these looks. A `write` of one line takes microseconds.
const BETWEEN_LOOKS: Duration = Duration::from_millis(1);

/// An open file.
#[derive(Debug)]
pub(crate) struct Appending {
    file: OwnFile,
    /// Where it was opened, without links unless every place is trusted.
    pub(crate) path: PathBuf,
    /// Whether it is a regular file, and not a pipe or a device.
    pub(crate) regular: bool,
    /// Bytes in it, when it was last looked at, and those written since.
    pub(crate) size: u64,
    /// When it was made, as far as the file system tells; else when it was opened.
    pub(crate) since: SystemTime,
    /// Device and inode.
    id: Option<(u64, u64)>,
}

impl Appending {
    /// Opens or creates the file: `O_APPEND`, `O_CLOEXEC`, `O_NONBLOCK`, mode 0600 when it is new.
    ///
    /// # Errors
    /// When it cannot be opened, or when another user can replace it (`PermissionDenied` with the reason).
    pub(crate) fn open(path: &Path, trust: FileTrust) -> io::Result<Self> {
        let place = resolve(path, trust)?;
        let regular = match syscalls::stat(&place.path) {
            Ok(there) => there.is_file(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            Err(error) => return Err(error),
        };
        let file = open(&place.path, regular, place.last == Last::Unchecked)?;
        let metadata = syscalls::fstat(&file)?;
        if place.last == Last::Shared {
            own_alone(&place.path, &metadata)?;
        }
        Ok(Self {
            path: place.path,
            regular: metadata.is_file(),
            size: metadata.len(),
            since: metadata.created().unwrap_or_else(|_| SystemTime::now()),
            id: system::file_id(&file, &metadata),
            file,
        })
    }

    /// Keeps the file from being deleted as an old archive until [`unlock`](Self::unlock); `false`
    /// when somebody does that already. `true` also where the file system has no locks.
    pub(crate) fn lock(&self) -> bool {
        !self.regular || !matches!(file_lock::shared(&self.file), Ok(Locking::Busy))
    }

    /// See [`lock`](Self::lock).
    pub(crate) fn unlock(&self) {
        if self.regular && self.is_ours() {
            file_lock::unlock(&self.file);
        }
    }

    /// Whether the descriptor still leads to this file, and not to one that the program has opened since.
    ///
    /// # Cost
    /// One system call.
    pub(crate) fn is_ours(&self) -> bool {
        self.file.is_ours()
    }

    /// Whether `path` leads to this file. When that cannot be found out it is assumed.
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        match syscalls::stat(path) {
            Ok(there) => system::file_id_at(path, &there) == self.id,
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        }
    }

    /// Looks at its size; gives whether the file still has a name anywhere.
    pub(crate) fn look(&mut self) -> io::Result<bool> {
        let metadata = syscalls::fstat(&self.file)?;
        self.size = metadata.len();
        Ok(system::has_name(&metadata))
    }

    /// Whether it is a file that can be put aside, and not a pipe, a device, or somebody else's open file.
    pub(crate) fn rotates(&self) -> bool {
        self.regular && !self.path.starts_with("/proc")
    }

    /// Whether it ends in the middle of a line, left by a process that died or by a full disk; `None` when the end
    /// cannot be read.
    pub(crate) fn is_torn(&mut self) -> Option<bool> {
        if !self.regular {
            return None;
        }
        for look in 1..=LOOKS_AT_END {
            let Some(last) = self.size.checked_sub(1) else { return Some(false) };
            if syscalls::byte_at(&self.file, last).ok()?.is_none_or(|byte| byte == b'\n') {
                return Some(false);
            }
            if look < LOOKS_AT_END {
                thread::sleep(BETWEEN_LOOKS);
                self.look().ok()?;
            }
        }
        Some(true)
    }
}

impl RawWrite for Appending {
    /// Nothing is written, and the error is `EBADF`, where the descriptor leads elsewhere by now.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.is_ours() {
            return Err(system::not_open());
        }
        let taken = syscalls::write(&self.file, bytes)?;
        self.size = self.size.saturating_add(taken as u64);
        Ok(taken)
    }

    fn wait_writable(&mut self) {
        raw_fd::wait_for(&self.file);
    }
}

/// A regular file is opened for reading, too, so that its end can be looked at, where that is allowed.
fn open(path: &Path, regular: bool, follow: bool) -> io::Result<OwnFile> {
    let mut options = OpenOptions::new();
    options.append(true).read(regular).create(regular);
    // A pipe that nobody reads is not waited for.
    system::for_appending(&mut options, follow);
    match syscalls::open(&options, path) {
        Err(error) if regular && error.kind() == io::ErrorKind::PermissionDenied => {
            syscalls::open(options.read(false), path)
        }
        other => other,
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::files::testing::{Dir, skip};

    fn open_there(path: &Path) -> io::Result<Appending> {
        Appending::open(path, FileTrust::Strict)
    }

    #[test]
    fn a_new_file_is_its_owners_alone_and_an_old_one_keeps_its_mode() {
        let dir = Dir::new("modes");
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        open_there(&dir.join("fresh")).unwrap();
        assert_eq!(mode(&dir.join("fresh")), 0o600);
        std::fs::write(dir.join("old"), "").unwrap();
        std::fs::set_permissions(dir.join("old"), std::fs::Permissions::from_mode(0o640)).unwrap();
        open_there(&dir.join("old")).unwrap();
        assert_eq!(mode(&dir.join("old")), 0o640);
    }

    #[test]
    fn a_pipe_without_a_reader_is_an_error_and_no_wait() {
        let dir = Dir::new("pipe");
        let path = dir.join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        assert_eq!(open_there(&path).unwrap_err().raw_os_error(), Some(libc::ENXIO));
        let _reader = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let mut pipe = open_there(&path).unwrap();
        assert!(!pipe.regular && pipe.is_torn().is_none() && pipe.lock());
        assert_eq!(RawWrite::write(&mut pipe, b"1\n").unwrap(), 2);
    }

    #[test]
    fn beside_files_of_others_only_an_own_file_with_one_name_is_taken() {
        let dir = Dir::new("shared");
        let shared = dir.join("shared");
        std::fs::create_dir(&shared).unwrap();
        std::fs::set_permissions(&shared, std::fs::Permissions::from_mode(0o1777)).unwrap();
        open_there(&shared.join("new")).unwrap();
        open_there(&shared.join("new")).unwrap();
        std::fs::hard_link(shared.join("new"), shared.join("second")).unwrap();
        let error = open_there(&shared.join("new")).unwrap_err();
        assert!(error.to_string().contains("has a second name"), "{error}");
        std::fs::write(shared.join("theirs"), "").unwrap();
        if std::os::unix::fs::chown(shared.join("theirs"), Some(12_345), None).is_err() {
            return skip("only root can give a file away");
        }
        let error = open_there(&shared.join("theirs")).unwrap_err();
        assert!(error.to_string().contains("is a file of user 12345"), "{error}");
        assert!(Appending::open(&shared.join("theirs"), FileTrust::Any).is_ok());
    }

    #[test]
    fn an_end_without_a_newline_is_torn() {
        let dir = Dir::new("torn");
        for (text, torn) in [("", false), ("{}\n", false), ("{}\n{\"a\":", true), ("\0\0", true)] {
            std::fs::write(dir.join("log"), text).unwrap();
            assert_eq!(open_there(&dir.join("log")).unwrap().is_torn(), Some(torn), "{text:?}");
        }
    }
}
